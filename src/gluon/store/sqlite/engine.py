# SPDX-License-Identifier: Apache-2.0
"""The Store over one SQLite file.

    get              on the event loop, on a connection of its own: one look-up costs less than any hand-over
    page, read       in a reader's thread; the relay has a reader to itself
    write            in the writer's thread, in groups (``committing``)

In WAL mode readers never wait for the writer, nor it for them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy.dialects import sqlite

from gluon.errors import Unavailable
from gluon.model.schema import Object, Proton
from gluon.particle.quoting import quoting
from gluon.store.changelog import RowChangeLog, probing
from gluon.store.contract import Query, Record
from gluon.store.explaining import Explainer
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.refusals import closed
from gluon.store.sqlite.committing import Writer
from gluon.store.sqlite.failures import unavailable
from gluon.store.sqlite.opening import connect, prepare
from gluon.store.sqlite.reading import Reader
from gluon.store.sqlite.transactions import UNSTORABLE, SqliteSession, SqliteTx
from gluon.store.transactions import RowReads

T = TypeVar("T")
#: Seconds that ``ready`` waits for a write; /readyz itself gives up after two.
_PATIENCE: Final = 1.5


class SqliteStore:
    """See ``gluon.store.contract.Store``. Belongs to the event loop that was running when it was made."""

    def __init__(self, path: Path, protons: Sequence[Proton], *, auto_apply: bool = True, busy: float = 5.0) -> None:
        """Opens the file; with ``auto_apply`` makes what it lacks. ``busy``: seconds to wait for another process that writes.

        Raises SettingsError where the file cannot be used.
        """
        dialect = sqlite.dialect(paramstyle="qmark")
        quoting(dialect)
        columns = prepare(path, protons, auto_apply=auto_apply, busy=busy)
        plans, log = Plans(protons, dialect, columns), LogPlans(dialect)
        self._plans = plans
        self._near = connect(path, writes=False, busy=busy)
        self._readers = [self._reader(path, busy, name) for name in ("gluon-reader", "gluon-relay-reader")]
        self._gets = {obj: (plan.get.sql, plan.record) for obj, plan in plans.of.items()}
        self._log = RowChangeLog(self._readers[1].read, self.write, plans, log)
        writing = connect(path, writes=True, busy=busy, everywhere=True)
        session, explainer = SqliteSession(writing), Explainer(plans, log)
        self._writer = Writer(writing, lambda: SqliteTx(session, plans, log, explainer), self._log.changed)
        self._probe = probing(log)
        self._closed = False

    @property
    def log(self) -> RowChangeLog:
        """The relay's side."""
        return self._log

    async def get(self, obj: Object, id: Any) -> Record | None:
        """See the contract."""
        if self._closed:
            raise closed()
        sql, decode = self._gets[obj]
        try:
            row = self._near.execute(sql, (id,)).fetchone()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        except UNSTORABLE:
            return None
        return None if row is None else decode(row)

    async def page(self, obj: Object, query: Query) -> list[Record]:
        """See the contract."""

        async def work(reads: RowReads) -> list[Record]:
            return await reads.page(obj, query)

        return await self.read(work)

    async def read(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """See the contract."""
        return await self._readers[0].read(work)

    async def write(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """See the contract."""
        result: T = await self._writer.submit(work)
        return result

    async def ready(self) -> None:
        """See the contract. Says what it waits for where that takes long, before those who ask lose patience."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.write(self._probe)
        except TimeoutError:
            raise Unavailable(self._writer.delay) from None

    async def close(self) -> None:
        """See the contract."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        for reader in self._readers:
            await reader.close()
        self._near.close()

    def _reader(self, path: Path, busy: float, name: str) -> Reader:
        connection = connect(path, writes=False, busy=busy, everywhere=True)
        session = SqliteSession(connection)
        return Reader(connection, lambda: RowReads(session, self._plans), name)
