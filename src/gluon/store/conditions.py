# SPDX-License-Identifier: Apache-2.0
"""What a page asks of an attribute, in SQL: one value, or one of several, in one statement however many there are.

    SQLite        id IN (SELECT value FROM json_each(?))      the values as a JSON array
    PostgreSQL    id = ANY ($1)                               the values as an array
    MariaDB       id IN %s                                    the values as literals, which ``mariadb.literals`` writes

All three look each value up in an index of the column. MariaDB's JSON_TABLE is no faster with a thousand identifiers, and would
have to be told the type and the collation of each column; literals are its protocol here anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from gluon.errors import Invalid
from gluon.store.statements import to_json


class Condition(NamedTuple):
    """An attribute that equals one value or, with ``several``, one of these; ``null``: or is null (of one value: is null)."""

    name: str
    several: bool
    null: bool

    @property
    def parameter(self) -> str:
        """The key of its value. An attribute may have to equal one value and one of several too: no name holds a NUL."""
        return f"{self.name}\0" if self.several else self.name

    def met(self, column: sa.ColumnElement[Any], value: sa.BindParameter[Any], dialect: sa.Dialect) -> sa.ColumnElement[bool]:
        """The condition on its column. For several values ``value`` is bound to what ``packed`` makes of them."""
        if self.several:
            found = among(column, value, dialect)
            return sa.or_(found, column.is_(None)) if self.null else found
        return column.is_(None) if self.null else column == value


def among(column: sa.ColumnElement[Any], values: sa.BindParameter[Any], dialect: sa.Dialect) -> sa.ColumnElement[bool]:
    """Whether a column equals one of these values."""
    match dialect.name:
        case "sqlite":
            return column.in_(sa.select(sa.func.json_each(values).table_valued("value").c.value))
        case "postgresql":
            return column == sa.any_(values)
        case _:
            return column.op("IN", is_comparison=True)(values)


def packed(values: Sequence[Any], dialect: sa.Dialect) -> Any:
    """Values, none of them null, as the driver takes them. Raises Invalid for what no column holds."""
    match dialect.name:
        case "sqlite":
            return _as_json(values)
        case "postgresql":
            return list(values)
        case _:
            return tuple(values)


def _as_json(values: Sequence[Any]) -> str | None:
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        raise _beyond()  # SQLite would read it as a float
    try:
        return to_json(values)
    except UnicodeEncodeError:
        raise _beyond() from None


def _beyond() -> Invalid:
    return Invalid("a value is beyond what the database can hold")
