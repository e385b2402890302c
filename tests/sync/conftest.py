# SPDX-License-Identifier: Apache-2.0
"""A Proton of its own for each test, a real SQLite database, and etcd: the twin in memory and a real one."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gluon.kv.contract import Kv
from gluon.kv.etcd import connect
from gluon.kv.memory import MemoryKv
from gluon.model.catalogue import Family
from gluon.model.compile import compile_text
from gluon.model.schema import Object, Proton
from gluon.settings import Etcd
from gluon.settings import Sync as Settings
from gluon.store.contract import Query, Record, Store
from gluon.store.objects import Objects
from gluon.store.opening import open_store
from gluon.sync.service import Sync

#: Seconds for what comes at once, unless the machine stalls.
LIMIT = 30.0
#: A leader's time to live: it outlives a stall, and where its end is lost another leads within the limit.
TTL = 20.0
TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"
URL = "http://proton.example:2705"
MODEL = """
file_version: "1.0"
imports: base.yaml
info: {name: NAME, version: 1.0}
objects:
  Attachment:
    extends: BaseServiceBinding
    api: {name: attachment}
  Net:
    extends: BaseService
    api: {name: net}
    attributes:
      slot: {type: Slot}
      note: {type: string, length: 1000000}
      more: {type: string, length: 1000000}
  Port:
    extends: BasePort
    api: {name: port}
  Slot:
    api: {name: slot}
    attributes:
      number: {type: integer, primary: true, required: true}
      label: {type: string}
    policies: {create: "rule:admin", get: "rule:admin", list: "rule:admin", update: "rule:admin", delete: "rule:admin"}
  Interface:
    extends: BaseInterface
    api: {name: interface, parent: Port, parent_key: port_id}
"""


def model(name: str) -> Proton:
    return compile_text(MODEL.replace("NAME", name))


def family(proton: Proton) -> Family:
    return Family(proton.name, proton, {proton.version: proton})


async def until(holds: Callable[[], Any], seconds: float = LIMIT) -> Any:
    """Wait until ``holds`` (plain or async) gives something true, and return that."""
    async with asyncio.timeout(seconds):
        while True:
            value = holds()
            if isinstance(value, Awaitable):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.005)


class Rig:
    """One database and one etcd, with the verbs of the API and what an operator does with etcdctl."""

    def __init__(self, kv: Kv, beside: Callable[[], Awaitable[Kv]], store: Store, proton: Proton, path: Path) -> None:
        self.kv = kv
        self.beside = beside
        self.store = store
        self.proton = proton
        self.path = path
        self.objects = Objects(proton)

    def __getattr__(self, name: str) -> Object:
        """``rig.Port`` is the object of that name."""
        return self.proton.by_name[name]

    async def create(self, obj: Object, **values: Any) -> Record:
        if "tenant_id" in obj.by_name:
            values.setdefault("tenant_id", TENANT)

        async def work(tx: Any) -> Record:
            return (await self.objects.create(tx, obj, values, binding_id=uuid.uuid4().hex)).record

        return await self.store.write(work)

    async def update(self, obj: Object, id: Any, *, binding_id: str | None = None, **values: Any) -> Record:
        fresh = binding_id or uuid.uuid4().hex

        async def work(tx: Any) -> Record:
            return (await self.objects.update(tx, obj, id, values, binding_id=fresh)).record

        return await self.store.write(work)

    async def delete(self, obj: Object, id: Any) -> None:
        async def work(tx: Any) -> None:
            await self.objects.delete(tx, obj, id)

        await self.store.write(work)

    async def bind(self, id: str, host: str = "compute-1", **more: Any) -> Record:
        return await self.update(self.Port, id, host_id=host, device_id="vm-1", **more)

    def sync(self, *, kv: Kv | None = None, store: Store | None = None, ttl: float = TTL, **settings: Any) -> Sync:
        chosen = Settings(leader_ttl=ttl, **settings)
        return Sync(chosen, kv or self.kv, store or self.store, {self.proton.name: family(self.proton)}, URL)

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Sync]:
        sync = self.sync(**options)
        task = asyncio.create_task(sync.run())
        try:
            yield sync
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Rig]:
        """A second server's view: a store and a connection of its own, on the same database and etcd."""
        store = await open_store(f"sqlite:///{self.path}", [self.proton])
        yield Rig(await self.beside(), self.beside, store, self.proton, self.path)
        await store.close()

    def key(self, obj: Object, id: Any) -> str:
        return f"/proton/{self.proton.name}/{obj.name}/{id}"

    def answer_key(self, id: Any) -> str:
        return f"/controller/{self.proton.name}/Port/{id}"

    @property
    def sync_key(self) -> str:
        return f"/gluon/sync/{self.proton.name}"

    async def leader_key(self) -> str:
        return f"/gluon/leader/{await self.store.log.database_id()}"

    async def value(self, key: str) -> Any:
        found = await self.kv.get(key)
        return json.loads(found.value) if found else None

    async def answer(self, id: str, **fields: Any) -> None:
        said = {"vif_type": "ovs", "vif_details": {"port_filter": False}, "controller": "c1", **fields}
        await self.kv.put(self.answer_key(id), json.dumps(said).encode())

    async def held(self) -> dict[str, Any]:
        """Every key of the Proton in etcd, with its value."""
        page = await self.kv.page(f"/proton/{self.proton.name}/", limit=100_000)
        return {kv.key: json.loads(kv.value) for kv in page.items}

    async def wanted(self) -> dict[str, int]:
        """Every key that the database wants, with its revision."""
        wanted = {}
        for obj in self.proton.objects:
            for record in await self.store.page(obj, Query({}, 100_000)):
                wanted[self.key(obj, record[obj.identifier.name])] = record["revision"]
        return wanted

    async def equal(self) -> bool:
        """Whether nothing waits and etcd has what the database says."""
        if (await self.store.log.backlog()).rows:
            return False
        return {key: value.get("revision") for key, value in (await self.held()).items()} == await self.wanted()

    async def complete(self) -> bool:
        said = await self.value(self.sync_key)
        return said is not None and said["state"] == "complete"


