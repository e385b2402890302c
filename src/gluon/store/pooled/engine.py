# SPDX-License-Identifier: Apache-2.0
"""The Store over a database server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from gluon.errors import Invalid, RequestError
from gluon.model.schema import Object
from gluon.store.changelog import RowChangeLog, probing
from gluon.store.contract import Query, Record
from gluon.store.driver import Connection, Driver
from gluon.store.explaining import Explainer
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.pooled.attempting import Attempts
from gluon.store.pooled.committing import Committer
from gluon.store.pooled.failures import unavailable
from gluon.store.pooled.pool import Pool, in_snapshot
from gluon.store.refusals import Blocked
from gluon.store.transactions import RowReads

T = TypeVar("T")
#: Lanes that commit what clients write. One is as fast; with two, a lock that one waits for does not hold up all requests.
LANES: Final = 2
#: The relay's own connections for reading: it takes changes while metrics count them.
_RELAY: Final = 2
#: Seconds that ``ready`` waits for a write; /readyz itself gives up after two.
_PATIENCE: Final = 1.5


class PooledStore:
    """See ``gluon.store.contract.Store``. Belongs to the event loop that was running when it was made."""

    def __init__(self, driver: Driver, plans: Plans, log: LogPlans, *, pool_size: int = 10, lanes: int = LANES) -> None:
        """The tables are there. Connects when there is something to do."""
        self._plans = plans
        self._place = driver.place
        self._explainer = Explainer(plans, log)
        self._gets = {obj: (plan.get.sql, plan.record) for obj, plan in plans.of.items()}
        self._reading = Pool(driver, pool_size)
        self._relaying = Pool(driver, _RELAY)
        attempts = Attempts(plans, log)
        self._committer = Committer(driver, attempts, self._explain, self._changed, lanes)
        self._settler = Committer(driver, attempts, self._explain, self._changed, 1)
        self._log = RowChangeLog(self._read_for_relay, self._write_for_relay, plans, log)
        self._probe = probing(log)
        self._closed = False

    @property
    def log(self) -> RowChangeLog:
        """The relay's side."""
        return self._log

    async def get(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        sql, decode = self._gets[obj]
        try:
            rows = await self._reading.fetch(sql, (id,))
        except Invalid:
            return None  # no stored value is beyond what the database can hold
        return decode(rows[0]) if rows else None

    async def page(self, obj: Object, query: Query) -> list[Record]:
        """See the contract. One statement sees one snapshot."""

        async def work(connection: Connection) -> list[Record]:
            return await RowReads(connection, self._plans).page(obj, query)

        return await self._reading.use(work)

    async def read(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """See the contract."""
        return await self._read(self._reading, work)

    async def write(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """See the contract."""
        result: T = await self._committer.submit(work)
        return result

    async def ready(self) -> None:
        """See the contract. Says what it waits for where that takes long, before those who ask lose patience."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.write(self._probe)
        except TimeoutError:
            raise self._committer.outage.why() from None

    async def close(self) -> None:
        """See the contract."""
        if self._closed:
            return
        self._closed = True
        for part in (self._committer, self._settler, self._reading, self._relaying):
            await part.close()

    async def _read(self, pool: Pool, work: Callable[[Any], Awaitable[T]]) -> T:
        async def reading(connection: Connection) -> T:
            return await work(RowReads(connection, self._plans))

        async def on_snapshot(connection: Connection) -> T:
            return await in_snapshot(connection, reading)

        return await pool.use(on_snapshot)

    async def _read_for_relay(self, work: Callable[[Any], Awaitable[T]]) -> T:
        return await self._read(self._relaying, work)

    async def _write_for_relay(self, work: Callable[[Any], Awaitable[T]]) -> T:
        result: T = await self._settler.submit(work)
        return result

    def _changed(self, protons: Any) -> None:
        self._log.changed(protons)

    async def _explain(self, connection: Connection, error: Exception) -> RequestError:
        """The error that a client gets for what went wrong with its unit of work alone."""
        if isinstance(error, Blocked):
            return await self._explainer.explain(RowReads(connection, self._plans), error)
        return unavailable(self._place, error)
