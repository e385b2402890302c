# SPDX-License-Identifier: Apache-2.0
"""Opens an SQLite file: makes what is missing, refuses what is not ours, and says exactly why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.particle.tables import Columns
from gluon.store.driver import DatabaseError
from gluon.store.schema.serving import prepared
from gluon.store.schema.session import Session
from gluon.store.sqlite.failures import reason
from gluon.store.sqlite.plain import PlainConnection
from gluon.store.sqlite.transactions import drive

#: Seconds that a change of the tables waits for another process that writes.
_BUSY: Final = 30.0


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


def prepare(path: Path, protons: Sequence[Proton], *, auto_apply: bool, busy: float) -> Columns:
    """Make the file and, with ``auto_apply``, what is missing and safe to make; returns which columns hold the attributes.

    Raises SettingsError where the file cannot serve these Protons.
    """
    try:
        connection = opened(path, busy=busy)
        try:
            session = Session(PlainConnection(connection), "sqlite", str(path))
            columns = drive(prepared(session, protons, auto_apply=auto_apply))
            for statement in ("BEGIN IMMEDIATE", "ROLLBACK"):  # can it be written?
                connection.execute(statement)
            return columns
        finally:
            connection.close()
    except (sqlite3.Error, DatabaseError) as error:
        said = reason(error) if isinstance(error, sqlite3.Error) else error
        raise SettingsError(f"[database] connection: {path}: {said}") from error


@contextmanager
def session(path: Path, *, writes: bool) -> Iterator[Session]:
    """For reading and changing the tables; a file that is not there is made where it ``writes``.

    Raises SettingsError where the file cannot be opened.
    """
    try:
        connection = opened(path, busy=_BUSY) if writes or path.exists() else sqlite3.connect(":memory:")
        plain = PlainConnection(connection)
    except (sqlite3.Error, DatabaseError) as error:
        said = reason(error) if isinstance(error, sqlite3.Error) else error
        raise SettingsError(f"[database] connection: {path}: {said}") from error
    try:
        yield Session(plain, "sqlite", str(path))
    finally:
        connection.close()


def opened(path: Path, *, busy: float) -> sqlite3.Connection:
    """A connection for changing tables; the file is made where there is none. Raises SettingsError and sqlite3.Error."""
    if not path.parent.is_dir():
        raise SettingsError(f"[database] connection: the folder {path.parent} does not exist")
    if path.is_dir():
        raise SettingsError(f"[database] connection: {path} is a folder")
    connection = connect(path, writes=True, busy=busy)
    try:
        if not _strange(connection):
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _strange(connection: sqlite3.Connection) -> bool:
    """Whether the file is someone else's: nothing of it is changed then."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return bool(tables) and "gluon_meta" not in tables
