# SPDX-License-Identifier: Apache-2.0
"""What a vendor writes: a backend, called with what changed, that answers or raises one of two failures.

A backend is any class with some of these methods, each plain or async; what it does not define is not called. It is loaded
from the entry-point group ``gluon.shim.backends`` and made with no arguments. ``gluon.testing.conformance`` checks one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gluon.model.schema import BINDING_ID, BOOKKEEPING
from gluon.particle.shimtypes import State

#: What the server keeps beside the attributes.
_KEPT: Final = frozenset({*BOOKKEEPING, BINDING_ID})


class Temporary(Exception):
    """The call cannot be done now: repeat it after ``delay`` seconds, with the state as it then is."""

    def __init__(self, reason: str = "", *, delay: float = 1.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay = delay


class Permanent(Exception):
    """The call can never succeed for the object as it is: report ``reason`` and wait until the object changes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed about an object: its whole state before (empty at creation) and now (empty after removal)."""

    new: State
    prev: State

    @property
    def names(self) -> frozenset[str]:
        """The attributes whose value differs between the two states."""
        return frozenset(n for n in {**self.prev, **self.new} if n not in _KEPT and self.prev.get(n) != self.new.get(n))


class Backend(Protocol):
    """All calls. ``model`` is the shim's typed copy of the Proton (``gluon.shim.mirror``); ``uuid`` the object's identifier."""

    def bind_port(
        self, uuid: str, model: Any, changes: Changes
    ) -> Mapping[str, Any] | Awaitable[Mapping[str, Any] | None] | None: ...
    def unbind_port(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def modify_port(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def delete_port(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def modify_interface(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def delete_interface(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def modify_service(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def delete_service(self, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def modify_service_binding(self, uuid: str, model: Any, prev_binding: State) -> Awaitable[None] | None: ...
    def delete_service_binding(self, uuid: str, model: Any, prev_binding: State) -> Awaitable[None] | None: ...
    def modify_object(self, kind: str, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
    def delete_object(self, kind: str, uuid: str, model: Any, changes: Changes) -> Awaitable[None] | None: ...
