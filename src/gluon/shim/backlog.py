# SPDX-License-Identifier: Apache-2.0
"""What is still to be done: the copy of what is wanted beside the memory of what was handed over.

    Mirror (wanted) ─┐
                     ├─► due(key) ──► Call          blocker(key) ──► who comes first
    handed ──────────┘

It decides and remembers; it calls no backend and writes nothing to etcd.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from gluon.model.schema import BINDING_ID, Proton, Role
from gluon.particle.shimtypes import Record
from gluon.shim import ordering
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Call, Offer, Placement, Wanted, generation_of, incarnation_of, next_call, same_generation
from gluon.shim.references import Index, Key, Pointer
from gluon.shim.reports import Handed

_LINKED = (Role.SERVICE, Role.SERVICE_BINDING)


class Backlog:
    """Answers what is due. ``idle(key)`` says that an object is put off or refused, so that it counts as having nothing due."""

    def __init__(
        self, mirror: Mirror, placement: Placement, offers: Mapping[str, Offer], idle: Callable[[Key], bool] = lambda _: False
    ) -> None:
        self.mirror = mirror
        self.handed: dict[Key, Handed] = {}
        self._placement = placement
        self._offers = offers
        self._idle = idle
        #: The kinds whose modify comes again when an object that they refer to changed.
        self.linked = frozenset(o.name for role in _LINKED for o in mirror.proton.having(role))
        self._ports = frozenset(o.name for o in mirror.proton.having(Role.PORT))
        self._ranks = _ranks(mirror.proton)
        self._held = Index()
        self._held_by: dict[Key, list[Pointer]] = {}

    # What the ordering asks (ordering.Scene).

    def due(self, key: Key) -> Call | None:
        return None if self._idle(key) else self.call(key)

    def wants(self, key: Key) -> list[Pointer]:
        record = self.mirror.find(key)
        return self.mirror.pointers(key, record) if record is not None else []

    def leads(self, pointer: Pointer) -> Key | None:
        return next((key for key in pointer if self.mirror.find(key) is not None), None)

    def holders(self, key: Key) -> tuple[Key, ...]:
        return self._held.referrers(key)

    def rank(self, key: Key) -> int:
        return self._ranks[key.kind]

    # What the reconciling asks and tells.

    def offer(self, key: Key) -> Offer:
        """What the backend has methods for, of this kind."""
        return self._offers[key.kind]

    def call(self, key: Key) -> Call | None:
        """The object's next call, put off or not. There is none while its removal is withheld."""
        if key in self.mirror.withheld:
            return None
        return next_call(self.wanted(key), self.handed.get(key), self._offers[key.kind])

    def blocker(self, key: Key, call: Call) -> Key | None:
        """The object that this call waits for; None where it may be made now."""
        return ordering.blocker(self, key, call)

    def wanted(self, key: Key) -> Wanted | None:
        """The object as the backend is to have it; None where it is not there or not this shim's."""
        record = self.mirror.find(key)
        if record is None or not self._placement.takes(record):
            return None
        links = self._links(key, record) if key.kind in self.linked else ""
        return Wanted(record, links, key.kind in self._ports and self._placement.binds(record))

    def stands(self, key: Key, wanted: Wanted) -> bool:
        """Whether the object is still as it was when it was wanted so, but for what the server writes itself."""
        now = self.mirror.find(key)
        if now is None or key in self.mirror.withheld:
            return False
        as_it_was = now is wanted.record or same_generation(now, wanted.record)
        return as_it_was and now.get(BINDING_ID) == wanted.record.get(BINDING_ID)

    def urgent(self, key: Key) -> bool:
        """Whether a bind waits for this object."""
        record = self.mirror.find(key) if key.kind in self._ports else None
        if record is None or not self._placement.binds(record):
            return False
        had = self.handed.get(key)
        return had is None or had.settled != record["binding_id"]

    def remember(self, key: Key, handed: Handed | None) -> None:
        """The backend has been handed this now; None: it has nothing of the object any more."""
        if handed is None:
            self.handed.pop(key, None)
        else:
            self.handed[key] = handed
        self._watch_holds(key, handed)

    def noticed(self, key: Key) -> None:
        """The object changed in the copy. What only the server wrote is no change for the backend."""
        had, record = self.handed.get(key), self.mirror.find(key)
        if had is not None and record is not None and had.record is not None and same_generation(had.record, record):
            had = self.handed[key] = replace(had, record=record)
        self._watch_holds(key, had)

    def _watch_holds(self, key: Key, had: Handed | None) -> None:
        """Index what the backend's state of the object refers to, while it differs from what is wanted."""
        before = self._held_by.pop(key, None)
        if before is not None:
            self._held.discard(key, before)
        if had is None or had.last is self.mirror.find(key):
            return
        pointers = self.mirror.pointers(key, had.last)
        if pointers:
            self._held_by[key] = pointers
            self._held.add(key, pointers)

    def _links(self, key: Key, record: Record) -> str:
        """A print of the objects referred to, that differs when one of them changed."""
        prints = []
        for pointer in self.mirror.pointers(key, record):
            other = self.mirror.first(pointer)
            prints.append(f"{incarnation_of(other)}:{generation_of(other)}" if other is not None else "")
        return hashlib.blake2b("\n".join(prints).encode(), digest_size=8).hexdigest() if prints else ""


def _ranks(proton: Proton) -> dict[str, int]:
    return {obj.name: place for place, obj in enumerate(proton.order)}
