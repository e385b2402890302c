# SPDX-License-Identifier: Apache-2.0
"""A unit of work in a transaction on a database server.

Beside others it gathers what it inserts; alone, it sends everything at once, so that an error is known to be its own and says
which write it was. Change rows are gathered either way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from gluon.model.schema import Attribute, Object
from gluon.store.contract import Query, Record, Referrer
from gluon.store.driver import Connection, Row
from gluon.store.logplans import ALLOCATING, LogPlans
from gluon.store.plans import Plans
from gluon.store.pooled.gathering import Gathered
from gluon.store.refusals import Busy
from gluon.store.statements import Statement
from gluon.store.transactions import RowTx, change_row, exists_already, port_row


class PooledTx(RowTx):
    """See ``gluon.store.contract.Tx``. Raises DatabaseErrors and Blocked as well, which no unit of work handles.

    ``sent``: something of this unit is in the transaction, so that it cannot be undone without the others.
    """

    def __init__(self, connection: Connection, plans: Plans, log: LogPlans, gathered: Gathered, *, together: bool) -> None:
        super().__init__(connection, plans, log)
        self._connection = connection
        self._gathered = gathered
        self._together = together
        self._start = gathered.mark()
        self.sent = False

    def cut(self) -> None:
        """Forget what this unit gathered; only where nothing of it was sent."""
        self._gathered.cut(self._start)

    async def run(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        """Any statement, which may write: what was gathered goes first."""
        await self._send(changes=True)
        self.sent = True
        return await super().run(statement, values)

    async def get(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        await self._send_object(obj, id)
        return await super().get(obj, id)

    async def several(self, obj: Object, ids: Sequence[Any]) -> dict[Any, Record]:
        """Those of these that are there."""
        await self._send()
        return await super().several(obj, ids)

    async def page(self, obj: Object, query: Query) -> list[Record]:
        """See the contract."""
        await self._send()
        return await super().page(obj, query)

    async def carried(self, binding: Object, ports: Sequence[Any]) -> list[tuple[Any, Record]]:
        """See the contract."""
        await self._send()
        return await super().carried(binding, ports)

    async def referrers(self, obj: Object, id: Any, limit: int = 10) -> list[Referrer]:
        """See the contract. Who looks wants to delete it: on a cluster that collides with those that hold it, where no foreign
        key sees to that."""
        if self._connection.optimistic and any(len(p.link.reference.targets) > 1 for p in self._plans.pointing[obj]):
            await self._collide()
        await self._send()
        return await super().referrers(obj, id, limit)

    async def referring(self, obj: Object, attribute: Attribute, target: Any) -> list[Record]:
        """See the contract."""
        await self._send()
        return await super().referring(obj, attribute, target)

    async def lock(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        if not self._together:
            return await super().lock(obj, id)
        return await self._if_free(self._plans.of[obj].lock_free, obj, id)

    async def hold(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        if self._connection.optimistic:
            await self._collide()
        if not self._together:
            return await super().hold(obj, id)
        return await self._if_free(self._plans.of[obj].hold_free, obj, id)

    async def free_value(self, obj: Object, attribute: Attribute) -> int | None:
        """See the contract. Changes the row that all who allocate change: one after the other, on however many servers.

        On a cluster of databases two may still do it at once; then the later COMMIT fails, for both changed that row.
        """
        await self._collide()
        return await super().free_value(obj, attribute)

    async def insert(self, obj: Object, record: Record) -> None:
        """See the contract. Beside others a Conflict is found at the end of the transaction only."""
        if not self._together:
            self.sent = True
            await super().insert(obj, record)
            return
        plan, gathered = self._plans.of[obj], self._gathered
        id = record[plan.identifier]
        if gathered.holds((obj, id)):
            raise exists_already(obj, id)
        gathered.claim((obj, id))
        gathered.add(plan.insert.sql, plan.row(record))
        for element in plan.elements:
            for row in element.rows(id, record[element.attribute.name]):
                gathered.add(element.insert.sql, row)
        if obj.is_port:
            gathered.add(self._log.add_port.sql, port_row(self._log, obj, id))

    async def update(self, obj: Object, id: Any, values: Mapping[str, Any]) -> None:
        """See the contract."""
        await self._send_object(obj, id)
        self.sent = True
        await super().update(obj, id, values)

    async def delete(self, obj: Object, id: Any) -> None:
        """See the contract."""
        await self._send()
        self.sent = True
        await super().delete(obj, id)

    async def log_change(self, obj: Object, id: Any) -> None:
        """See the contract."""
        self.changed.add(obj.proton)
        self._gathered.add(self._log.add.sql, change_row(self._log, obj, id))

    async def _collide(self) -> None:
        """Change a row, so that no two transactions that do so are committed side by side."""
        await self._send()
        await self._rows(self._log.set_meta, {"key": ALLOCATING, "new": os.urandom(16).hex()})

    async def _if_free(self, statement: Statement, obj: Object, id: Any) -> Record | None:
        """The object, locked; raises Busy where another transaction has it. So a group waits for no object: it would hold up
        all its members, and two groups that take the same objects in other orders would wait for each other."""
        await self._send_object(obj, id)
        rows = await self._connection.fetch(statement.sql, (id,))
        if rows:
            return self._plans.of[obj].record(rows[0])
        if await super().get(obj, id) is not None:
            raise Busy
        return None

    async def _send_object(self, obj: Object, id: Any) -> None:
        if self._gathered.holds((obj, id)):
            await self._send()

    async def _send(self, *, changes: bool = False) -> None:
        self.sent = self.sent or self._gathered.grown(self._start)
        await self._gathered.send(self._connection, changes=changes)
        self._start = self._gathered.mark()
