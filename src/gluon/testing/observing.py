# SPDX-License-Identifier: Apache-2.0
"""Stands between a shim and a backend under test: sees every call, keeps what the backend must hold after it, plants faults.

shim ─► Observer ─► backend
          ├─ holdings: what the backend has been handed and not had taken away
          ├─ breaches: what the shim or the backend did that it must not
          └─ fault:    what happens to a call, before or after it reaches the backend
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gluon.model.schema import Proton, Role
from gluon.shim.backend import Permanent, Temporary
from gluon.shim.calling import methods

_ENDINGS: Final[Mapping[str, Role]] = {
    "service_binding": Role.SERVICE_BINDING,
    "service": Role.SERVICE,
    "interface": Role.INTERFACE,
    "port": Role.PORT,
    "object": Role.PLAIN,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One call. ``kind`` is the object's name where the role tells it, else the role; ``number`` counts from 1."""

    number: int
    method: str
    kind: str
    id: str


#: Raises what a call is to end with, or returns. Told the call, and whether it has reached the backend (False: is about to).
Fault = Callable[[Seen, bool], None]


def no_fault(seen: Seen, reached: bool) -> None:
    """Let every call through."""


@dataclass
class Observer:
    """Everything seen of a backend, through all its restarts. Calls come from several threads."""

    proton: Proton
    fault: Fault = no_fault
    repeats: int = 1
    calls: list[Seen] = field(default_factory=list)
    handed: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    #: Whether the last bind was not answered.
    silent: bool = False
    running: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def around(self, backend: object) -> object:
        """A backend with the same methods that is watched."""
        made = methods(backend)
        return type("Observed", (), {n: staticmethod(self._watched(n, m)) for n, m in made.items()})()

    def count(self, method: str, id: str | None = None) -> int:
        """How often a method was called, for one object where it is given."""
        return sum(1 for seen in self.calls if seen.method == method and id in (None, seen.id))

    def _watched(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def plain(*arguments: Any) -> Any:
            seen = self._enter(name, arguments)
            try:
                self.fault(seen, False)
                results = [method(*arguments) for _ in range(self.repeats)]
                self._took(seen, arguments, results[-1])
                self.fault(seen, True)
                return results[-1]
            except Exception as error:
                self._judge(seen, error)
                raise
            finally:
                self._leave(seen)

        async def asynchronous(*arguments: Any) -> Any:
            seen = self._enter(name, arguments)
            try:
                self.fault(seen, False)
                results = [await method(*arguments) for _ in range(self.repeats)]
                self._took(seen, arguments, results[-1])
                self.fault(seen, True)
                return results[-1]
            except Exception as error:
                self._judge(seen, error)
                raise
            finally:
                self._leave(seen)

        return asynchronous if inspect.iscoroutinefunction(method) else plain

    def _enter(self, name: str, arguments: tuple[Any, ...]) -> Seen:
        role = _ENDINGS[name.split("_", 1)[1]]
        kind, id = arguments[:2] if role is Role.PLAIN else (role.value, arguments[0])
        with self._lock:
            seen = Seen(len(self.calls) + 1, name, kind, id)
            self.calls.append(seen)
            if (kind, id) in self.running:
                self.breaches.append(f"{name} {id} began while another call for it ran")
            self.running.add((kind, id))
        return seen

    def _leave(self, seen: Seen) -> None:
        with self._lock:
            self.running.discard((seen.kind, seen.id))

    def _took(self, seen: Seen, arguments: tuple[Any, ...], result: Any) -> None:
        """The backend has done it."""
        key, verb = (seen.kind, seen.id), seen.method.split("_", 1)[0]
        with self._lock:
            match verb:
                case "modify":
                    self.handed[key] = _new(seen, arguments)
                case "delete":
                    self.handed.pop(key, None)
                    if seen.kind == Role.PORT.value and seen.id in self.bound:
                        self.breaches.append(f"port {seen.id} was deleted while it was bound")
                case "bind":
                    self.bound[seen.id] = arguments[2].new["host_id"]
                    self._check_answer(seen, result)
                case "unbind":
                    self.bound.pop(seen.id, None)

    def _check_answer(self, seen: Seen, result: Any) -> None:
        self.silent = result is None
        if result is None:
            return
        if not isinstance(result, Mapping) or not isinstance(result.get("vif_type"), str):
            self.breaches.append(f"bind_port {seen.id} returned {result!r}: it must be None or a mapping with a vif_type")
            return
        try:
            msgspec.json.encode(dict(result))
        except (TypeError, ValueError) as error:
            self.breaches.append(f"bind_port {seen.id} returned what is not JSON: {error}")

    def _judge(self, seen: Seen, error: Exception) -> None:
        if not isinstance(error, Temporary | Permanent | Planted):
            self.breaches.append(f"{seen.method} {seen.id} raised {error!r}: it may raise Temporary and Permanent only")


class Planted(Exception):
    """A bug that a scenario planted."""


def _new(seen: Seen, arguments: tuple[Any, ...]) -> Mapping[str, Any]:
    if seen.method == "modify_service_binding":
        found: Mapping[str, Any] = arguments[1].service_bindings.get(seen.id) or {}
        return found
    state: Mapping[str, Any] = arguments[-1].new
    return state
