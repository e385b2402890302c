# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom: additions in the order of references, removals reversed.

    add or change X   waits for what X refers to: to be there at all, and to be done where something is due
    remove X          waits for what still refers to X as the backend knows it, where that is about to let go of it

Nobody waits for what has failed or was put off, so one failing object holds up no other; and a circle holds up nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gluon.shim.planning import Call, Verb
from gluon.shim.references import Key, Pointer


class Scene(Protocol):
    """What is to be known of all objects to say who waits."""

    def due(self, key: Key) -> Call | None:
        """The object's next call, if it is neither put off nor refused."""
        ...

    def wants(self, key: Key) -> list[Pointer]:
        """The pointers in the object as it is wanted; none where it is not."""
        ...

    def leads(self, pointer: Pointer) -> Key | None:
        """The object that a pointer leads to; None where it is missing."""
        ...

    def holders(self, key: Key) -> tuple[Key, ...]:
        """The objects that refer to this one as the backend knows them, and differently or not at all as they are wanted."""
        ...

    def rank(self, key: Key) -> int:
        """The place of the object's kind in the order of references."""
        ...


def missing(scene: Scene, key: Key) -> Key | None:
    """An object that this one refers to and that is not there."""
    return next((pointer[0] for pointer in scene.wants(key) if scene.leads(pointer) is None), None)


def blocker(scene: Scene, key: Key, call: Call) -> Key | None:
    """An object that must come first; None where the call may be made now."""
    if call.verb in (Verb.MODIFY, Verb.BIND) and (absent := missing(scene, key)):
        return absent
    return next((other for other in _ahead(scene, key, call) if not _waits(scene, other, key)), None)


def _ahead(scene: Scene, key: Key, call: Call) -> Iterator[Key]:
    """The objects with something due that come before this call."""
    if call.verb in (Verb.MODIFY, Verb.BIND):
        for pointer in scene.wants(key):
            other = scene.leads(pointer)
            if other is not None and other != key and scene.rank(other) <= scene.rank(key) and scene.due(other):
                yield other
    elif call.verb in (Verb.DELETE, Verb.FORGET):
        for other in scene.holders(key):
            if other != key and scene.rank(other) >= scene.rank(key) and _lets_go(scene, other, key) and scene.due(other):
                yield other


def _lets_go(scene: Scene, other: Key, key: Key) -> bool:
    """Whether what ``other`` does next ends its reference to ``key``."""
    call = scene.due(other)
    if call is None:
        return False
    return not call.new or all(key not in pointer for pointer in scene.wants(other))


def _waits(scene: Scene, start: Key, goal: Key) -> bool:
    """Whether ``start`` waits, perhaps through others, for ``goal``."""
    seen, todo = {start}, [start]
    while todo:
        at = todo.pop()
        call = scene.due(at)
        for other in _ahead(scene, at, call) if call else ():
            if other == goal:
                return True
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return False
