# SPDX-License-Identifier: Apache-2.0
"""What the models want, in the same words as what a database has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from gluon.store.schema.description import Column, ForeignKey, Index, Table, Tables
from gluon.store.schema.kinds import kind


def wanted(metadatas: Iterable[sa.MetaData], dialect: sa.Dialect) -> Tables:
    """All tables of these."""
    return {table.name: _table(table, dialect) for metadata in metadatas for table in metadata.tables.values()}


def type_of(column: sa.Column[Any], dialect: sa.Dialect) -> str:
    """The type as a statement writes it."""
    return column.type.compile(dialect=dialect)


def default_of(column: sa.Column[Any], dialect: sa.Dialect) -> str | None:
    """The default as a statement writes it."""
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    text: str | None = compiler.get_column_default_string(column)
    return text


def _table(table: sa.Table, dialect: sa.Dialect) -> Table:
    columns = {c.name: _column(c, dialect) for c in table.columns}
    return Table(
        table.name,
        columns,
        tuple(c.name for c in table.primary_key.columns),
        tuple(sorted((_index(i) for i in table.indexes), key=lambda i: i.name)),
        tuple(sorted((_foreign_key(f) for f in table.foreign_key_constraints), key=lambda f: f.name)),
    )


def _column(column: sa.Column[Any], dialect: sa.Dialect) -> Column:
    type = type_of(column, dialect)
    needed = kind(type, dialect.name)
    length: int | None = getattr(column.type, "length", None)
    if dialect.name == "mariadb" and needed.family == "text" and needed.length is None:
        needed = replace(needed, length=length)  # made as LONGTEXT, where a VARCHAR of that length would do
    return Column(column.name, needed, bool(column.nullable), default_of(column, dialect), type)


def _index(index: sa.Index) -> Index:
    return Index(str(index.name), tuple(c.name for c in index.columns), bool(index.unique))


def _foreign_key(constraint: sa.ForeignKeyConstraint) -> ForeignKey:
    elements = constraint.elements
    return ForeignKey(
        str(constraint.name),
        tuple(e.parent.name for e in elements),
        elements[0].column.table.name,
        tuple(e.column.name for e in elements),
        constraint.ondelete == "CASCADE",
    )
