# SPDX-License-Identifier: Apache-2.0
"""What MariaDB's error numbers mean. Source: https://mariadb.com/kb/en/mariadb-error-code-reference/

1062 unique, 1451 and 1452 reference   Violation
1213 deadlock, certification; 1205 …   Undone
2xxx, 1047 node not ready, 1053 …      Lost
1264, 1366, 1406 …                     Unstorable
all others                             Refused, with words for those that operators meet
"""

from __future__ import annotations

import re
import ssl
from typing import Final

from asyncmy import errors

from gluon.store.driver import DatabaseError, Lost, Refused, Undone, Unstorable, Violation

#: What asyncmy raises: its own errors, and where the wire says what it cannot read.
FAULTS: Final = (errors.MySQLError, OSError, EOFError, TimeoutError)

#: The one error at COMMIT that says for sure that nothing was kept.
DEADLOCK: Final = 1213

#: A server that was made a replica, or is being maintained: where there are several, another one may take writes.
READ_ONLY: Final = (1290, 1836)

_UNDONE: Final[dict[int, str]] = {
    1020: "a row was changed since it was read",
    1205: "another transaction holds what it needs for too long",
    1213: "it collided with another transaction",
    1317: "the statement was ended by an operator",
    1412: "the tables were changed meanwhile",
    1615: "the tables were changed meanwhile",
    1969: "a statement took too long",
}
_LOST: Final[dict[int, str]] = {
    1040: "the database server has too many connections",
    1047: "this node of the cluster is not ready",
    1053: "the database server is shutting down",
    1077: "the database server is shutting down",
    1129: "the database server blocks this host after too many failed connections",
    1152: "the connection was lost",
    1158: "the connection was lost",
    1159: "the connection was lost",
    1160: "the connection was lost",
    1161: "the connection was lost",
    1203: "this user has too many connections",
    1226: "this user has too many connections",
    1927: "the database server ended the connection",
    4031: "the database ended a connection that was left idle",
}
_UNSTORABLE: Final = (1264, 1265, 1292, 1366, 1367, 1406, 1690, 3854)
_REFUSED: Final[dict[int, str]] = {
    1021: "the disk is full",
    1026: "the disk fails",
    1044: "this user may not use that database",
    1045: "the database server does not take this user or password",
    1049: "there is no such database",
    1054: "a column is missing",
    1114: "the disk is full",
    1118: "a row would be too long",
    1142: "this user may not do that",
    1143: "this user may not do that",
    1146: "a table is missing",
    1153: "the statement is longer than max_allowed_packet",
    1290: "the database can only be read: it is a replica, or was set read-only",
    1665: "binlog_format must be ROW or MIXED",
    1698: "the database server does not take this user or password",
    1836: "the database can only be read",
    3159: "the database server takes connections with TLS only",
}
_KEY: Final = re.compile(r"for key '(?:[^'.]*\.)?([^'.]*)'$")
_CONSTRAINT: Final = re.compile(r"\(`[^`]*`\.`([^`]*)`, CONSTRAINT `([^`]*)` FOREIGN KEY")
_TABLE: Final = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+`?([^`\s(]+)`?")


def translated(error: BaseException, sql: str = "") -> DatabaseError:
    """The error of the seam for one of ``FAULTS``. ``sql`` names the table that a violated primary key is of."""
    number, text = _parts(error)
    if number in (1062, 1586):
        key = _KEY.search(text)
        table = _TABLE.match(sql)
        return Violation(text, "unique", key[1] if key else "", table[1] if table else "")
    if number in (1216, 1217, 1451, 1452):
        found = _CONSTRAINT.search(text)
        return Violation(text, "reference", found[2] if found else "", found[1] if found else "")
    if number in _UNSTORABLE:
        return Unstorable(text)
    for kind, words in ((Undone, _UNDONE), (Lost, _LOST), (Refused, _REFUSED)):
        if number in words:
            return kind(f"{words[number]} ({text})")
    return _of_the_client(error, number, text)


def number_of(error: BaseException) -> int:
    """MariaDB's number; 0 for what has none."""
    return _parts(error)[0]


def _parts(error: BaseException) -> tuple[int, str]:
    arguments = error.args
    if isinstance(error, errors.MySQLError) and len(arguments) > 1 and isinstance(arguments[0], int):
        return arguments[0], str(arguments[1])
    return 0, str(error)


def _of_the_client(error: BaseException, number: int, text: str) -> DatabaseError:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLError):
        return Refused(f"TLS fails: {cause.reason or cause}")
    if isinstance(error, TimeoutError):
        return Lost("the database server does not answer")
    if isinstance(cause, OSError):
        return Lost(f"cannot be reached: {cause.strerror or cause}")
    if number and not 2000 <= number < 3000:
        return Refused(text)
    return Lost(f"the connection was lost ({text})")
