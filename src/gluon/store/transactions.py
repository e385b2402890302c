# SPDX-License-Identifier: Apache-2.0
"""Reads and Tx in SQL, for every engine: the statements of ``plans`` run on a session.

An engine hands in a session and says what a violated constraint becomes. With a session that never suspends (SQLite's)
nothing here suspends either.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from gluon.errors import Conflict, Fault
from gluon.model.schema import Attribute, Object
from gluon.model.types import Integer
from gluon.particle.wording import named
from gluon.store.conditions import packed
from gluon.store.contract import Query, Record, Referrer
from gluon.store.driver import Row, Violation
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.refusals import Blocked
from gluon.store.rowplans import SEVERAL, ObjectPlan
from gluon.store.statements import Statement

#: Up to here objects are cheaper read one by one.
_FEW: Final = 4


class Session(Protocol):
    """A connection, as far as it is needed here."""

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a statement. Raises Violation where a constraint stands in the way, and what else the engine raises."""
        ...


class RowReads:
    """Reads on a session; consistent where that is in a transaction."""

    def __init__(self, session: Session, plans: Plans) -> None:
        self._session = session
        self._plans = plans

    async def run(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        """All rows of any statement, which may write where this is a Tx."""
        return await self._session.fetch(statement.sql, statement.bind(values))

    async def get(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        plan = self._plans.of[obj]
        rows = await self._session.fetch(plan.get.sql, (id,))
        return plan.record(rows[0]) if rows else None

    async def several(self, obj: Object, ids: Sequence[Any]) -> dict[Any, Record]:
        """Those of these that are there, by their identifiers, in few statements."""
        found: dict[Any, Record] = {}
        if len(ids) <= _FEW:
            for id in ids:
                record = await self.get(obj, id)
                if record is not None:
                    found[id] = record
            return found
        plan = self._plans.of[obj]
        for part in chunks(ids, SEVERAL):
            for row in await self._rows(plan.several, {f"id{n}": id for n, id in enumerate(part)}):
                record = plan.record(row)
                found[record[plan.identifier]] = record
        return found

    async def page(self, obj: Object, query: Query) -> list[Record]:
        """See the contract."""
        plan = self._plans.of[obj]
        return [plan.record(row) for row in await self._rows(*plan.paged(query))]

    async def carried(self, binding: Object, ports: Sequence[Any]) -> list[tuple[Any, Record]]:
        """See the contract."""
        plan = self._plans.of[binding]
        rows = await self._rows(self._plans.carried[binding], {"ports": packed(ports, self._plans.dialect)})
        return [(row[0], plan.record(row[1:])) for row in rows]

    async def referrers(self, obj: Object, id: Any, limit: int = 10) -> list[Referrer]:
        """See the contract."""
        found: list[Referrer] = []
        for pointing in self._plans.pointing[obj]:
            rows = await self._rows(pointing.referrers, {"value": id, "limit": limit - len(found)})
            found += [Referrer(pointing.object, row[0], pointing.link.attribute) for row in rows]
            if len(found) >= limit:
                break
        return found

    async def referring(self, obj: Object, attribute: Attribute, target: Any) -> list[Record]:
        """See the contract."""
        plan = self._plans.of[obj]
        return [plan.record(row) for row in await self._rows(plan.referring(attribute.name), {"target": target})]

    async def _rows(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        return await self._session.fetch(statement.sql, statement.bind(values))


class RowTx(RowReads):
    """One unit of work in a transaction. ``changed`` names the Protons whose changes it logged."""

    def __init__(self, session: Session, plans: Plans, log: LogPlans) -> None:
        super().__init__(session, plans)
        self._log = log
        self.changed: set[str] = set()

    async def blocked(self, blocked: Blocked) -> Exception:
        """What to raise where a constraint stands in the way: the explanation, or ``blocked`` for one who explains it later."""
        return blocked

    async def lock(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        plan = self._plans.of[obj]
        rows = await self._session.fetch(plan.lock.sql, (id,))
        return plan.record(rows[0]) if rows else None

    async def hold(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        plan = self._plans.of[obj]
        rows = await self._session.fetch(plan.hold.sql, (id,))
        return plan.record(rows[0]) if rows else None

    async def insert(self, obj: Object, record: Record) -> None:
        """See the contract."""
        plan = self._plans.of[obj]
        id = record[plan.identifier]
        try:
            await self._session.fetch(plan.insert.sql, plan.row(record))
            await self._elements(plan, id, record)
            if obj.is_port:
                await self._session.fetch(self._log.add_port.sql, port_row(self._log, obj, id))
        except Violation as violation:
            raise await self.blocked(Blocked(violation, obj, id, record)) from violation

    async def update(self, obj: Object, id: Any, values: Mapping[str, Any]) -> None:
        """See the contract."""
        plan = self._plans.of[obj]
        statement = plan.update(tuple(values))
        stored = {name: plan.column(name, value) for name, value in values.items()}
        try:
            await self._rows(statement, {**stored, "\0key": id})
            await self._elements(plan, id, values, clear=True)
        except Violation as violation:
            raise await self.blocked(Blocked(violation, obj, id, values)) from violation

    async def delete(self, obj: Object, id: Any) -> None:
        """See the contract. The element rows go with their owner."""
        try:
            await self._session.fetch(self._plans.of[obj].delete.sql, (id,))
        except Violation as violation:
            raise await self.blocked(Blocked(violation, obj, id, None)) from violation
        if obj.is_port:
            await self._session.fetch(self._log.drop_port.sql, (str(id),))

    async def free_value(self, obj: Object, attribute: Attribute) -> int | None:
        """One more than the greatest; where that is over the bound, the least, or else one in the last gap."""
        assert isinstance(attribute.type, Integer)
        least, most = attribute.type.min, attribute.type.max
        bounds = {"least": least, "most": most}
        plan = self._plans.of[obj]
        greatest, gap = plan.free(attribute.name)
        last = (await self._rows(greatest, bounds))[0][0]
        if last is None:
            return least
        if last < most:
            return int(last) + 1
        if not await self._rows(plan.find((attribute.name,)), {attribute.name: least}):
            return least
        rows = await self._rows(gap, bounds)
        return int(rows[0][0]) + 1 if rows else None

    async def log_change(self, obj: Object, id: Any) -> None:
        """See the contract."""
        self.changed.add(obj.proton)
        await self._session.fetch(self._log.add.sql, change_row(self._log, obj, id))

    async def _elements(self, plan: ObjectPlan, owner: Any, values: Mapping[str, Any], *, clear: bool = False) -> None:
        for element in plan.elements:
            if element.attribute.name not in values:
                continue
            if clear:
                await self._rows(element.clear, {"owner": owner})
            for row in element.rows(owner, values[element.attribute.name]):
                await self._session.fetch(element.insert.sql, row)


def change_row(log: LogPlans, obj: Object, id: Any) -> tuple[Any, ...]:
    """The parameters of ``log.add`` for a change that is made now."""
    return log.add.bind({"proton": obj.proton, "object": obj.name, "object_id": str(id), "at": time.time_ns() // 1_000_000})


def port_row(log: LogPlans, port: Object, id: Any) -> tuple[Any, ...]:
    """The parameters of ``log.add_port``."""
    return log.add_port.bind({"id": str(id), "proton": port.proton})


def chunks(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """These values in lists of exactly ``size``, the last one filled up with its last value."""
    for start in range(0, len(values), size):
        part = list(values[start : start + size])
        yield part + part[-1:] * (size - len(part))


def exists_already(obj: Object, id: Any) -> Conflict:
    """The error for an identifier that is in use."""
    detail = f"{named(obj, id)} exists already"
    return Conflict(detail, [Fault(f"/{obj.identifier.name}", detail)])
