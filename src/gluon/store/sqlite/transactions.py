# SPDX-License-Identifier: Apache-2.0
"""Reads and Tx on one SQLite connection. Nothing here suspends: every method runs its statements and returns."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from gluon.errors import Conflict, Fault, Invalid
from gluon.model.schema import Attribute, Object
from gluon.model.types import Integer
from gluon.particle.wording import named
from gluon.store.contract import Query, Record, Referrer
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.rowplans import ObjectPlan
from gluon.store.sqlite.failures import unavailable
from gluon.store.sqlite.refusals import explain
from gluon.store.statements import Statement

T = TypeVar("T")
#: What the driver raises for integers beyond 64 bits and for lone surrogates; no stored value has either.
UNSTORABLE: Final = (OverflowError, UnicodeEncodeError)
Work = Callable[["SqliteTx"], Awaitable[T]]


def drive(work: Awaitable[T]) -> T:
    """Run a unit of work to its end. It awaits nothing but its transaction, which never suspends."""
    coroutine = cast("Coroutine[Any, Any, T]", work)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    coroutine.close()
    raise RuntimeError("a unit of work awaited something other than its transaction")


class SqliteReads:
    """Reads on a connection; consistent where it is in a transaction."""

    def __init__(self, connection: sqlite3.Connection, plans: Plans) -> None:
        self._connection = connection
        self._plans = plans

    def run(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement; any failure of the database is Unavailable."""
        return self._run(statement.sql, statement.bind(values))

    def _run(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise unavailable(error) from error
        except UNSTORABLE as error:
            raise Invalid("a value is beyond what the database can hold") from error

    async def get(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        plan = self._plans.of[obj]
        rows = self._run(plan.get.sql, (id,))
        return plan.record(rows[0]) if rows else None

    async def page(self, obj: Object, query: Query) -> list[Record]:
        """See the contract."""
        plan = self._plans.of[obj]
        where = tuple((name, value is None) for name, value in query.where.items())
        statement = plan.page(where, query.after is not None)
        values = {name: plan.column(name, value) for name, value in query.where.items()}
        rows = self.run(statement, {**values, "\0after": query.after, "\0limit": query.limit})
        return [plan.record(row) for row in rows]


class SqliteTx(SqliteReads):
    """One unit of work in a transaction. ``changed`` names the Protons whose changes it logged."""

    def __init__(self, connection: sqlite3.Connection, plans: Plans, log: LogPlans) -> None:
        super().__init__(connection, plans)
        self._log = log
        self.changed: set[str] = set()

    async def lock(self, obj: Object, id: Any) -> Record | None:
        """get: the one writer is the lock."""
        return await self.get(obj, id)

    async def insert(self, obj: Object, record: Record) -> None:
        """See the contract."""
        plan = self._plans.of[obj]
        if obj.is_port:
            self._refuse_known_port(obj, record[plan.identifier])
        try:
            self._run(plan.insert.sql, plan.row(record))
            self._elements(plan, record[plan.identifier], record)
        except sqlite3.IntegrityError as error:
            raise explain(self, plan, record, error) from error

    async def update(self, obj: Object, id: Any, values: Mapping[str, Any]) -> None:
        """See the contract."""
        plan = self._plans.of[obj]
        statement = plan.update(tuple(values))
        stored = {name: plan.column(name, value) for name, value in values.items()}
        try:
            self.run(statement, {**stored, "\0key": id})
            self._elements(plan, id, values, clear=True)
        except sqlite3.IntegrityError as error:
            record = {**(await self.get(obj, id) or {}), **values}
            raise explain(self, plan, record, error) from error

    async def delete(self, obj: Object, id: Any) -> None:
        """See the contract. The element rows go with their owner."""
        try:
            self._run(self._plans.of[obj].delete.sql, (id,))
        except sqlite3.IntegrityError as error:
            raise Conflict(f"{named(obj, id)} is still referred to") from error

    async def referrers(self, obj: Object, id: Any, limit: int = 10) -> list[Referrer]:
        """See the contract."""
        found: list[Referrer] = []
        for pointing in self._plans.pointing[obj]:
            rows = self.run(pointing.referrers, {"value": id, "limit": limit - len(found)})
            found += [Referrer(pointing.object, row[0], pointing.link.attribute) for row in rows]
            if len(found) >= limit:
                break
        return found

    async def referring(self, obj: Object, attribute: Attribute, target: Any) -> list[Record]:
        """See the contract."""
        plan = self._plans.of[obj]
        return [plan.record(row) for row in self.run(plan.referring(attribute.name), {"target": target})]

    async def free_value(self, obj: Object, attribute: Attribute) -> int | None:
        """One more than the greatest; where that is over the bound, the least, or else one in the last gap."""
        assert isinstance(attribute.type, Integer)
        least, most = attribute.type.min, attribute.type.max
        bounds = {"least": least, "most": most}
        plan = self._plans.of[obj]
        greatest, gap = plan.free(attribute.name)
        last = self.run(greatest, bounds)[0][0]
        if last is None:
            return least
        if last < most:
            return int(last) + 1
        if not self.run(plan.find((attribute.name,)), {attribute.name: least}):
            return least
        rows = self.run(gap, bounds)
        return int(rows[0][0]) + 1 if rows else None

    async def log_change(self, obj: Object, id: Any) -> None:
        """See the contract."""
        self.changed.add(obj.proton)
        values = {"proton": obj.proton, "object": obj.name, "object_id": str(id), "at": time.time_ns() // 1_000_000}
        self.run(self._log.add, values)

    def _refuse_known_port(self, port: Object, id: Any) -> None:
        """Raise Conflict where another Proton has a port with this identifier. The one writer is what makes looking enough."""
        for other, find in self._plans.other_ports(port):
            if self.run(find, {other.identifier.name: id}):
                detail = f"{named(other, id)} exists already in {other.proton}"
                raise Conflict(detail, [Fault(f"/{port.identifier.name}", detail)])

    def _elements(self, plan: ObjectPlan, owner: Any, values: Mapping[str, Any], *, clear: bool = False) -> None:
        for element in plan.elements:
            if element.attribute.name not in values:
                continue
            if clear:
                self.run(element.clear, {"owner": owner})
            for row in element.rows(owner, values[element.attribute.name]):
                self._run(element.insert.sql, row)
