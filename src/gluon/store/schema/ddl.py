# SPDX-License-Identifier: Apache-2.0
"""The statements of steps, in each dialect, with as little waiting for live servers as it can do. Pure."""

from __future__ import annotations

from typing import Any, assert_never

import sqlalchemy as sa

from gluon.particle.columns import ascii_text, long_text, text
from gluon.store.schema.description import Column, ForeignKey, Index, Kind, Table
from gluon.store.schema.dialects import quoted


class Ddl:
    """Statements of one dialect; each method returns those of one change."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self.dialect = dialect
        self.name = dialect.name

    def q(self, *names: str) -> str:
        """Names as statements write them, separated by commas."""
        return ", ".join(quoted(name, self.dialect) for name in names)

    def type(self, kind: Kind) -> str:
        """The type that holds a kind."""
        return self._type(kind).compile(dialect=self.dialect)

    def _type(self, kind: Kind) -> sa.types.TypeEngine[Any]:
        match kind.family:
            case "integer":
                return sa.Integer()
            case "bigint":
                return sa.BigInteger()
            case "double":
                return sa.Double()
            case "boolean":
                return sa.Boolean(create_constraint=False)
            case "text":
                if kind.length is None:
                    return long_text()
                return ascii_text(kind.length) if kind.ascii else text(kind.length)
            case "other":
                raise ValueError(kind)
            case _:
                assert_never(kind.family)

    def create(self, table: sa.Table, *, deferred: set[str]) -> tuple[str, ...]:
        """The table, its foreign keys except ``deferred``, its indexes."""
        keys = [f for f in table.foreign_key_constraints if str(f.name) not in deferred]
        made = str(sa.schema.CreateTable(table, include_foreign_key_constraints=keys).compile(dialect=self.dialect)).strip()
        indexes = sorted(str(sa.schema.CreateIndex(i).compile(dialect=self.dialect)) for i in table.indexes)
        lines = "\n".join(line.rstrip().replace("\t", "    ") for line in made.splitlines())
        return lines, *indexes

    def add_column(self, table: str, column: Column, reference: ForeignKey | None = None) -> str:
        """The column; with its foreign key where the dialect cannot add that later."""
        null = "" if column.nullable else " NOT NULL"
        default = f" DEFAULT {column.default}" if column.default is not None else ""
        points = ""
        if reference is not None:
            points = f" CONSTRAINT {self.q(reference.name)} REFERENCES {self.q(reference.table)} ({self.q(*reference.pointed)})"
        return f"ALTER TABLE {self.q(table)} ADD COLUMN {self.q(column.name)} {column.type}{default}{null}{points}"

    def alter(self, table: str, column: Column, type: str) -> str:
        """The column with another type, otherwise as it is."""
        if self.name == "postgresql":
            return f"ALTER TABLE {self.q(table)} ALTER COLUMN {self.q(column.name)} TYPE {type}"
        default = f" DEFAULT {column.default}" if column.default is not None and column.default.upper() != "NULL" else ""
        null = "" if column.nullable else " NOT NULL"
        return f"ALTER TABLE {self.q(table)} MODIFY COLUMN {self.q(column.name)} {type}{default}{null}"

    def index(self, table: str, index: Index) -> tuple[str, ...]:
        """The index. On PostgreSQL beside what runs; what an interrupted attempt left goes first."""
        kind = "UNIQUE INDEX" if index.unique else "INDEX"
        if self.name == "postgresql":
            made = f"CREATE {kind} CONCURRENTLY {self.q(index.name)} ON {self.q(table)} ({self.q(*index.columns)})"
            return f"DROP INDEX CONCURRENTLY IF EXISTS {self.q(index.name)}", made
        return (f"CREATE {kind} {self.q(index.name)} ON {self.q(table)} ({self.q(*index.columns)})",)

    def drop_index(self, table: str, index: Index) -> str:
        """Without the index."""
        match self.name:
            case "postgresql":
                return f"DROP INDEX CONCURRENTLY {self.q(index.name)}"
            case "mariadb":
                return f"DROP INDEX {self.q(index.name)} ON {self.q(table)}"
            case _:
                return f"DROP INDEX {self.q(index.name)}"

    def reference(self, table: str, key: ForeignKey) -> tuple[str, ...]:
        """The foreign key on a table that is there. On PostgreSQL new rows first, then those that are there, beside what runs."""
        made = (
            f"ALTER TABLE {self.q(table)} ADD CONSTRAINT {self.q(key.name)} FOREIGN KEY ({self.q(*key.columns)})"
            f" REFERENCES {self.q(key.table)} ({self.q(*key.pointed)}){' ON DELETE CASCADE' if key.cascades else ''}"
        )
        return (f"{made} NOT VALID", self.validate(table, key)) if self.name == "postgresql" else (made,)

    def validate(self, table: str, key: ForeignKey) -> str:
        """The second half of ``reference`` on PostgreSQL."""
        return f"ALTER TABLE {self.q(table)} VALIDATE CONSTRAINT {self.q(key.name)}"

    def drop_reference(self, table: str, key: ForeignKey) -> str:
        """Without the foreign key."""
        word = "FOREIGN KEY" if self.name == "mariadb" else "CONSTRAINT"
        return f"ALTER TABLE {self.q(table)} DROP {word} {self.q(key.name)}"

    def rebuild(self, table: Table) -> tuple[str, ...]:
        """SQLite: the table made anew as described, with all its rows, while nobody checks references to it.

        https://www.sqlite.org/lang_altertable.html, section 7.
        """
        beside = f"{table.name}__new"
        columns = self.q(*table.columns)
        lines = [self._line(c) for c in table.columns.values()]
        lines.append(f"PRIMARY KEY ({self.q(*table.key)})")
        for key in table.foreign_keys:
            reaction = " ON DELETE CASCADE" if key.cascades else ""
            lines.append(
                f"CONSTRAINT {self.q(key.name)} FOREIGN KEY ({self.q(*key.columns)})"
                f" REFERENCES {self.q(key.table)} ({self.q(*key.pointed)}){reaction}"
            )
        body = ",\n    ".join(lines)
        return (
            f"CREATE TABLE {self.q(beside)} (\n    {body}\n)",
            f"INSERT INTO {self.q(beside)} ({columns}) SELECT {columns} FROM {self.q(table.name)}",
            f"DROP TABLE {self.q(table.name)}",
            f"ALTER TABLE {self.q(beside)} RENAME TO {self.q(table.name)}",
            *(statement for index in table.indexes for statement in self.index(table.name, index)),
        )

    def _line(self, column: Column) -> str:
        default = f" DEFAULT {column.default}" if column.default is not None else ""
        return f"{self.q(column.name)} {column.kind}{default}{'' if column.nullable else ' NOT NULL'}"
