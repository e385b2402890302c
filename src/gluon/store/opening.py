# SPDX-License-Identifier: Apache-2.0
"""Picks the engine that a database's URL names, and opens it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.store.contract import Store
from gluon.store.sqlite.engine import SqliteStore


async def open_store(connection: str, protons: Sequence[Proton], *, auto_apply: bool = True) -> Store:
    """The store of these Protons (the newest version of each) at a URL such as ``sqlite:////var/lib/proton/gluon.sqlite``.

    Missing tables are made; with ``auto_apply`` false only in an empty database. Raises SettingsError where the database
    cannot be used, with what is wrong and where.
    """
    try:
        url = make_url(connection)
    except ArgumentError:
        raise SettingsError("[database] connection: not a URL; expected sqlite:////path/to/file.sqlite") from None
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:":
                raise SettingsError("[database] connection: an SQLite database must be a file: sqlite:////path/to/file.sqlite")
            return SqliteStore(Path(url.database), protons, auto_apply=auto_apply)
        case "postgresql" | "mysql" | "mariadb" as name:
            raise SettingsError(f"[database] connection: {name} is not in this version; expected sqlite:////path/to/file.sqlite")
        case name:
            raise SettingsError(f"[database] connection: unknown database '{name}'; expected sqlite:////path/to/file.sqlite")
