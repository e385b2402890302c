# SPDX-License-Identifier: Apache-2.0
"""Deleting an object: who refers to it stands in the way (restrict), goes with it (cascade), or lets go of it (set_null).

    find all that goes ─► let go ─► anything in the way? Conflict ─► delete, referrers first

A port takes its interfaces along, unless one of them carries a service binding.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from gluon.errors import Conflict
from gluon.model.links import Link
from gluon.model.schema import Object, OnDelete, Proton, Role
from gluon.model.types import List
from gluon.particle.wording import named
from gluon.store.contract import Record, Tx
from gluon.store.integrity import Integrity
from gluon.store.ports import PORT_ID, is_default
from gluon.store.revisions import revised

#: Objects in the way that a Conflict names.
_NAMED: Final = 10

_Key = tuple[Object, Any]


@dataclass(slots=True)
class _Sweep:
    """One deletion: what goes, in the order it was found; what stands in the way, and through what; who lets go of what."""

    root: Object
    doomed: dict[_Key, None] = field(default_factory=dict)
    blockers: dict[_Key, str] = field(default_factory=dict)
    freed: list[tuple[_Key, Link, Any]] = field(default_factory=list)


class Removal:
    """Removes objects of one Proton."""

    def __init__(self, proton: Proton, integrity: Integrity) -> None:
        self._proton = proton
        self._integrity = integrity

    async def remove(self, tx: Tx, obj: Object, record: Record) -> None:
        """Remove an object and what goes with it, each with its change row. Raises Conflict naming what stands in the way."""
        id = record[obj.identifier.name]
        if obj.role is Role.INTERFACE and self._proton.port is not None and is_default(obj, record):
            raise Conflict(f"{named(obj, id)} is the default interface of {named(self._proton.port, id)} and goes with it only")
        sweep = await self._find(tx, obj, id)
        for key, link, target in sweep.freed:
            if key not in sweep.doomed:
                await self._let_go(tx, key, link, target, sweep)
        in_the_way = [f"{named(o, i)} ({through})" for (o, i), through in sweep.blockers.items() if (o, i) not in sweep.doomed]
        if in_the_way:
            listed = ", ".join(in_the_way[:_NAMED]) + (", …" if len(in_the_way) > _NAMED else "")
            raise Conflict(f"{named(obj, id)} is still referred to by {listed}")
        await self._delete(tx, sweep.doomed)

    async def _find(self, tx: Tx, obj: Object, id: Any) -> _Sweep:
        """Follow the references backwards from an object, which is locked, as is all that goes with it before anyone looks who
        refers to it: so no other transaction adds a reference that would be missed."""
        sweep = _Sweep(obj, {(obj, id): None})
        waiting: list[_Key] = [(obj, id)]
        while waiting:
            target, key = waiting.pop()
            if not await tx.referrers(target, key, 1):
                continue
            for referrer, link, record in await self._held(tx, target, key):
                found = (referrer, record[referrer.identifier.name])
                if found in sweep.doomed:
                    continue
                match _rule(sweep.root, referrer, link):
                    case "restrict":
                        sweep.blockers.setdefault(found, link.attribute.name)
                    case "cascade":
                        if await tx.lock(*found) is not None:
                            sweep.doomed[found] = None
                            waiting.append(found)
                    case "set_null":
                        sweep.freed.append((found, link, key))
        return sweep

    async def _held(self, tx: Tx, target: Object, key: Any) -> list[tuple[Object, Link, Record]]:
        """Every place that refers to an object."""
        return [
            (referrer, link, record)
            for referrer, link in self._integrity.to(target)
            for record in await tx.referring(referrer, link.attribute, key)
            if any(held == key for _, held in link.held(record[link.attribute.name]))
        ]

    async def _let_go(self, tx: Tx, key: _Key, link: Link, target: Any, sweep: _Sweep) -> None:
        obj, id = key
        record = await tx.lock(obj, id)
        assert record is not None
        left = link.without(record[link.attribute.name], target)
        kind = link.attribute.type
        if isinstance(kind, List) and len(left) < kind.min_items:
            sweep.blockers.setdefault(key, link.attribute.name)
            return
        await tx.update(obj, id, revised(record, {link.attribute.name: left}, wanted=True))
        await tx.log_change(obj, id)

    async def _delete(self, tx: Tx, doomed: Collection[_Key]) -> None:
        """Last found, first gone; in a circle the one that refers lets go first, unseen: foreign keys hold at every step."""
        for obj, id in reversed(list(doomed)):
            if len(doomed) > 1 or await tx.referrers(obj, id, 1):
                for referrer, link, record in await self._held(tx, obj, id):
                    key = record[referrer.identifier.name]
                    if (referrer, key) in doomed:
                        await tx.update(referrer, key, {link.attribute.name: link.without(record[link.attribute.name], id)})
            await tx.delete(obj, id)
            await tx.log_change(obj, id)


def _rule(root: Object, referrer: Object, link: Link) -> OnDelete:
    """What the deletion of ``root`` means for a referrer; the roles come before the model."""
    if root.is_port and referrer.role is Role.INTERFACE and link.attribute.name == PORT_ID:
        return "cascade"
    if root.is_port and referrer.role is Role.SERVICE_BINDING:
        return "restrict"
    return link.on_delete
