# SPDX-License-Identifier: Apache-2.0
"""Tells what an object once was from what it is: an etcd that was restored shows both while it is repaired. Pure.

Within an incarnation revisions only grow, and an incarnation that has gone never returns: unless the database was restored, too.
"""

from __future__ import annotations

from typing import Final

from gluon.particle.shimtypes import Record
from gluon.shim.planning import incarnation_of
from gluon.shim.references import Key

#: Objects that have gone, of which this many are remembered.
_MANY: Final = 20_000


class Past:
    """What one process has seen go."""

    def __init__(self) -> None:
        self._over: dict[Key, str] = {}  # the incarnation that went last, in this order

    def gone(self, key: Key, last: Record) -> None:
        """An object went, which last was so."""
        self._over.pop(key, None)
        self._over[key] = incarnation_of(last)
        if len(self._over) > _MANY:
            del self._over[next(iter(self._over))]

    def had(self, key: Key, incarnation: str) -> bool:
        """Whether this is one that has gone. None is where a writer keeps no incarnations."""
        return bool(incarnation) and self._over.get(key) == incarnation


def is_older(record: Record, than: Record) -> bool:
    """Whether one and the same object was once so."""
    was, now = than.get("revision"), record.get("revision")
    return incarnation_of(than) == incarnation_of(record) and was is not None and now is not None and now < was
