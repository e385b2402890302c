# SPDX-License-Identifier: Apache-2.0
"""What hangs on a port: its interfaces, and what these are bound to, where a port has its addresses.

Port "p"   ◄─port_id─ Interface "p", the default one: it has the port's id   ◄─ Binding "p"
           ◄─port_id─ Interface "i"                                          ◄─ Binding "i"
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from gluon.kv.contract import KeyValue
from gluon.particle import keys


class _Interface(msgspec.Struct, frozen=True):
    """An interface, or whatever else is said to be of a port."""

    port_id: str | None = None


_INTERFACE: Final = msgspec.json.Decoder(_Interface)


class Hanging:
    """Of which port an object is, as far as its id does not say so."""

    def __init__(self) -> None:
        #: Objects, by Proton, that go only when the port of their id goes: ports, and the interfaces that they are made with.
        self._going_as_one: set[tuple[str, str]] = set()
        #: Interfaces that have an id of their own: the object, and the port.
        self._interfaces: dict[str, tuple[str, str]] = {}

    def port_of(self, id: str) -> str:
        """The port of an interface that has an id of its own, or of what is bound to it; empty where there is none."""
        return self._interfaces.get(id, ("", ""))[1]

    def note_port(self, key: keys.ObjectKey) -> None:
        """This object is a port."""
        self._going_as_one.add((key.proton, key.object))

    def goes_as_one(self, key: keys.ObjectKey) -> bool:
        """Whether an object goes only when the port of its id goes."""
        return (key.proton, key.object) in self._going_as_one

    def note(self, key: keys.ObjectKey, kv: KeyValue) -> bool:
        """Hold which port an interface is of that does not have the port's id, as the default one has; whether it is such."""
        if b'"port_id"' not in kv.value:
            return False
        try:
            port = _INTERFACE.decode(kv.value).port_id
        except (msgspec.ValidationError, msgspec.DecodeError):
            return False
        if port == key.id:
            self._going_as_one.add((key.proton, key.object))
        if port is None or port == key.id:
            return False
        self._interfaces[key.id] = key.object, port
        return True

    def end(self, key: keys.ObjectKey) -> None:
        """This object has gone."""
        if self._interfaces.get(key.id, ("", ""))[0] == key.object:
            del self._interfaces[key.id]

    def keep(self, found: Collection[str], otherwise: Callable[[str], bool]) -> None:
        """Only these interfaces are there; and others where one ``otherwise`` stays, by its port."""
        gone = [id for id, (_, port) in self._interfaces.items() if id not in found and not otherwise(port)]
        for id in gone:
            del self._interfaces[id]
