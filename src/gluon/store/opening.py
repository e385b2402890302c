# SPDX-License-Identifier: Apache-2.0
"""Picks the engine that a database's URL names, and opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.settings import Database
from gluon.store.contract import Store
from gluon.store.driver import DatabaseError, Driver
from gluon.store.schema.session import Session

_DAY: Final = 86_400.0
_EXPECTED: Final = (
    "expected sqlite:////path/to/file.sqlite, postgresql://user:password@host/database or mysql://user:password@host/database"
)


async def open_store(
    connection: str, protons: Sequence[Proton], *, auto_apply: bool = True, settings: Database | None = None
) -> Store:
    """The store of these Protons (the newest version of each) at a URL such as ``sqlite:////var/lib/proton/gluon.sqlite``.

    With ``auto_apply`` what the tables lack is made, where that is safe. ``settings``: the group [database], but for
    these two. Raises SettingsError where the database cannot be used, with what is wrong and where.
    """
    settings = settings or Database()
    url = database_url(connection)
    if url.get_backend_name() == "sqlite":
        from gluon.store.sqlite.engine import SqliteStore  # each engine is loaded where it is used

        return SqliteStore(_file(url), protons, auto_apply=auto_apply)
    from gluon.store.pooled.opening import open_pooled

    return await open_pooled(driver_of(url, settings), protons, auto_apply=auto_apply, pool_size=settings.pool_size)


@asynccontextmanager
async def open_session(settings: Database, *, writes: bool = True) -> AsyncIterator[Session]:
    """A connection for reading and changing the tables of a database, in which a statement may take a day. Unless it
    ``writes``, an SQLite file that is not there is not made.

    Raises SettingsError where it cannot be opened.
    """
    url = database_url(settings.connection)
    if url.get_backend_name() == "sqlite":
        from gluon.store.sqlite.opening import session

        with session(_file(url), writes=writes) as opened:
            yield opened
        return
    await _reach(driver_of(url, settings))
    patient = driver_of(url, replace(settings, timeout=_DAY))
    connection = await patient.connect()
    try:
        yield Session(connection, patient.name, patient.place)
    finally:
        await connection.close()


async def _reach(driver: Driver) -> None:
    """See that there is a server, within the time-out of the settings."""
    try:
        await (await driver.connect()).close()
    except DatabaseError as error:
        raise SettingsError(f"[database] connection: {driver.place}: {error}") from error


def _file(url: sa.URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise SettingsError("[database] connection: an SQLite database must be a file: sqlite:////path/to/file.sqlite")
    return Path(url.database)


def applies(settings: Database) -> bool:
    """Whether a server makes what its database lacks when it starts."""
    return settings.auto_apply == "safe" or (not settings.auto_apply and settings.connection.startswith("sqlite"))


def database_url(connection: str) -> sa.URL:
    """The parts of a URL. Raises SettingsError."""
    try:
        return make_url(connection)
    except ArgumentError:
        raise SettingsError(f"[database] connection: not a URL; {_EXPECTED}") from None


def driver_of(url: sa.URL, settings: Database) -> Driver:
    """The driver for a database server. Raises SettingsError where there is none, or its package is not installed."""
    match url.get_backend_name():
        case "postgresql":
            try:
                from gluon.store.postgresql.driver import PostgresqlDriver
                from gluon.store.postgresql.url import target
            except ModuleNotFoundError as error:
                raise _not_installed("postgresql", error) from None
            return PostgresqlDriver(target(url, settings), settings.timeout)
        case "mysql" | "mariadb":
            try:
                from gluon.store.mariadb import url as mariadb
                from gluon.store.mariadb.driver import MariadbDriver
            except ModuleNotFoundError as error:
                raise _not_installed("mariadb", error) from None
            return MariadbDriver(mariadb.target(url, settings), settings.timeout)
        case name:
            raise SettingsError(f"[database] connection: unknown database '{name}'; {_EXPECTED}")


def _not_installed(extra: str, error: ModuleNotFoundError) -> SettingsError:
    return SettingsError(f"[database] connection: {error.name} is not installed: pip install 'gluon[{extra}]'")
