# SPDX-License-Identifier: Apache-2.0
"""Turns a violated constraint into a Conflict that names the attributes, and the object that is in the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gluon.errors import Conflict, Fault, Invalid
from gluon.model.schema import Attribute
from gluon.particle.wording import named, shown
from gluon.store.rowplans import ObjectPlan
from gluon.store.statements import Statement


class Rows(Protocol):
    """What can run a statement."""

    def run(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]: ...


def explain(rows: Rows, plan: ObjectPlan, record: Mapping[str, Any], error: sqlite3.IntegrityError) -> Conflict | Invalid:
    """The error that a violated constraint becomes. SQLite names the columns: ``UNIQUE constraint failed: t.a, t.b``."""
    text = str(error)
    if not text.startswith("UNIQUE"):
        return Invalid.of([Fault("", f"refers to an object that does not exist ({text})")])
    places = [place.rsplit(".", 1) for place in text.split(": ", 1)[1].split(", ")]
    if places[0][0] != plan.table.name:
        return _taken_item(rows, plan, places[0][0], record)
    columns = {c.name: c.key for c in plan.table.columns}
    names = tuple(columns[column] for _, column in places)
    if names == (plan.identifier,):
        return _conflict(names, f"{named(plan.object, record[plan.identifier])} exists already")
    values = {n: plan.column(n, record[n]) for n in names}
    found = rows.run(plan.find(names), values)
    said = ", ".join(f"{n} {_shown(plan.object.by_name[n], record[n])}" for n in names)
    holder = f" by {named(plan.object, found[0][0])}" if found else ""
    return _conflict(names, f"{said} is taken{holder}")


def _taken_item(rows: Rows, plan: ObjectPlan, table: str, record: Mapping[str, Any]) -> Conflict:
    element = next(e for e in plan.elements if e.table.name == table)
    name = element.attribute.name
    for row in element.rows(record[plan.identifier], record[name]):
        value = dict(zip(element.insert.names, row, strict=True))["value"]
        for (owner,) in rows.run(element.owner_of, {"value": value, "limit": 1}):
            if owner != record[plan.identifier]:
                return _conflict((name,), f"{name} {_shown(element.attribute, value)} is taken by {named(plan.object, owner)}")
    return _conflict((name,), f"{name} holds an item that is taken")


def _conflict(names: Sequence[str], detail: str) -> Conflict:
    return Conflict(detail, [Fault(f"/{name}", detail) for name in names])


def _shown(attribute: Attribute, value: Any) -> str:
    if attribute.write_only:
        return "(secret)"
    return shown(value) if isinstance(value, str) else str(value)
