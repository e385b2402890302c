# SPDX-License-Identifier: Apache-2.0
"""A stage for shims: an etcd (in memory or real), a Proton under a name of its own, and somebody who plays the relay."""

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from gluon import settings
from gluon.kv.contract import Kv
from gluon.kv.etcd import connect
from gluon.kv.memory import MemoryKv
from gluon.model.catalogue import load_catalogue
from gluon.model.schema import Proton
from gluon.particle import keys
from gluon.shim.backend import Changes
from gluon.shim.reconciling import Pace
from gluon.shim.service import Shim
from gluon.testing.wanted import Wanted

PORT = "ProtonBasePort"
OVS = {"vif_type": "ovs", "vif_details": {"port_filter": False}}
PACE = Pace(first=0.01, longest=0.02, patience=20.0)
#: Seconds for what comes at once, unless the machine stalls.
LIMIT = 30.0


@dataclass
class Recorder:
    """A backend that keeps what it is told, and answers or raises what a test says."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=list)
    answer: Any = field(default_factory=lambda: dict(OVS))
    before: Callable[[str, str], Any] = lambda name, uuid: None

    def _take(self, name: str, uuid: str, changes: Changes) -> None:
        self.calls.append((name, uuid))
        self.told.append((name, uuid, changes.new, changes.prev))

    async def _call(self, name: str, uuid: str, changes: Changes) -> None:
        self._take(name, uuid, changes)
        waits = self.before(name, uuid)
        if waits is not None:
            await waits

    async def bind_port(self, uuid: str, model: Any, changes: Changes) -> Any:
        await self._call("bind_port", uuid, changes)
        return self.answer

    async def unbind_port(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("unbind_port", uuid, changes)

    async def modify_port(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("modify_port", uuid, changes)

    async def delete_port(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("delete_port", uuid, changes)

    async def modify_interface(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("modify_interface", uuid, changes)

    async def delete_interface(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("delete_interface", uuid, changes)

    async def modify_service(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("modify_service", uuid, changes)

    async def delete_service(self, uuid: str, model: Any, changes: Changes) -> None:
        await self._call("delete_service", uuid, changes)

    async def modify_service_binding(self, uuid: str, model: Any, prev_binding: Mapping[str, Any]) -> None:
        await self._call("modify_service_binding", uuid, Changes(model.service_bindings[uuid], prev_binding))

    async def delete_service_binding(self, uuid: str, model: Any, prev_binding: Mapping[str, Any]) -> None:
        await self._call("delete_service_binding", uuid, Changes({}, prev_binding))

    async def modify_object(self, kind: str, uuid: str, model: Any, changes: Changes) -> None:
        await self._call(f"modify_{kind}", uuid, changes)

    async def delete_object(self, kind: str, uuid: str, model: Any, changes: Changes) -> None:
        await self._call(f"delete_{kind}", uuid, changes)

    def names(self, uuid: str | None = None) -> list[str]:
        return [name for name, of in self.calls if uuid in (None, of)]


class Stage:
    """What a test of a whole shim acts on."""

    def __init__(self, proton: Proton, kv: Kv, beside: Callable[[], Any], lease_ttl: float = 5.0) -> None:
        self.proton = proton
        self.kv = kv
        self.wanted = Wanted(kv, proton)
        self._beside = beside
        self._lease_ttl = lease_ttl
        self._tasks: list[asyncio.Task[None]] = []

    async def shim(self, backend: object, name: str = "c1", hosts: tuple[str, ...] = ("h1",), **more: Any) -> Shim:
        """Start a shim and wait until it works."""
        shim = await self.standby(backend, name, hosts, **more)
        await until(lambda: shim.working)
        return shim

    async def standby(
        self,
        backend: object,
        name: str = "c1",
        hosts: tuple[str, ...] = ("h1",),
        kv: Any = None,
        pace: Pace = PACE,
        **more: Any,
    ) -> Shim:
        """Start a shim, on a connection of its own where none is given."""
        values = settings.Shim(host_list=hosts, name=name, **{"lease_ttl": self._lease_ttl, **more})
        shim = Shim(values, self.proton, backend, kv or await self._beside(), pace=pace)
        self._tasks.append(asyncio.create_task(shim.run()))
        return shim

    async def stop(self, which: int = -1) -> None:
        """Stop a shim cleanly."""
        task = self._tasks.pop(which)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        while self._tasks:
            await self.stop()

    async def get(self, key: str) -> Any:
        found = await self.kv.get(key)
        return msgspec.json.decode(found.value) if found else None

    async def answer(self, id: str) -> Any:
        return await self.get(keys.answer(self.proton.name, PORT, id))

    async def report(self, kind: str, id: str, controller: str = "c1") -> Any:
        return await self.get(keys.report(self.proton.name, kind, id, controller))

    async def put_answer(self, id: str, value: Mapping[str, Any]) -> None:
        """As a foreign shim does: a plain put."""
        await self.kv.put(keys.answer(self.proton.name, PORT, id), msgspec.json.encode(value))

    async def answered(self, id: str, **expected: Any) -> Any:
        """The answer, once it holds these values."""
        return await found(lambda: self.answer(id), expected)

    async def reported(self, kind: str, id: str, controller: str = "c1", **expected: Any) -> Any:
        """The report, once it holds these values."""
        return await found(lambda: self.report(kind, id, controller), expected)


async def until(holds: Callable[[], bool], timeout: float = LIMIT) -> None:
    """Return once this holds; it must, in time."""
    async with asyncio.timeout(timeout):
        while not holds():
            await asyncio.sleep(0.001)


async def found(read: Callable[[], Any], expected: Mapping[str, Any]) -> Any:
    value: Any = None
    try:
        async with asyncio.timeout(LIMIT):
            while not isinstance(value, dict) or any(value.get(n) != v for n, v in expected.items()):
                await asyncio.sleep(0.001)
                value = await read()
    except TimeoutError:
        raise AssertionError(f"{expected} is expected, {value} is there") from None
    return value


async def gone(read: Callable[[], Any]) -> None:
    """Return once there is nothing to be read."""
    async with asyncio.timeout(LIMIT):
        while await read() is not None:
            await asyncio.sleep(0.001)


async def quiet(shim: Shim, seconds: float = 0.05) -> None:
    """Let a shim do what it would do; for what must not happen."""
    await asyncio.sleep(seconds)
    await until(lambda: not shim.busy)


@pytest.fixture(scope="session")
def l3vpn() -> Proton:
    return load_catalogue()["net-l3vpn"].newest


@pytest.fixture
def proton(l3vpn: Proton) -> Proton:
    """The Proton under a name of its own: tests share an etcd."""
    return dataclasses.replace(l3vpn, name=f"p{uuid.uuid4().hex[:12]}")


@pytest.fixture
async def stage(proton: Proton) -> AsyncIterator[Stage]:
    """A stage on an etcd in memory."""
    kv = MemoryKv()
    opened: list[Kv] = [kv]

    async def beside() -> Kv:
        opened.append(kv.beside())
        return opened[-1]

    stage = Stage(proton, kv, beside)
    yield stage
    await stage.close()
    for connection in opened:
        await connection.close()


@pytest.fixture(params=["memory", "etcd"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where etcd is; None for the one in memory."""
    return None if request.param == "memory" else request.getfixturevalue("etcd_endpoint")


@pytest.fixture
async def both(endpoint: str | None, proton: Proton, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A stage on either etcd; a real one that is slow is waited for."""
    monkeypatch.setattr("gluon.kv.members.TRY", LIMIT)
    monkeypatch.setattr("gluon.kv.leases._REVOKE", LIMIT)
    opened: list[Kv] = []

    async def beside() -> Kv:
        if endpoint is not None:
            opened.append(await connect(settings.Etcd(endpoints=(endpoint,), timeout=LIMIT)))
        else:
            opened.append(opened[0].beside() if opened else MemoryKv())
        return opened[-1]

    # By a real clock a lease may run out while the machine stalls; the one in memory is kept alive first.
    stage = Stage(proton, await beside(), beside, lease_ttl=5.0 if endpoint is None else LIMIT)
    yield stage
    await stage.close()
    for connection in opened:
        await connection.close()
