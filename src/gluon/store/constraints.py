# SPDX-License-Identifier: Apache-2.0
"""What each constraint of the tables means: whatever a database calls it, which attributes it is about.

PostgreSQL and MariaDB name the index or the foreign key (MariaDB calls every primary key ``PRIMARY``); SQLite lists the
columns: ``table.a, table.b``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gluon.store.driver import Violation


@dataclass(frozen=True, slots=True)
class Constraint:
    """The columns (by the names of their attributes) of a table; a reference has one."""

    table: sa.Table
    names: tuple[str, ...]


class Constraints:
    """Those of some tables."""

    def __init__(self, tables: Iterable[sa.Table]) -> None:
        self._known: Mapping[str, Constraint] = dict(pair for table in tables for pair in _named(table))

    def of(self, violation: Violation, table: str) -> Constraint | None:
        """What was violated by a write to ``table``; None for what is not known here."""
        names = (violation.constraint, f"{violation.table or table}.{violation.constraint}")
        return next((self._known[name] for name in names if name in self._known), None)


def _named(table: sa.Table) -> Iterator[tuple[str, Constraint]]:
    primary = Constraint(table, tuple(c.key for c in table.primary_key.columns))
    yield f"{table.name[:58]}_pkey", primary  # PostgreSQL cuts the name of the table, so that 63 characters are enough
    yield f"{table.name}.PRIMARY", primary
    yield _places(table, table.primary_key.columns), primary
    for index in table.indexes:
        columns: list[sa.Column[Any]] = list(index.columns)
        found = Constraint(table, tuple(c.key for c in columns))
        yield str(index.name), found
        if index.unique:
            yield _places(table, columns), found
    for key in table.foreign_key_constraints:
        yield str(key.name), Constraint(table, tuple(key.column_keys))


def _places(table: sa.Table, columns: Iterable[sa.Column[Any]]) -> str:
    return ", ".join(f"{table.name}.{c.name}" for c in columns)
