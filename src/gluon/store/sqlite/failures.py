# SPDX-License-Identifier: Apache-2.0
"""What SQLite's result codes mean to a client. Source: https://www.sqlite.org/rescode.html"""

from __future__ import annotations

import sqlite3
from typing import Final

from gluon.errors import RequestError, TooLarge, Unavailable

LOCKED: Final = "the database is locked by another process"

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk fails",
    sqlite3.SQLITE_READONLY: "the database cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    sqlite3.SQLITE_NOMEM: "the server is out of memory",
    sqlite3.SQLITE_PERM: "the database file may not be accessed",
}


def code(error: sqlite3.Error) -> int:
    """The primary result code; 0 where the error is the driver's own."""
    found: int | None = getattr(error, "sqlite_errorcode", None)
    return (found or 0) & 0xFF


def reason(error: sqlite3.Error) -> str:
    """Why the database failed, for people."""
    known = _REASONS.get(code(error))
    return f"{known} ({error})" if known else str(error)


def unavailable(error: sqlite3.Error) -> RequestError:
    """The error that a failing database becomes."""
    if code(error) == sqlite3.SQLITE_TOOBIG:
        return TooLarge("a value is too large for the database")
    return Unavailable(f"database: {reason(error)}")
