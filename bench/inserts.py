# SPDX-License-Identifier: Apache-2.0
"""The floor for creates: the rows that creating a port writes, through the bare driver on one connection, many to a commit."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from bench import outbox
from bench.outbox import direct
from gluon.model.schema import Object
from gluon.settings import Database
from gluon.store.contract import Record
from gluon.store.logplans import LogPlans
from gluon.store.opening import database_url, driver_of
from gluon.store.plans import Plans


class _Bare(Protocol):
    async def begin(self) -> None: ...

    async def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...

    async def commit(self) -> None: ...

    async def close(self) -> None: ...


class _Sqlite:
    """A connection to SQLite as the store has it, with no thread between."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=FULL")

    async def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    async def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    async def commit(self) -> None:
        self._connection.execute("COMMIT")

    async def close(self) -> None:
        self._connection.close()


async def rate(url: str, port: str, together: int, seconds: int) -> float:
    """Ports a second, ``together`` to a commit, each like ``port`` (an identifier): its row and its interface's, the entry
    that keeps its identifier unique, two change rows."""
    connection, dialect = await _connect(url)
    try:
        async with direct(url) as (store, proton):
            objects = [next(obj for obj in proton.objects if obj.is_port), proton.interface]
            records = [(obj, await store.get(obj, port)) for obj in objects if obj is not None]
            rows = _Rows(Plans([proton], dialect), LogPlans(dialect), [(obj, record) for obj, record in records if record])
            done, start = 0, time.perf_counter()
            while time.perf_counter() < start + seconds:
                await connection.begin()
                for sql, values in rows.of(together):
                    await connection.many(sql, values)
                await connection.commit()
                done += together
                await asyncio.sleep(0)
            took = time.perf_counter() - start
            await outbox.forget(store)
            return done / took
    finally:
        await connection.close()


class _Rows:
    """The statements that write ports, and their parameters."""

    def __init__(self, plans: Plans, log: LogPlans, records: Sequence[tuple[Object, Record]]) -> None:
        self._plans = plans
        self._log = log
        self._records = records

    def of(self, ports: int) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """For so many new ports."""
        ids = [str(uuid.uuid4()) for _ in range(ports)]
        found = [(self._log.add_port.sql, [self._log.add_port.bind({"id": id, "proton": "net-l3vpn"}) for id in ids])]
        changes = []
        for obj, record in self._records:
            plan = self._plans.of[obj]
            new = [record | {"id": id} | ({"port_id": id} if "port_id" in record else {}) for id in ids]
            found.append((plan.insert.sql, [plan.row(each) for each in new]))
            changes += [{"proton": obj.proton, "object": obj.name, "object_id": id, "at": 0} for id in ids]
        found.append((self._log.add.sql, [self._log.add.bind(change) for change in changes]))
        return found


async def _connect(url: str) -> tuple[_Bare, sa.Dialect]:
    where = database_url(url)
    if where.get_backend_name() == "sqlite":
        return _Sqlite(where.database or ""), sqlite.dialect(paramstyle="qmark")
    driver = driver_of(where, Database())
    return await driver.connect(), driver.dialect
