# SPDX-License-Identifier: Apache-2.0
"""From an object's identifier to its keys in etcd and back. The layout itself is ``gluon.particle.keys``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gluon.model.schema import Object, Proton
from gluon.model.types import Integer, Reference
from gluon.particle import keys


def object_key(obj: Object, id: Any) -> str:
    """Where the object stands."""
    return keys.object(obj.proton, obj.name, str(id))


def answer_key(obj: Object, id: Any) -> str:
    """Where the answer to a port's bind stands."""
    return keys.answer(obj.proton, obj.name, str(id))


def identifier(obj: Object, text: str) -> Any:
    """The identifier that is written as ``text`` in a key; None where no object of the kind can have it."""
    type_ = obj.identifier.type
    if isinstance(type_, Reference):
        type_ = type_.key
    if not isinstance(type_, Integer):
        return text
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text and type_.min <= number <= type_.max else None


@dataclass(frozen=True, slots=True)
class Port:
    """A port, by the key of its answer."""

    object: Object
    id: Any
    key: str


class Ports:
    """The port objects of some Protons."""

    def __init__(self, protons: Iterable[Proton]) -> None:
        self.objects = tuple(proton.port for proton in protons if proton.port is not None)
        self._by_name = {(obj.proton, obj.name): obj for obj in self.objects}

    def at(self, key: str) -> Port | None:
        """Whose answer stands at a key; None where it is not the key of an answer."""
        parts = keys.parse_controller(key)
        if parts is None or parts.controller or (obj := self._by_name.get((parts.proton, parts.object))) is None:
            return None
        id = identifier(obj, parts.id)
        return None if id is None else Port(obj, id, key)
