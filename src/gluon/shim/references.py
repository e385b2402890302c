# SPDX-License-Identifier: Apache-2.0
"""Who refers to whom: the pointers in a record, and an index from an object to those that refer to it.

Pure values; nothing here knows whether the object at the other end is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gluon.model.schema import Attribute, Object, Proton
from gluon.model.types import List, Reference, Structure, Type
from gluon.particle.shimtypes import State


class Key(NamedTuple):
    """Which object: its kind is the object's name in the model, its id as text."""

    kind: str
    id: str


#: Where one pointer may lead: a key for each kind of object that it may point to.
Pointer = tuple[Key, ...]
_Find = Callable[[Any], Iterator[Pointer]]


class Pointers:
    """Finds the pointers in the records of a Proton, at any depth."""

    def __init__(self, proton: Proton) -> None:
        self._finders = {obj.name: _finders(obj.attributes) for obj in proton.objects}

    def of(self, kind: str, record: State) -> list[Pointer]:
        """Every pointer in the record that is set."""
        found: list[Pointer] = []
        for name, find in self._finders[kind]:
            value = record.get(name)
            if value is not None:
                found.extend(find(value))
        return found

    def through(self, obj: Object, attribute: str, value: Any) -> list[Pointer]:
        """The pointers in one attribute's value; none where it is null or no reference."""
        find = dict(self._finders[obj.name]).get(attribute)
        return list(find(value)) if find and value is not None else []


def _finders(attributes: Iterable[Attribute]) -> tuple[tuple[str, _Find], ...]:
    return tuple((a.name, find) for a in attributes if (find := _finder(a.type)))


def _finder(type: Type) -> _Find | None:
    """How pointers are found in a value of this type; None where it can hold none."""
    match type:
        case Reference():
            return lambda value: iter((tuple(Key(kind, str(value)) for kind in type.targets),))
        case List():
            return _each(inner) if (inner := _finder(type.items)) else None
        case Structure():
            return _inside(inners) if (inners := _finders(type.attributes)) else None
        case _:
            return None


def _each(inner: _Find) -> _Find:
    return lambda values: (pointer for value in values if value is not None for pointer in inner(value))


def _inside(inners: tuple[tuple[str, _Find], ...]) -> _Find:
    def find(value: Mapping[str, Any]) -> Iterator[Pointer]:
        for name, inner in inners:
            held = value.get(name)
            if held is not None:
                yield from inner(held)

    return find


class Index:
    """From an object to the keys that refer to it. Most have one referrer, which then costs no set."""

    def __init__(self) -> None:
        self._referrers: dict[Key, Key | set[Key]] = {}

    def add(self, key: Key, pointers: Iterable[Pointer]) -> None:
        """``key`` refers to these."""
        for target in (k for pointer in pointers for k in pointer):
            held = self._referrers.get(target)
            if held is None:
                self._referrers[target] = key
            elif isinstance(held, set):
                held.add(key)
            elif held != key:
                self._referrers[target] = {held, key}

    def discard(self, key: Key, pointers: Iterable[Pointer]) -> None:
        """``key`` refers to these no longer."""
        for target in (k for pointer in pointers for k in pointer):
            held = self._referrers.get(target)
            if isinstance(held, set):
                held.discard(key)
                if not held:
                    del self._referrers[target]
            elif held == key:
                del self._referrers[target]

    def referrers(self, target: Key) -> tuple[Key, ...]:
        """The keys that refer to it, in no order."""
        held = self._referrers.get(target)
        if held is None:
            return ()
        return tuple(held) if isinstance(held, set) else (held,)
