# SPDX-License-Identifier: Apache-2.0
"""Turns what a constraint refused into a Conflict or Invalid that names the attributes, and the object that is in the way.

It looks for who holds the value. Where that has gone meanwhile, the error says no more than that the value is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gluon.errors import Conflict, Fault, Invalid, RequestError
from gluon.model.links import Link
from gluon.model.schema import Attribute, Object
from gluon.model.types import Reference
from gluon.particle.wording import kinds, named, shown
from gluon.store.constraints import Constraint
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.refusals import Blocked
from gluon.store.rowplans import ElementPlan
from gluon.store.transactions import RowReads, exists_already


class Explainer:
    """Explains by reading: in the transaction itself (SQLite), or after it was rolled back."""

    def __init__(self, plans: Plans, log: LogPlans) -> None:
        self._plans = plans
        self._log = log

    async def explain(self, reads: RowReads, blocked: Blocked) -> RequestError:
        """The error that a client gets."""
        obj, id, violation = blocked.object, blocked.id, blocked.violation
        if blocked.values is None:
            return await _still_referred_to(reads, obj, id)
        constraint = self._plans.constraints.of(violation, self._plans.of[obj].table.name)
        if violation.kind == "reference":
            return self._lost_reference(blocked, constraint)
        if constraint is None:
            return Conflict(f"{named(obj, id)}: a value is taken ({violation})")
        if constraint.table.name == self._log.ports.name:
            return await self._known_port(reads, obj, id)
        if "attribute" in constraint.table.info:
            return await self._taken_item(reads, blocked, constraint)
        return await self._taken(reads, blocked, constraint)

    async def _taken(self, reads: RowReads, blocked: Blocked, constraint: Constraint) -> Conflict:
        obj, names = blocked.object, constraint.names
        plan = self._plans.of[obj]
        if names == (plan.identifier,):
            return exists_already(obj, blocked.id)
        record: Mapping[str, Any] = {**(await reads.get(obj, blocked.id) or {}), **(blocked.values or {})}
        found = await reads.run(plan.find(names), {n: plan.column(n, record[n]) for n in names})
        said = ", ".join(f"{n} {_shown(obj.by_name[n], record[n])}" for n in names)
        holder = f" by {named(obj, found[0][0])}" if found else ""
        return _conflict(names, f"{said} is taken{holder}")

    async def _taken_item(self, reads: RowReads, blocked: Blocked, constraint: Constraint) -> Conflict:
        plan, values = self._plans.of[blocked.object], blocked.values or {}
        element = next(e for e in plan.elements if e.table is constraint.table)
        name = element.attribute.name
        for value in _items(element, blocked.id, values.get(name)):
            for (owner,) in await reads.run(element.owner_of, {"value": value, "limit": 1}):
                if owner != blocked.id:
                    said = f"{name} {_shown(element.attribute, value)} is taken by {named(blocked.object, owner)}"
                    return _conflict((name,), said)
        return _conflict((name,), f"{name} holds an item that is taken")

    async def _known_port(self, reads: RowReads, port: Object, id: Any) -> Conflict:
        rows = await reads.run(self._log.port_owner, {"id": str(id)})
        if not rows or rows[0][0] == port.proton:
            return exists_already(port, id)
        return _conflict((port.identifier.name,), f"{named(port, id)} exists already in {rows[0][0]}")

    def _lost_reference(self, blocked: Blocked, constraint: Constraint | None) -> Invalid:
        """The verbs had seen what it refers to; it went before the write."""
        if constraint is None:
            return Invalid.of([Fault("", f"refers to an object that does not exist ({blocked.violation})")])
        link: Link | None = constraint.table.info.get("link")
        name = link.attribute.name if link else constraint.names[0]
        kind = link.reference if link else blocked.object.by_name[name].type
        assert isinstance(kind, Reference)
        objects = next(p for p in self._plans.protons.values() if p.name == blocked.object.proton).by_name
        target = kinds(objects[wanted] for wanted in kind.targets)
        value = (blocked.values or {}).get(name)
        which = f"no {target} {shown(str(value))}" if link is None else f"a missing {target} among them"
        return Invalid.of([Fault(f"/{name}", f"there is {which}")])


async def _still_referred_to(reads: RowReads, obj: Object, id: Any) -> Conflict:
    found = [f"{named(r.object, r.id)} ({r.attribute.name})" for r in await reads.referrers(obj, id)]
    return Conflict(f"{named(obj, id)} is still referred to" + (f" by {', '.join(found)}" if found else ""))


def _items(element: ElementPlan, owner: Any, value: Any) -> list[Any]:
    rows = element.rows(owner, value)
    return [dict(zip(element.insert.names, row, strict=True))["value"] for row in rows]


def _conflict(names: Sequence[str], detail: str) -> Conflict:
    return Conflict(detail, [Fault(f"/{name}", detail) for name in names])


def _shown(attribute: Attribute, value: Any) -> str:
    if attribute.write_only:
        return "(secret)"
    return shown(value) if isinstance(value, str) else str(value)