@pytest.fixture
def proton() -> Proton:
    return model(f"net-{uuid.uuid4().hex[:12]}")


@pytest.fixture
async def store(tmp_path: Path, proton: Proton) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path}/gluon.sqlite", [proton])
    yield opened
    await opened.close()


async def _memory(first: list[MemoryKv]) -> Kv:
    first.append(first[0].beside() if first else MemoryKv())
    return first[-1]


@pytest.fixture(params=["memory", "etcd"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where etcd is; None for the one in memory."""
    return request.getfixturevalue("etcd_endpoint") if request.param == "etcd" else None


@pytest.fixture
async def rig(
    endpoint: str | None, store: Store, proton: Proton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    """On both kinds of etcd; a real one that is slow is waited for."""
    monkeypatch.setattr("gluon.kv.members.TRY", LIMIT)
    monkeypatch.setattr("gluon.kv.leases._REVOKE", LIMIT)
    opened: list[Any] = []

    async def beside() -> Kv:
        if endpoint is None:
            return await _memory(opened)
        opened.append(await connect(Etcd(endpoints=(endpoint,), timeout=LIMIT)))
        return opened[-1]

    yield Rig(await beside(), beside, store, proton, tmp_path / "gluon.sqlite")
    for kv in opened:
        await kv.close()


@pytest.fixture
async def memory(store: Store, proton: Proton, tmp_path: Path) -> AsyncIterator[Rig]:
    """On the twin in memory alone, whose ``kv`` has switches for faults."""
    opened: list[MemoryKv] = []

    async def beside() -> Kv:
        return await _memory(opened)

    yield Rig(await beside(), beside, store, proton, tmp_path / "gluon.sqlite")
    for kv in opened:
        await kv.close()
