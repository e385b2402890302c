# SPDX-License-Identifier: Apache-2.0
"""Picks the engine that a database's URL names, and opens it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.settings import Database
from gluon.store.contract import Store
from gluon.store.driver import Driver

_EXPECTED: Final = (
    "expected sqlite:////path/to/file.sqlite, postgresql://user:password@host/database or mysql://user:password@host/database"
)


async def open_store(
    connection: str, protons: Sequence[Proton], *, auto_apply: bool = True, settings: Database | None = None
) -> Store:
    """The store of these Protons (the newest version of each) at a URL such as ``sqlite:////var/lib/proton/gluon.sqlite``.

    Missing tables are made; with ``auto_apply`` false only in an empty database. ``settings``: the group [database], but for
    these two. Raises SettingsError where the database cannot be used, with what is wrong and where.
    """
    settings = settings or Database()
    url = database_url(connection)
    if url.get_backend_name() == "sqlite":
        from gluon.store.sqlite.engine import SqliteStore  # each engine is loaded where it is used

        if not url.database or url.database == ":memory:":
            raise SettingsError("[database] connection: an SQLite database must be a file: sqlite:////path/to/file.sqlite")
        return SqliteStore(Path(url.database), protons, auto_apply=auto_apply)
    from gluon.store.pooled.opening import open_pooled

    return await open_pooled(driver_of(url, settings), protons, auto_apply=auto_apply, pool_size=settings.pool_size)


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
