# SPDX-License-Identifier: Apache-2.0
"""What the models want of one database: their tables under the names that hold there, and what tells one model from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import sort_tables_and_constraints

from gluon.errors import SettingsError
from gluon.model.schema import Attribute, Object, Proton
from gluon.model.types import List, Structure, Type
from gluon.particle.systables import system_tables
from gluon.particle.tables import Columns, tables
from gluon.store.schema.columns import Entry, resolve
from gluon.store.schema.description import Table, Tables
from gluon.store.schema.steps import Recorded
from gluon.store.schema.wanted import wanted


@dataclass(frozen=True, slots=True)
class Goal:
    """``owner`` is whose a table is (None: the system's); ``entries`` what must be recorded of columns; ``deferred`` the foreign
    keys that close a circle of tables. Tables are in the order of their references."""

    protons: tuple[Proton, ...]
    dialect: sa.Dialect
    made: dict[str, sa.Table]
    tables: Tables
    owner: dict[str, Proton | None]
    entries: tuple[Entry, ...]
    deferred: frozenset[str]
    columns: Columns

    def object(self, table: str) -> Object | None:
        """The object whose rows, or whose lists, a table holds."""
        found: Object | None = self.made[table].info.get("object")
        return found


def goal(protons: Sequence[Proton], dialect: sa.Dialect, there: Tables, recorded: Recorded) -> Goal:
    """The goal of these Protons (the newest version of each) in a database that has these tables."""
    system = system_tables()
    owner: dict[str, Proton | None] = dict.fromkeys(system.tables)
    made = dict(system.tables)
    entries: list[Entry] = []
    deferred: set[str] = set()
    columns: dict[str, Mapping[str, str]] = {}
    for proton in protons:
        resolved = resolve(proton, recorded.columns, there)
        entries += resolved.fresh
        columns |= resolved.columns
        for table, keys in _sorted(tables(proton, resolved.columns)):
            if table is None:
                deferred |= {str(key.name) for key in keys}
                continue
            if table.name in made:
                raise SettingsError(
                    f"the Protons '{_of(owner, table)}' and '{proton.name}' both need the table {table.name}: rename one"
                )
            owner[table.name], made[table.name] = proton, table
    described: dict[str, Table] = {}
    for metadata in dict.fromkeys(table.metadata for table in made.values()):
        described |= wanted([metadata], dialect)
    return Goal(
        tuple(protons), dialect, made, {n: described[n] for n in made}, owner, tuple(entries), frozenset(deferred), columns
    )


def _sorted(metadata: sa.MetaData) -> list[tuple[sa.Table | None, list[sa.ForeignKeyConstraint]]]:
    """The tables in the order of references; at the end, without a table, the foreign keys that close circles."""
    found: Any = sort_tables_and_constraints(metadata.tables.values())  # type: ignore[no-untyped-call]
    return list(found)


def _of(owner: Mapping[str, Proton | None], table: sa.Table) -> str:
    proton = owner[table.name]
    return proton.name if proton else "gluon"


def digest(proton: Proton) -> str:
    """What the tables and the data of a Proton follow from: differs where another model may want something else of them."""
    said = [(o.name, o.unique, o.identifier.name, *map(_attribute, o.attributes)) for o in proton.objects]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _attribute(a: Attribute) -> tuple[object, ...]:
    filled = (a.default, a.default_from, a.allocate, a.generate)
    return a.name, _shape(a.type), a.required, *filled, a.unique, a.renamed_from


def _shape(type: Type) -> object:
    """A type without the places in files that it came from."""
    match type:
        case Structure():
            return tuple(map(_attribute, type.attributes))
        case List():
            return "list", _shape(type.items), type.min_items, type.max_items, type.unique
        case _:
            return repr(type)
