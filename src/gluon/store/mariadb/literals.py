# SPDX-License-Identifier: Apache-2.0
"""Statements with their values in them, as MariaDB's text protocol takes them: one packet, nothing prepared on the server.

    INSERT INTO t (a, b) VALUES (%s, %s)  +  rows   ─►  INSERT INTO t (a, b) VALUES (1,'x'),(2,'y')
    any other statement                   +  rows   ─►  UPDATE …;UPDATE …

Written for a session whose sql_mode takes the backslash for an escape, as ``sessions`` sees to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from gluon.store.driver import Row, Unstorable

#: Integers that a column can hold or be compared with.
_LEAST, _MOST = -(2**63), 2**63 - 1
#: Characters of a statement for many rows; MariaDB takes 16 MiB a packet where nobody says otherwise, and no less than 1.
_LONGEST: Final = 500_000


def literal(value: Any) -> str:
    """A value as SQL, and a tuple of values as what stands behind IN. Raises Unstorable for what no column holds."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    if isinstance(value, int):  # of which bool is one
        if not _LEAST <= value <= _MOST:
            raise Unstorable("an integer is beyond 64 bits")
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unstorable(f"{value} is not a number that a column holds")
        text = repr(value)
        return text if "e" in text else text + "e0"  # without an exponent it would be a decimal
    if isinstance(value, tuple):
        return f"({','.join(map(literal, value)) or 'NULL'})"  # which equals nothing
    raise TypeError(f"{type(value).__name__} is no value of a column")


def filled(sql: str, parameters: Row) -> str:
    """The statement with its values for ``%s``; without any it stands as it is. Raises Unstorable."""
    return storable(sql % tuple([literal(value) for value in parameters])) if parameters else storable(sql)


def filled_many(sql: str, rows: Sequence[Row]) -> Iterator[tuple[str, int]]:
    """Statements that do it for all rows, each with the number of answers that it will get. Raises Unstorable."""
    prefix, values = _split(sql)
    between = "," if prefix else ";"
    part: list[str] = []
    size = 0
    for row in rows:
        text = values % tuple([literal(value) for value in row])
        if part and size + len(text) > _LONGEST:
            yield storable(prefix + between.join(part)), 1 if prefix else len(part)
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield storable(prefix + between.join(part)), 1 if prefix else len(part)


def storable(sql: str) -> str:
    """The statement itself. Raises Unstorable where it has a character that UTF-8 does not: a lone surrogate."""
    if not sql.isascii():
        try:
            sql.encode()
        except UnicodeEncodeError:
            raise Unstorable("a text has a character that is no character: a lone surrogate") from None
    return sql


@lru_cache(1024)
def _split(sql: str) -> tuple[str, str]:
    """What an insert of one row repeats for each; nothing and the whole statement for any other."""
    head, found, values = sql.partition(" VALUES ")
    if found and head.startswith("INSERT INTO ") and values.startswith("(") and values.endswith(")"):
        return head.replace("%%", "%") + found, values
    return "", sql
