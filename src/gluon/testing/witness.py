# SPDX-License-Identifier: Apache-2.0
"""Stands between a shim and an author's backend: notes every call and how it ended, and changes nothing.

shim ─► Witness ─► backend
          ├─ calls:    what the backend was called with, in order
          ├─ unended:  the objects whose newest call did not succeed and will be repeated
          └─ alarm:    is told of exceptions that are neither Temporary nor Permanent
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from gluon.model.schema import Proton, Role
from gluon.shim.backend import Permanent, Temporary
from gluon.shim.calling import methods

_ROLES: Final = {
    "port": Role.PORT,
    "interface": Role.INTERFACE,
    "service": Role.SERVICE,
    "service_binding": Role.SERVICE_BINDING,
    "object": Role.PLAIN,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the method's name, the object's identifier, and all arguments as they were given."""

    method: str
    id: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Unended:
    """A call that will be repeated, and why."""

    call: Call
    reason: str


#: An object, as calls tell it: its role (for one without a role its kind) and its id.
Subject = tuple[str, str]


class Witness:
    """Everything that a backend was called with. ``alarm`` is called with each bug, in whichever thread it came up."""

    def __init__(self, proton: Proton, alarm: Callable[[Exception], None] = lambda _: None) -> None:
        self.calls: list[Call] = []
        self.unended: dict[Subject, Unended] = {}
        self._kinds = {role: [obj.name for obj in proton.having(role)] for role in Role}
        self._alarm = alarm
        self._lock = threading.Lock()

    def around(self, backend: object) -> object:
        """A backend with the same methods, and the same name, that is witnessed."""
        kind = type(backend)
        made: dict[str, Any] = {n: staticmethod(self._witnessed(n, m)) for n, m in methods(backend).items()}
        return type(kind.__name__, (), {**made, "__module__": kind.__module__, "__qualname__": kind.__qualname__})()

    def kinds(self, subject: Subject) -> list[str]:
        """The kinds of object that a subject may be of."""
        role = _ROLES.get(subject[0])
        return self._kinds[role] if role is not None else [subject[0]]

    def _witnessed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def plain(*arguments: Any) -> Any:
            with self._noting(name, arguments):
                return method(*arguments)

        async def asynchronous(*arguments: Any) -> Any:
            with self._noting(name, arguments):
                return await method(*arguments)

        return asynchronous if inspect.iscoroutinefunction(method) else plain

    def _noting(self, name: str, arguments: tuple[Any, ...]) -> _Note:
        of = name.split("_", 1)[1]
        subject = (arguments[0], arguments[1]) if of == "object" else (of, arguments[0])
        call = Call(name, subject[1], arguments)
        with self._lock:
            self.calls.append(call)
        return _Note(self, subject, call)

    def ended(self, subject: Subject, call: Call, error: BaseException | None) -> None:
        """The call has returned, or raised this."""
        with self._lock:
            if error is None or isinstance(error, Permanent):
                self.unended.pop(subject, None)
            else:
                why = error.reason if isinstance(error, Temporary) else f"{type(error).__name__}: {error}"
                self.unended[subject] = Unended(call, why)
        if isinstance(error, Exception) and not isinstance(error, Temporary | Permanent):
            self._alarm(error)


@dataclass(frozen=True, slots=True)
class _Note:
    """Tells the witness how a call ended."""

    witness: Witness
    subject: Subject
    call: Call

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.witness.ended(self.subject, self.call, error)
