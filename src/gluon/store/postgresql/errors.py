# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL's error codes mean. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html

23505 unique, 23503 foreign key       Violation
40xxx, 55P03, 57014, 0A000 (plan)     Undone: the transaction was ended and may be run again
57P0x, 08xxx, 25P03, 40003, FATAL     Lost
22xxx                                 Unstorable
all others                            Refused, with words for those that operators meet
"""

from __future__ import annotations

import os
import ssl
from typing import Final, Literal

import asyncpg

from gluon.store.driver import DatabaseError, Lost, Refused, Undone, Unstorable, Violation

#: Errors of the connection that asyncpg raises by itself, beside its own PostgresError.
BROKEN: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError, EOFError)

_UNDONE: Final = {
    "40001": "it collided with another transaction",
    "40P01": "it was in a deadlock with another transaction",
    "55P03": "another transaction holds what it needs for too long",
    "57014": "a statement took too long",
    "25P02": "the transaction had failed before",
    "0A000": "the tables were changed meanwhile",
}
_LOST: Final = {
    "40003": "the database does not say whether it was done",
    "25P03": "the database ended a transaction that was left idle",
    "57P01": "the database server is shutting down",
    "57P02": "the database server crashed and starts again",
    "57P03": "the database server is starting up or shutting down",
    "57P05": "the database ended a session that was left idle",
    "53300": "the database server has too many connections",
}
_REFUSED: Final = {
    "53100": "the disk is full",
    "53200": "the database server is out of memory",
    "25006": "the database can only be read: it is a standby, or was set read-only",
    "28000": "the database server does not let this user in",
    "28P01": "the database server does not take this user's password",
    "3D000": "there is no such database",
    "42501": "this user may not do that",
    "42P01": "a table is missing",
    "42703": "a column is missing",
    "58030": "the disk fails",
    "XX001": "the database is damaged",
}


def reason(error: OSError) -> str:
    """Why, in the system's words: asyncio's own say no more than that it failed."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error.strerror or str(error)


def translated(error: BaseException) -> DatabaseError:
    """The error of the seam for one of asyncpg's (a PostgresError, or one of ``BROKEN``)."""
    if isinstance(error, asyncpg.PostgresError):
        # Only the message: the details repeat values, secrets among them.
        return _of_the_server(error, str(getattr(error, "sqlstate", None) or ""), str(error.args[0] if error.args else error))
    if isinstance(error, TimeoutError):
        return Lost("the database server does not answer")
    if isinstance(error, ssl.SSLError):
        return Refused(f"TLS fails: {getattr(error, 'verify_message', None) or error.reason or error}")
    if isinstance(error, ConnectionError) and "SSL upgrade" in str(error):
        return Refused("TLS fails: the server does not speak it")
    if isinstance(error, OSError):
        return Lost(f"cannot be reached: {reason(error)}")
    return Lost(f"the connection was lost ({error})")


def _of_the_server(error: asyncpg.PostgresError, code: str, text: str) -> DatabaseError:
    if code in ("23505", "23503"):
        kind: Literal["unique", "reference"] = "unique" if code == "23505" else "reference"
        return Violation(text, kind, error.constraint_name or "", error.table_name or "")
    if code in _LOST or code.startswith("08"):
        return Lost(f"{_LOST.get(code, 'the connection was lost')} ({text})")
    if code in _UNDONE or code.startswith("40"):
        return Undone(f"{_UNDONE.get(code, 'the transaction was ended')} ({text})")
    if code.startswith("22"):
        return Unstorable(text)
    # FATAL ends the connection, whatever its code; PANIC the server.
    if code not in _REFUSED and getattr(error, "severity_en", None) in ("FATAL", "PANIC"):
        return Lost(text)
    return Refused(f"{_REFUSED[code]} ({text})" if code in _REFUSED else text)
