# SPDX-License-Identifier: Apache-2.0
"""Calls the methods that a backend has: async ones on the loop, plain ones in threads, as they may block."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from gluon.model.schema import Proton, Role
from gluon.shim.backend import Backend, Changes
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Call, Offer, Verb
from gluon.shim.references import Key
from gluon.shim.threads import Threads

#: How the methods of a role end; those of an object without a role are told the kind.
_ENDINGS: Final[Mapping[Role, str]] = {
    Role.PORT: "port",
    Role.INTERFACE: "interface",
    Role.SERVICE: "service",
    Role.SERVICE_BINDING: "service_binding",
    Role.PLAIN: "object",
}
_VERBS: Final = (Verb.BIND, Verb.UNBIND, Verb.MODIFY, Verb.DELETE)
_NAMES: Final = {(verb, role): f"{verb.value}_{ending}" for verb in _VERBS for role, ending in _ENDINGS.items()}


class Calls:
    """One backend's methods. ``threads`` bounds how many plain methods run at once, ``most`` how many async ones."""

    def __init__(self, backend: object, mirror: Mirror, threads: int = 32, most: int = 128) -> None:
        self._mirror = mirror
        self._roles = {obj.name: obj.role for obj in mirror.proton.objects}
        self._methods = methods(backend)
        self._async = frozenset(name for name, method in self._methods.items() if inspect.iscoroutinefunction(method))
        self._threads = Threads(threads)
        self._room = asyncio.Semaphore(most)

    def offers(self, proton: Proton) -> dict[str, Offer]:
        """What the backend has methods for, by kind."""
        return {obj.name: self._offer(obj.role) for obj in proton.objects}

    def has(self, key: Key, verb: Verb) -> bool:
        """Whether the backend has a method for this."""
        return self._method(verb, self._roles[key.kind]) is not None

    async def make(self, key: Key, call: Call) -> Any:
        """Make this call; what the backend returns, or None where it has no such method. Raises what the backend raises."""
        role = self._roles[key.kind]
        name = _name(call.verb, role)
        method = self._methods.get(name)
        if method is None:
            return None
        arguments: tuple[Any, ...] = (key.id, self._mirror, Changes(call.new, call.prev))
        if role is Role.SERVICE_BINDING:
            arguments = (key.id, self._mirror, call.prev)
        elif role is Role.PLAIN:
            arguments = (key.kind, *arguments)
        if name in self._async:
            async with self._room:
                return await method(*arguments)
        result = await self._threads.run(method, arguments, urgent=call.verb is Verb.BIND)
        return await result if inspect.isawaitable(result) else result

    def close(self) -> None:
        """Take no more calls."""
        self._threads.close()

    def _offer(self, role: Role) -> Offer:
        keeps = any(self._method(verb, role) for verb in (Verb.MODIFY, Verb.DELETE))
        return Offer(keeps, role is Role.PORT and self._method(Verb.BIND, role) is not None)

    def _method(self, verb: Verb, role: Role) -> Callable[..., Any] | None:
        return self._methods.get(_name(verb, role))


def _name(verb: Verb, role: Role) -> str:
    """The method for this; empty where there is none for anybody."""
    return _NAMES.get((verb, role), "")


def methods(backend: object) -> dict[str, Callable[..., Any]]:
    """The calls that the backend defines; what it merely inherits from the protocol is not defined."""
    names = [name for name in vars(Backend) if not name.startswith("_")]
    found = {name: getattr(backend, name, None) for name in names}
    return {n: m for n, m in found.items() if callable(m) and getattr(m, "__func__", None) is not vars(Backend)[n]}
