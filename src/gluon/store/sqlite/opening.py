# SPDX-License-Identifier: Apache-2.0
"""Opens an SQLite file: makes what is missing, refuses what is not ours, and says exactly why."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.particle.tables import sql
from gluon.store.logplans import ALLOCATING, LogPlans
from gluon.store.plans import Plans
from gluon.store.registering import registering
from gluon.store.sqlite.failures import reason

#: The layout of the system tables; a file with another one was made by another version of Gluon.
LAYOUT: Final = "1"


def connect(path: Path, *, writes: bool, busy: float, everywhere: bool = False) -> sqlite3.Connection:
    """A connection with explicit transactions (the driver's own would commit at RELEASE). ``everywhere``: for any thread."""
    connection = sqlite3.connect(
        path, timeout=busy, isolation_level=None, cached_statements=1024, check_same_thread=not everywhere
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")
    if not writes:
        connection.execute("PRAGMA query_only = ON")
    return connection


def prepare(path: Path, plans: Plans, log: LogPlans, *, auto_apply: bool, busy: float) -> None:
    """Make the file and the tables that are missing. Raises SettingsError where the file cannot serve these Protons."""
    if not path.parent.is_dir():
        raise SettingsError(f"[database] connection: the folder {path.parent} does not exist")
    if path.is_dir():
        raise SettingsError(f"[database] connection: {path} is a folder")
    try:
        connection = connect(path, writes=True, busy=busy)
        try:
            _refuse_others(connection, path, [log.metadata, *plans.metadata.values()])
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            _complete(connection, path, plans, log, auto_apply=auto_apply)
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise SettingsError(f"[database] connection: {path}: {reason(error)}") from error


def _complete(connection: sqlite3.Connection, path: Path, plans: Plans, log: LogPlans, *, auto_apply: bool) -> None:
    metadatas = [log.metadata, *plans.metadata.values()]
    there = _refuse_others(connection, path, metadatas)
    missing = [table for metadata in metadatas for table in metadata.tables.values() if table.name not in there]
    if missing and there and not auto_apply:
        names = ", ".join(table.name for table in missing)
        raise SettingsError(f"[database] connection: {path} lacks tables: {names}; auto_apply = safe makes them")
    for metadata in metadatas:
        for statement in sql(metadata, "sqlite", [t for t in missing if t.metadata is metadata]):
            connection.execute(statement)
    _identify(connection, path, log)
    if log.ports in missing:
        for statement in registering(plans, log):
            connection.execute(statement)


def _refuse_others(connection: sqlite3.Connection, path: Path, metadatas: Sequence[sa.MetaData]) -> set[str]:
    """The tables that are there. Raises SettingsError, before anything is written, where one of ours has other columns."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    faults = [fault for metadata in metadatas for fault in _differences(connection, metadata, there)]
    if faults:
        raise SettingsError(f"[database] connection: {path} does not fit the models:\n  " + "\n  ".join(faults))
    return there


def _identify(connection: sqlite3.Connection, path: Path, log: LogPlans) -> None:
    known = dict(connection.execute("SELECT name, value FROM gluon_meta").fetchall())
    if known.get("layout", LAYOUT) != LAYOUT:
        raise SettingsError(
            f"[database] connection: {path} has layout {known['layout']}, this version of Gluon knows layout {LAYOUT}"
        )
    for name, value in (("database", str(uuid.uuid4())), ("layout", LAYOUT), ("probed", ""), (ALLOCATING, "")):
        if name not in known:
            connection.execute(log.add_meta.sql, log.add_meta.bind({"name": name, "value": value}))


def _differences(connection: sqlite3.Connection, metadata: sa.MetaData, there: Iterable[str]) -> Iterator[str]:
    for table in metadata.tables.values():
        if table.name not in there:
            continue
        columns = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table.name,))}
        wanted = {column.name for column in table.columns}
        if wanted - columns:
            names = ", ".join(sorted(wanted - columns))
            yield f"table {table.name} lacks the columns {names}: this version adds no columns; start with another file"
        if columns - wanted:
            names = ", ".join(sorted(columns - wanted))
            yield f"table {table.name} has columns that no model names: {names}"
