# SPDX-License-Identifier: Apache-2.0
"""Opens a database on a server: makes the tables where there are none, refuses what does not fit, and says exactly why.

Servers that start at once take turns, by a lock of the database's that ends with the connection.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.particle.tables import sql
from gluon.store.driver import Connection, DatabaseError, Driver, Lost
from gluon.store.logplans import ALLOCATING, LogPlans
from gluon.store.plans import Plans
from gluon.store.pooled.engine import PooledStore
from gluon.store.registering import registering

#: The layout of the system tables; a database with another one was made by another version of Gluon.
LAYOUT: Final = "1"
#: How a lock that lasts as long as the connection is taken, where it is free; the lock is this database's own.
_LOCK: Final = {
    "postgresql": "SELECT pg_try_advisory_lock(hashtext('gluon'))",
    "mariadb": "SELECT GET_LOCK(CONCAT('gluon ', DATABASE()), 0)",
}
_TABLES: Final = {
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()",
    "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
}
#: Seconds that a server waits while another one makes the tables.
_TURN: Final = 60.0


async def open_pooled(driver: Driver, protons: Sequence[Proton], *, auto_apply: bool, pool_size: int) -> PooledStore:
    """The store of these Protons. Raises SettingsError where the database cannot be reached or used."""
    plans, log = Plans(protons, driver.dialect), LogPlans(driver.dialect)
    try:
        connection = await driver.connect()
        try:
            await _in_turn(connection, driver)
            await prepare(connection, driver, plans, log, auto_apply=auto_apply)
        finally:
            await connection.close()
    except DatabaseError as error:
        raise SettingsError(f"[database] connection: {driver.place}: {error}") from error
    return PooledStore(driver, plans, log, pool_size=pool_size)


async def _in_turn(connection: Connection, driver: Driver) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + _TURN
    while not (await connection.fetch(_LOCK[driver.name]))[0][0]:
        if loop.time() > end:
            raise Lost(f"another server has been making its tables for more than {_TURN:g} s")
        await asyncio.sleep(0.1)


async def prepare(connection: Connection, driver: Driver, plans: Plans, log: LogPlans, *, auto_apply: bool) -> None:
    """Make the tables that are missing. Raises SettingsError where the database cannot serve these Protons."""
    there = {row[0] for row in await connection.fetch(_TABLES[driver.name])}
    metadatas = [log.metadata, *plans.metadata.values()]
    missing = [table for metadata in metadatas for table in metadata.tables.values() if table.name not in there]
    if missing and len(missing) < sum(len(m.tables) for m in metadatas) and not auto_apply:
        names = ", ".join(table.name for table in missing)
        raise SettingsError(f"[database] connection: {driver.place} lacks tables: {names}")
    await connection.begin()
    for metadata in metadatas:
        await _make(connection, driver, metadata, missing)
    if log.ports in missing:
        for statement in registering(plans, log):
            await connection.fetch(statement)
    await _identify(connection, driver, log)
    await connection.commit()


async def _make(connection: Connection, driver: Driver, metadata: sa.MetaData, missing: Sequence[sa.Table]) -> None:
    for statement in sql(metadata, driver.name, [table for table in missing if table.metadata is metadata]):
        await connection.fetch(statement)


async def _identify(connection: Connection, driver: Driver, log: LogPlans) -> None:
    for name, value in (("database", str(uuid.uuid4())), ("layout", LAYOUT), ("probed", ""), (ALLOCATING, "")):
        known = await connection.fetch(log.get_meta.sql, log.get_meta.bind({"name": name}))
        if not known:
            await connection.fetch(log.add_meta.sql, log.add_meta.bind({"name": name, "value": value}))
        elif name == "layout" and known[0][0] != LAYOUT:
            raise SettingsError(
                f"[database] connection: {driver.place} has layout {known[0][0]}, this version of Gluon knows layout {LAYOUT}"
            )
