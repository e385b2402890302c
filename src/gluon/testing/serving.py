# SPDX-License-Identifier: Apache-2.0
"""A Proton Server and shims in the test's own process: the parts of a stack that can be started and stopped one by one.

Each has a connection to etcd of its own, as each process has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry

from gluon import settings
from gluon.kv import etcd
from gluon.kv.contract import Kv
from gluon.kv.memory import MemoryKv
from gluon.model.catalogue import Family
from gluon.model.schema import Proton
from gluon.server import app
from gluon.shim.mirror import Mirror
from gluon.shim.reconciling import Pace
from gluon.shim.service import Shim
from gluon.store.contract import Store
from gluon.store.opening import open_store
from gluon.sync.service import Sync
from gluon.testing.witness import Witness

#: What /gluon/port/<id> carries. Nothing listens there.
URL: Final = "http://127.0.0.1:2705"
_PACE: Final = Pace(first=0.02, longest=0.2, patience=5.0)


class Cluster:
    """An etcd: the real one at ``endpoint``, or one in memory where none is given."""

    def __init__(self, endpoint: str = "") -> None:
        self._endpoint = endpoint
        self._memory = MemoryKv()

    async def connect(self) -> Kv:
        """A new connection."""
        if not self._endpoint:
            return self._memory.beside()
        return await etcd.connect(settings.Etcd(endpoints=(self._endpoint,)))


@dataclass(frozen=True, slots=True)
class Server:
    """A Proton Server that runs: database, sync and API, joined as ``proton-server`` joins them."""

    store: Store
    app: app.App
    kv: Kv
    relaying: asyncio.Task[None]

    @classmethod
    async def start(cls, api: settings.Api, connection: str, families: Mapping[str, Family], kv: Kv) -> Server:
        """Open the database and begin to relay. ``kv`` is closed with the server."""
        store = await open_store(connection, [family.newest for family in families.values()])
        sync = Sync(settings.Sync(), kv, store, families, URL)
        probes = {"database": store.ready, "etcd": sync.probe_etcd, "relay": sync.probe_relay}
        built = app.build(api, families, store, sync.waits, probes=probes, registry=CollectorRegistry())
        return cls(store, built, kv, asyncio.create_task(sync.run(), name="sync"))

    async def stop(self) -> None:
        """End it as SIGTERM does: what waits for a bind is answered, the relay resigns. Raises what sync failed with."""
        self.app.drain()
        await _cancelled(self.relaying)
        await self.store.close()
        await self.kv.close()


@dataclass(slots=True)
class RunningShim:
    """A shim with an author's backend. ``witness`` has all calls, through every restart."""

    name: str
    proton: Proton
    backend: object
    settings: settings.Shim
    witness: Witness
    cluster: Cluster
    _shim: Shim | None = None
    _kv: Kv | None = None
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def model(self) -> Mirror:
        """The copy of the Proton that the backend is handed."""
        return self.shim.model

    @property
    def shim(self) -> Shim:
        """The shim itself; only while it runs."""
        assert self._shim is not None, f"the shim {self.name} is stopped"
        return self._shim

    @property
    def running(self) -> bool:
        """Whether it was started and has not been stopped. Raises what it failed with."""
        if self._task is not None and self._task.done():
            self._task.result()
        return self._task is not None

    async def start(self) -> None:
        """Start it; it signs in by itself."""
        self._kv = await self.cluster.connect()
        self._shim = Shim(self.settings, self.proton, self.witness.around(self.backend), self._kv, pace=_PACE)
        self._task = asyncio.create_task(self._shim.run(), name=f"shim {self.name}")

    async def stop(self) -> None:
        """End it as SIGTERM does: calls under way end, what they did is reported. Raises what it failed with."""
        if self._task is None or self._kv is None:
            return
        task, self._task = self._task, None
        await _cancelled(task)
        await self._kv.close()


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end. Raises what it failed with."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
