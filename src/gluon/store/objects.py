# SPDX-License-Identifier: Apache-2.0
"""The verbs of the API on any object: create, update, delete. Written once, over Tx, for every database.

    values ─► ``filling``: defaults ─► ``binding``, ``ports``: roles ─► ``integrity``: references ─► rows + change rows

A verb either does all of this in the caller's transaction or raises. It does no access control and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gluon.errors import Fault, Invalid, Missing, Stale
from gluon.model.schema import Object, Proton, Role
from gluon.particle.wording import named, shown
from gluon.store.binding import PLACE, decide
from gluon.store.contract import Record, Tx
from gluon.store.filling import SERVERS_OWN, complete
from gluon.store.integrity import Integrity
from gluon.store.ports import check_interface_change, default_interface
from gluon.store.removal import Removal
from gluon.store.revisions import revised
from gluon.store.sizes import require_fitting

_NO_SCOPE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a create or update came to. ``waits_for``: the binding_id whose answer the request must wait for, if any."""

    record: Record
    waits_for: str | None = None


class Objects:
    """The verbs for the objects of one Proton.

    ``scope``: attributes that the object must have, from a nested route's path; ``binding_id``: the one to take should the
    request turn out to be a bind request (the caller has registered its wait already).
    """

    def __init__(self, proton: Proton) -> None:
        self._proton = proton
        self._integrity = Integrity(proton)
        self._removal = Removal(proton, self._integrity)

    async def create(
        self, tx: Tx, obj: Object, values: Mapping[str, Any], *, binding_id: str, scope: Mapping[str, Any] = _NO_SCOPE
    ) -> Outcome:
        """Make an object, for a port its default interface too. Raises Invalid, Conflict, TooLarge, Missing (the parent)."""
        await self._enter(tx, obj, scope)
        faults = _against_scope(values, scope)
        record = await complete(tx, obj, {**values, **scope}, faults)
        waits_for = None
        if obj.is_port:
            decision = decide(None, record, values, binding_id)
            record |= decision.changes
            waits_for = decision.waits_for
        faults += await self._integrity.faults(tx, obj, record)
        if faults:
            raise Invalid.of(faults)
        await self._insert(tx, obj, record)
        if obj.is_port and self._proton.interface is not None:
            await self._insert(tx, self._proton.interface, await default_interface(tx, obj, self._proton.interface, record))
        return Outcome(record, waits_for)

    async def update(
        self,
        tx: Tx,
        obj: Object,
        id: Any,
        values: Mapping[str, Any],
        *,
        binding_id: str,
        if_match: int | None = None,
        scope: Mapping[str, Any] = _NO_SCOPE,
    ) -> Outcome:
        """Change what ``values`` name. Writes nothing where nothing differs. Raises Missing, Stale, Invalid, Conflict,
        TooLarge."""
        record = await self._found(tx, obj, id, if_match, scope)
        changes = {n: v for n, v in values.items() if _differs(obj, n, record[n], v)}
        faults = _against_scope(values, scope) + _refused(obj, changes)
        after = {**record, **changes}
        decision = decide(record, after, values, binding_id) if obj.is_port else None
        if obj.role is Role.INTERFACE and self._proton.port is not None:
            faults += check_interface_change(obj, record, changes)
        faults += await self._integrity.faults(tx, obj, after, changes)
        if faults:
            raise Invalid.of(faults)
        consequences = {n: v for n, v in decision.changes.items() if record[n] != v} if decision else {}
        waits_for = decision.waits_for if decision else None
        if not changes and not consequences:
            return Outcome(record, waits_for)
        written = revised(record, {**changes, **consequences}, wanted=True)
        after = {**record, **written}
        require_fitting(obj, id, after)
        await tx.update(obj, id, written)
        await tx.log_change(obj, id)
        return Outcome(after, waits_for)

    async def delete(
        self, tx: Tx, obj: Object, id: Any, *, if_match: int | None = None, scope: Mapping[str, Any] = _NO_SCOPE
    ) -> Record:
        """Remove an object and what goes with it; returns what it was. Raises Missing, Stale, Conflict."""
        record = await self._found(tx, obj, id, if_match, scope)
        await self._removal.remove(tx, obj, record)
        return record

    async def _insert(self, tx: Tx, obj: Object, record: Record) -> None:
        require_fitting(obj, record[obj.identifier.name], record)
        await tx.insert(obj, record)
        await tx.log_change(obj, record[obj.identifier.name])

    async def _found(self, tx: Tx, obj: Object, id: Any, if_match: int | None, scope: Mapping[str, Any]) -> Record:
        record = await tx.lock(obj, id)
        if record is None or any(record[n] != v for n, v in scope.items()):
            raise Missing(f"there is no {named(obj, id)}")
        if if_match is not None and record["revision"] != if_match:
            raise Stale(f"{named(obj, id)} is at revision {record['revision']}, not {if_match}")
        return record

    async def _enter(self, tx: Tx, obj: Object, scope: Mapping[str, Any]) -> None:
        """Raise Missing where the path leads through an object that is not there."""
        for link in self._integrity.links(obj):
            if link.attribute.name in scope and not await self._integrity.exists(tx, link, scope[link.attribute.name]):
                raise Missing(f"there is no {self._integrity.wanted(link)} {shown(str(scope[link.attribute.name]))}")


def _against_scope(values: Mapping[str, Any], scope: Mapping[str, Any]) -> list[Fault]:
    return [Fault(f"/{n}", f"the path says {shown(str(v))}") for n, v in scope.items() if values.get(n, v) not in (v, None)]


def _differs(obj: Object, name: str, stored: Any, given: Any) -> bool:
    """Whether a given value is another than stored. An empty host or device is no host or device."""
    if obj.is_port and name in PLACE and not stored and not given:
        return False
    if stored == given and isinstance(given, list | dict):
        # Python takes 1, 1.0 and True for equal; JSON does not.
        return msgspec.json.encode(stored, order="sorted") != msgspec.json.encode(given, order="sorted")
    return bool(stored != given)


def _refused(obj: Object, changes: Mapping[str, Any]) -> list[Fault]:
    """The faults of a change: what may not change at all, what may not become null."""
    faults = []
    for name, value in changes.items():
        attribute = obj.by_name.get(name)
        if attribute is None or attribute.readonly:  # none: bookkeeping, which a client may repeat
            faults.append(Fault(f"/{name}", SERVERS_OWN))
        elif attribute is obj.identifier:
            faults.append(Fault(f"/{name}", "identifies the object and cannot change"))
        elif attribute.immutable:
            faults.append(Fault(f"/{name}", "is set at creation only"))
        elif attribute.required and value is None:
            faults.append(Fault(f"/{name}", "is required"))
    return faults
