# SPDX-License-Identifier: Apache-2.0
"""How each type of the model is stored, on SQLite, PostgreSQL and MariaDB alike.

No native enums and no CHECKs: the model's documents check values, and a model must be able to grow. Text compares by code
point, trailing spaces included, whatever the database's own habits.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

#: Longer strings than this are TEXT.
_LONGEST_VARCHAR: Final = 1024
#: Characters of a time as records hold it.
TIME_LENGTH: Final = 27
_MARIADB_TEXT: Final = mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_nopad_bin")


def column_type(type: Type, *, indexed: bool = False) -> sa.types.TypeEngine[Any]:  # noqa: PLR0911 one return a type
    """The column that holds a value of this type."""
    match type:
        case Integer():
            return sa.Integer() if type.format == "int32" else sa.BigInteger()
        case Number():
            return sa.Double()
        case String():
            return _string(type.length, indexed)
        case Boolean():
            return sa.Boolean(create_constraint=False)
        case Uuid():
            return ascii_text(36)
        case Enum():
            return _string(max(map(len, type.values)), indexed)
        case Reference():
            return column_type(type.key, indexed=True)
        case List() | Structure() | Json():
            return long_text()
        case _:
            assert_never(type)


def _string(length: int, indexed: bool) -> sa.types.TypeEngine[Any]:
    """Text of a bounded length. MariaDB counts every VARCHAR towards 65,535 bytes a row, and a short one towards 8,126 as well:
    some thirty enums would be too many. What has no index is LONGTEXT there, of which hundreds fit."""
    if indexed:
        return text(length)
    if length > _LONGEST_VARCHAR:
        return long_text()
    return _by_code_point(sa.String(length)).with_variant(_MARIADB_TEXT, "mysql", "mariadb")


def text(length: int) -> sa.types.TypeEngine[Any]:
    """Text that compares by code point everywhere, trailing spaces included."""
    return _by_code_point(sa.String(length)).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin"), "mysql", "mariadb"
    )


def ascii_text(length: int) -> sa.types.TypeEngine[Any]:
    """Text that the server makes itself: uuids, times."""
    return _by_code_point(sa.String(length)).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_nopad_bin"), "mysql", "mariadb"
    )


def long_text() -> sa.types.TypeEngine[Any]:
    """Text without a bound of its own."""
    return _by_code_point(sa.Text()).with_variant(_MARIADB_TEXT, "mysql", "mariadb")


def _by_code_point(kind: sa.String) -> sa.types.TypeEngine[Any]:
    """PostgreSQL compares by the language that the database was made for, unless told otherwise."""
    return kind.with_variant(type(kind)(kind.length, collation="C"), "postgresql")
