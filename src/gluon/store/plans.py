# SPDX-License-Identifier: Apache-2.0
"""All statements on the tables of some Protons, made once for a dialect, and who can refer to whom.

tables(proton) ─► ObjectPlan (``rowplans``) for each object ─► Pointing for each link between them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.model.links import Link, links
from gluon.model.schema import Object, Proton, Role
from gluon.particle.systables import system_tables
from gluon.particle.tables import NO_COLUMNS, Columns, tables
from gluon.store.conditions import among
from gluon.store.constraints import Constraints
from gluon.store.ports import INTERFACE_ID, PORT_ID
from gluon.store.rowplans import ObjectPlan
from gluon.store.statements import Statement, compiled, param


@dataclass(frozen=True, slots=True)
class Pointing:
    """A link from one kind of object to another, with the statement that finds who refers to ``value``."""

    object: Object
    link: Link
    referrers: Statement


def _apart(metadata: Mapping[Proton, sa.MetaData]) -> None:
    """Raise SettingsError where two Protons would share a table."""
    owners: dict[str, Proton] = {}
    for proton, found in metadata.items():
        for name in found.tables:
            other = owners.setdefault(name, proton)
            if other is not proton:
                raise SettingsError(f"the Protons '{other.name}' and '{proton.name}' both need the table {name}: rename one")


class Plans:
    """The plans of all objects of some Protons, and who can refer to whom."""

    def __init__(self, protons: Sequence[Proton], dialect: sa.Dialect, columns: Columns = NO_COLUMNS) -> None:
        """``columns``: where an attribute is not in the column of its name."""
        self.dialect = dialect
        self.metadata = {p: tables(p, columns) for p in protons}
        _apart(self.metadata)
        self.protons = {p.name: p for p in protons}
        self.of: dict[Object, ObjectPlan] = {}
        for metadata in self.metadata.values():
            elements = [t for t in metadata.tables.values() if "attribute" in t.info]
            for table in metadata.tables.values():
                if "attribute" not in table.info:
                    obj: Object = table.info["object"]
                    self.of[obj] = ObjectPlan(table, [t for t in elements if t.info["object"] is obj], dialect)
        self.pointing = {obj: self._pointing(obj) for obj in self.of}
        #: By kind of service binding, those on the interfaces of ``ports``: the port's identifier and the row.
        self.carried = {
            obj: self._carried(obj, i) for p in protons if (i := p.interface) for obj in p.having(Role.SERVICE_BINDING)
        }
        self.constraints = Constraints(t for m in (system_tables(), *self.metadata.values()) for t in m.tables.values())

    def _pointing(self, target: Object) -> tuple[Pointing, ...]:
        found = []
        for obj, plan in self.of.items():
            if obj.proton != target.proton:
                continue
            for link, statement in self._links(obj, plan):
                if target.name in link.reference.targets:
                    found.append(Pointing(obj, link, statement))
        return tuple(found)

    def _carried(self, binding: Object, interface: Object) -> Statement:
        plan, between = self.of[binding], self.of[interface].table
        joined = sa.join(plan.table, between, plan.table.c[INTERFACE_ID] == between.c[interface.identifier.name])
        query = sa.select(between.c[PORT_ID], *plan.columns).select_from(joined)
        return compiled(query.where(among(between.c[PORT_ID], param("ports"), self.dialect)), self.dialect)

    def _links(self, obj: Object, plan: ObjectPlan) -> list[tuple[Link, Statement]]:
        by_place = {(e.attribute.name, e.link.path): e.owner_of for e in plan.elements if e.link}
        found = []
        for link in links(obj):
            statement = by_place.get((link.attribute.name, link.path)) if link.many else None
            if statement is None:
                column = plan.table.c[link.attribute.name]
                query = sa.select(plan.table.c[plan.identifier]).where(column == param("value"))
                statement = compiled(query.limit(param("limit")), self.dialect)
            found.append((link, statement))
        return found
