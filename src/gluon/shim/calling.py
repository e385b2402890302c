# SPDX-License-Identifier: Apache-2.0
"""Calls the methods that a backend has: async ones on the loop, plain ones in a bounded number of threads, as they may block."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from gluon.model.schema import Proton, Role
from gluon.shim.backend import Backend, Changes
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Call, Offer, Verb
from gluon.shim.references import Key

#: How the methods of a role end; those of an object without a role are told the kind.
_ENDINGS: Final[Mapping[Role, str]] = {
    Role.PORT: "port",
    Role.INTERFACE: "interface",
    Role.SERVICE: "service",
    Role.SERVICE_BINDING: "service_binding",
    Role.PLAIN: "object",
}
_BEGINNINGS: Final[Mapping[Verb, str]] = {
    Verb.BIND: "bind",
    Verb.UNBIND: "unbind",
    Verb.MODIFY: "modify",
    Verb.DELETE: "delete",
}


class Calls:
    """One backend's methods. ``threads`` bounds how many plain methods run at once."""

    def __init__(self, backend: object, mirror: Mirror, threads: int = 32) -> None:
        self._mirror = mirror
        self._roles = {obj.name: obj.role for obj in mirror.proton.objects}
        self._methods = methods(backend)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="backend")

    def offers(self, proton: Proton) -> dict[str, Offer]:
        """What the backend has methods for, by kind."""
        return {obj.name: self._offer(obj.role) for obj in proton.objects}

    def has(self, key: Key, verb: Verb) -> bool:
        """Whether the backend has a method for this."""
        return self._method(verb, self._roles[key.kind]) is not None

    async def make(self, key: Key, call: Call) -> Any:
        """Make this call; what the backend returns, or None where it has no such method. Raises what the backend raises."""
        role = self._roles[key.kind]
        method = self._method(call.verb, role)
        if method is None:
            return None
        arguments: tuple[Any, ...] = (key.id, self._mirror, Changes(call.new, call.prev))
        if role is Role.SERVICE_BINDING:
            arguments = (key.id, self._mirror, call.prev)
        elif role is Role.PLAIN:
            arguments = (key.kind, *arguments)
        if inspect.iscoroutinefunction(method):
            return await method(*arguments)
        result = await asyncio.get_running_loop().run_in_executor(self._pool, method, *arguments)
        return await result if inspect.isawaitable(result) else result

    def close(self) -> None:
        """Take no more calls."""
        self._pool.shutdown(wait=False)

    def _offer(self, role: Role) -> Offer:
        keeps = any(self._method(verb, role) for verb in (Verb.MODIFY, Verb.DELETE))
        return Offer(keeps, role is Role.PORT and self._method(Verb.BIND, role) is not None)

    def _method(self, verb: Verb, role: Role) -> Callable[..., Any] | None:
        beginning = _BEGINNINGS.get(verb)
        return self._methods.get(f"{beginning}_{_ENDINGS[role]}") if beginning else None


def methods(backend: object) -> dict[str, Callable[..., Any]]:
    """The calls that the backend defines; what it merely inherits from the protocol is not defined."""
    names = [name for name in vars(Backend) if not name.startswith("_")]
    found = {name: getattr(backend, name, None) for name in names}
    return {n: m for n, m in found.items() if callable(m) and getattr(m, "__func__", None) is not vars(Backend)[n]}
