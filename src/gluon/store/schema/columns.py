# SPDX-License-Identifier: Apache-2.0
"""Which column holds which attribute: the one of its name, except where an attribute was renamed and its data stay.

A renamed attribute keeps its column, so that servers of both models run on the same tables; ``gluon_columns`` records it. A later
attribute that takes the old name gets another column. Servers of models older than an entry do not follow it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gluon.model.schema import BINDING_ID, BOOKKEEPING, Attribute, Object, Proton
from gluon.model.versions import numbers
from gluon.particle.naming import bound
from gluon.particle.tables import tables
from gluon.store.schema.description import Tables


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of ``gluon_columns``. ``since``: the version of the model that brought it."""

    table: str
    attribute: str
    column: str
    since: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """``columns``: as ``gluon.particle.tables.tables`` takes them; ``fresh``: what is not recorded yet."""

    columns: Mapping[str, Mapping[str, str]]
    fresh: tuple[Entry, ...]


def resolve(proton: Proton, recorded: Iterable[Entry], there: Tables) -> Resolved:
    """Find the column of each attribute, from what is recorded and from the tables that are there."""
    by_table: dict[str, dict[str, str]] = {}
    for entry in recorded:
        if numbers(entry.since) <= numbers(proton.version):
            by_table.setdefault(entry.table, {})[entry.attribute] = entry.column
    columns, fresh = {}, []
    for table in tables(proton).tables.values():
        if "attribute" in table.info:
            continue
        known = by_table.get(table.name, {})
        present = there[table.name].columns if table.name in there else {}
        found = _table(table.info["object"], known, present)
        columns[table.name] = found
        fresh += [Entry(table.name, a, c, proton.version) for a, c in found.items() if a not in known]
    return Resolved(columns, tuple(fresh))


def _table(obj: Object, known: Mapping[str, str], present: Collection[str]) -> dict[str, str]:
    """The columns of the attributes of one object that must be, or are, recorded."""
    found = {a.name: known[a.name] for a in obj.attributes if a.name in known}
    used = {column.lower() for column in known.values()}
    for attribute in obj.attributes:
        if attribute.name in known:
            continue
        old = _former(attribute, known, present)
        own = bound(attribute.name)
        if old is not None:
            found[attribute.name] = old
        elif own.lower() in used:
            found[attribute.name] = _another(attribute.name, used | {n.lower() for n in present} | _names(obj))
        elif attribute.renamed_from is not None:
            found[attribute.name] = own  # recorded, or a column of the former name that comes later would be taken for it
        else:
            continue
        used.add(found[attribute.name].lower())
    return found


def _former(attribute: Attribute, known: Mapping[str, str], present: Collection[str]) -> str | None:
    """The column that holds the attribute's data under its former name."""
    if attribute.renamed_from is None:
        return None
    column = known.get(attribute.renamed_from, bound(attribute.renamed_from))
    return column if column in present else None


def _names(obj: Object) -> set[str]:
    return {bound(name).lower() for name in (*obj.by_name, *BOOKKEEPING, BINDING_ID)}


def _another(name: str, taken: Collection[str]) -> str:
    return next(made for n in itertools.count(2) if (made := bound(f"{name}_{n}")).lower() not in taken)
