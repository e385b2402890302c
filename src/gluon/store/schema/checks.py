# SPDX-License-Identifier: Apache-2.0
"""Queries that find rows because of which a step cannot be done. Pure; each returns the identifier first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gluon.model.schema import Attribute
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import ForeignKey, Table
from gluon.store.schema.dialects import literal
from gluon.store.schema.steps import Check

#: Rows that a refusal names.
NAMED: Final = 10


def doubled(ddl: Ddl, table: Table, columns: Sequence[str]) -> Check:
    """Rows that share values which are to be unique. Null is no value."""
    q = ddl.q
    shown = (*table.key, *(c for c in columns if c not in table.key))
    some = " AND ".join(f"{q(c)} IS NOT NULL" for c in columns)
    same = " AND ".join(f"d.{q(c)} = t.{q(c)}" for c in columns)
    groups = f"SELECT {q(*columns)} FROM {q(table.name)} WHERE {some} GROUP BY {q(*columns)} HAVING COUNT(*) > 1"
    order = ", ".join(f"t.{q(c)}" for c in (*columns, *table.key))
    query = (
        f"SELECT {', '.join(f't.{q(c)}' for c in shown)} FROM {q(table.name)} AS t"
        f" JOIN ({groups}) AS d ON {same} ORDER BY {order} LIMIT {NAMED + 1}"
    )
    return Check(query, f"rows of {table.name} share what is to be unique; change or delete all but one of each", shown)


def dangling(ddl: Ddl, table: Table, key: ForeignKey) -> Check:
    """Rows that refer to what is not there."""
    q = ddl.q
    shown = (*table.key, *(c for c in key.columns if c not in table.key))
    same = " AND ".join(f"o.{q(there)} = t.{q(here)}" for here, there in zip(key.columns, key.pointed, strict=True))
    some = " AND ".join(f"t.{q(c)} IS NOT NULL" for c in key.columns)
    query = (
        f"SELECT {', '.join(f't.{q(c)}' for c in shown)} FROM {q(table.name)} AS t WHERE {some}"
        f" AND NOT EXISTS (SELECT 1 FROM {q(key.table)} AS o WHERE {same})"
        f" ORDER BY {', '.join(f't.{q(c)}' for c in table.key)} LIMIT {NAMED + 1}"
    )
    return Check(query, f"rows of {table.name} refer to rows of {key.table} that are not there; change or clear them", shown)


def empty(ddl: Ddl, table: Table, column: str, attribute: Attribute) -> Check:
    """Rows without a value that is now required."""
    q = ddl.q
    query = f"SELECT {q(*table.key)} FROM {q(table.name)} WHERE {q(column)} IS NULL ORDER BY {q(*table.key)} LIMIT {NAMED + 1}"
    says = f"{attribute.place}: '{attribute.name}' is required, and rows of {table.name} have none; give it a default or them one"
    return Check(query, says, table.key)


def too_long(ddl: Ddl, table: Table, column: str, length: int) -> Check:
    """Rows whose text does not fit."""
    q = ddl.q
    query = (
        f"SELECT {q(*table.key)} FROM {q(table.name)} WHERE CHAR_LENGTH({q(column)}) > {length}"
        f" ORDER BY {q(*table.key)} LIMIT {NAMED + 1}"
    )
    return Check(query, f"rows of {table.name} have more than {length} characters in {column}; shorten them", table.key)


def literal_of(ddl: Ddl, value: Any) -> str:
    """A value of JSON as a statement writes what is stored of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return literal(value if isinstance(value, str) else msgspec.json.encode(value).decode(), ddl.dialect)
