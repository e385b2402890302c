# SPDX-License-Identifier: Apache-2.0
"""A shim with a backend under test on an etcd in memory, in one process: what the scenarios of the conformance suite act on.

Wanted (plays the relay) ─► MemoryKv ◄─► Shim ─► Observer ─► the backend
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gluon import settings
from gluon.kv.memory import MemoryKv
from gluon.model.schema import Proton, Role
from gluon.particle import keys
from gluon.shim.calling import methods
from gluon.shim.planning import generation_of
from gluon.shim.reconciling import Pace
from gluon.shim.service import Shim
from gluon.testing.examples import example
from gluon.testing.observing import Observer
from gluon.testing.wanted import Wanted

#: The host whose ports the shim binds, and one whose ports it does not.
HERE: Final = "here"
ELSEWHERE: Final = "elsewhere"
NAME: Final = "under-test"

_GLANCE: Final = 0.002

_PACE: Final = Pace(first=0.01, longest=0.05, patience=0.05)


@dataclass
class Rig:
    """One backend's surroundings. ``make`` makes the backend anew for each start, as a new process would."""

    proton: Proton
    make: Callable[[], object]
    patience: float = 60.0
    kv: MemoryKv = field(default_factory=MemoryKv)
    shim: Shim | None = None
    _task: asyncio.Task[None] | None = None
    _connection: MemoryKv | None = None

    def __post_init__(self) -> None:
        self.wanted = Wanted(self.kv, self.proton)
        self.seen = Observer(self.proton)
        self.methods = methods(self.make())
        self._count = 0

    async def start(self) -> None:
        """Start the shim."""
        self._connection = self.kv.beside()
        values = settings.Shim(host_list=(HERE,), name=NAME)
        self.shim = Shim(values, self.proton, self.seen.around(self.make()), self._connection, pace=_PACE)
        self._task = asyncio.create_task(self.shim.run())

    def cut(self) -> None:
        """Cut the shim off from etcd: nothing that it does from here on is known there."""
        assert self._connection is not None
        self._connection.unavailable = True

    async def crash(self) -> None:
        """End the shim as ``kill -9`` does: from here on it writes nothing; its lease runs out."""
        assert self._connection is not None and self._task is not None
        self.cut()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._connection.close()
        await self.until(lambda: not self.seen.running, "the calls under way are to end")
        await self.kv.delete(keys.shim(self.proton.name, NAME))

    async def stop(self) -> None:
        """End the shim cleanly."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Return once this holds. Raises AssertionError where it does not in time."""

        async def look() -> list[str]:
            return [] if holds() else ["it does not hold", *self.differences()]

        await self._settled(look, what)

    async def _settled(self, look: Callable[[], Awaitable[list[str]]], what: str) -> None:
        """Look again and again until there is nothing left to be said against it."""
        left = ["nothing was seen"]
        try:
            async with asyncio.timeout(self.patience):
                while self._busy() or (left := await look()):  # noqa: ASYNC110 - the shim tells nobody when it is done
                    await asyncio.sleep(_GLANCE)
        except TimeoutError:
            raise AssertionError(f"{what}, but within {self.patience:g} s: {'; '.join(left[:5])}") from None

    def _busy(self) -> bool:
        return self.shim is not None and self.shim.busy

    async def agreed(self) -> None:
        """Return once the backend holds what is wanted, all reports say so, and nobody did what must not be done."""
        await self.until(lambda: not self.differences(), "the backend is to hold what is wanted")
        await self.reported()
        assert not self.seen.breaches, "\n".join(self.seen.breaches)

    async def reported(self) -> None:
        """Return once all reports of the shim are ready, and of nothing but what is wanted."""

        async def look() -> list[str]:
            return self.unreported(await self.reports())

        await self._settled(look, "reports are to be ready")

    def differences(self) -> list[str]:
        """Where what the backend holds is not what is wanted."""
        found = []
        wanted = {(self.kind(kind), id): record for (kind, id), record in self.wanted.records.items() if self.keeps(kind)}
        deleted = {self.kind(obj.name) for obj in self.proton.objects if self.deletes(obj.name)}
        for key in wanted.keys() | self.seen.handed.keys():
            want, have = wanted.get(key), self.seen.handed.get(key)
            if want is None and key[0] not in deleted:
                continue
            if want is None or have is None or generation_of(want) != generation_of(have):
                found.append(f"{key} is wanted as {want and want['revision']}, and held as {have and have['revision']}")
        return found + self._bindings()

    def _bindings(self) -> list[str]:
        if not self.binds:
            return []
        ports = [(id, record) for (kind, id), record in self.wanted.records.items() if kind == self.port]
        here = {id: HERE for id, record in ports if record["host_id"] == HERE and record["device_id"]}
        bound = self.seen.bound if "unbind_port" in self.methods else {}
        return [f"port {id} is bound on {bound.get(id)}, not {here.get(id)}" for id in here.keys() ^ bound.keys()]

    def unreported(self, reports: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
        """The shim's reports that are not ready, or are of objects that are not wanted."""
        found = []
        for key, state in reports.items():
            if key not in self.wanted.records:
                found.append(f"{key} is still reported")
            elif state["state"] == "pending":
                found.append(f"{key} is pending: {state['reason']}")
        return found

    async def reports(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The shim's reports, by kind and id."""
        found, page = {}, await self.kv.page(keys.controllers(self.proton.name), limit=1_000_000)
        for item in page.items:
            parsed = keys.parse_controller(item.key)
            if parsed and parsed.controller == NAME:
                found[parsed.object, parsed.id] = msgspec.json.decode(item.value)
        return found

    async def reported_as(self, kind: str, id: str, state: str, reason: str) -> None:
        """Return once the shim reports this of an object."""

        async def look() -> list[str]:
            found = (await self.reports()).get((kind, id), {})
            return [] if (found.get("state"), found.get("reason")) == (state, reason) else [f"the report is {found}"]

        await self._settled(look, f"{kind} {id} is to be {state} ({reason})")

    async def answered(self, port: str, binding_id: str) -> dict[str, Any] | None:
        """The answer to a binding, once it stands; None where the backend takes part without answering."""

        async def look() -> list[str]:
            found = await self._answer(port)
            return [] if self.seen.silent or found.get("binding_id") == binding_id else [f"what stands is {found}"]

        await self._settled(look, f"binding {binding_id} is to be answered")
        found = await self._answer(port)
        assert self.seen.silent or found["controller"] == NAME, found
        return found or None

    async def emptied(self, port: str) -> None:
        """Return once no answer of the shim stands for a port."""

        async def look() -> list[str]:
            found = await self._answer(port)
            return [f"what stands is {found}"] if found else []

        await self._settled(look, f"the answer for {port} is to be empty")

    async def _answer(self, port: str) -> dict[str, Any]:
        found = await self.kv.get(keys.answer(self.proton.name, self.port, port))
        value: dict[str, Any] = msgspec.json.decode(found.value) if found else {}
        return value

    async def world(self) -> dict[str, str]:
        """Create one object of each kind, in the order of references; their ids by kind."""
        made: dict[str, str] = {}
        for obj in self.proton.order:
            made[obj.name] = await self.one(obj.name, made)
        return made

    async def one(self, kind: str, known: dict[str, str] | None = None) -> str:
        """Create an object of this kind that refers to these; its id."""
        key = self.prepared(kind, known or {})
        await self.wanted.send([key])
        return key[1]

    async def again(self, kind: str, known: dict[str, str]) -> None:
        """Create an object anew under the id that it had."""
        await self.wanted.send([self.prepared(kind, known, known[kind])])

    def prepared(self, kind: str, known: dict[str, str], id: str | None = None) -> tuple[str, str]:
        """An object that is to be sent; its key."""
        self._count += 1
        obj = self.proton.by_name[kind]
        values = example(obj, {k: [i] for k, i in known.items() if k != kind}, self._count)
        given = str(values.pop(obj.identifier.name))
        return self.wanted.change(kind, id or given, **values)

    async def clear(self) -> None:
        """Want nothing any more."""
        everything = list(self.wanted.records)
        self.wanted.records.clear()
        await self.wanted.send(everything)

    # What the Proton and the backend have.

    @property
    def port(self) -> str:
        """The kind of the ports."""
        assert self.proton.port is not None
        return self.proton.port.name

    @property
    def binds(self) -> bool:
        """Whether there are ports and the backend binds them."""
        return self.proton.port is not None and "bind_port" in self.methods

    def keeps(self, kind: str) -> bool:
        """Whether the backend is handed objects of this kind."""
        return self.method("modify", kind) in self.methods

    def deletes(self, kind: str) -> bool:
        """Whether the backend is told that objects of this kind are gone."""
        return self.method("delete", kind) in self.methods

    def method(self, verb: str, kind: str) -> str:
        """The backend's method for objects of a kind."""
        role = self.proton.by_name[kind].role
        return f"{verb}_object" if role is Role.PLAIN else f"{verb}_{role.value.replace(' ', '_')}"

    def kind(self, kind: str) -> str:
        """A kind as the observer names it."""
        role = self.proton.by_name[kind].role
        return kind if role is Role.PLAIN else role.value
