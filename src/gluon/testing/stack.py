# SPDX-License-Identifier: Apache-2.0
"""The whole of Gluon in one process, for the tests of a backend's author: everything is real but the sockets.

async with Stack(folder, MyBackend(), hosts=["compute-1"]) as stack:
    port = await stack.create("ports", tenant_id=TENANT)
    port = await stack.update("ports", port["id"], host_id="compute-1", device_id="vm-1")
    await stack.settled()

test ─► API (ASGI, in process) ─► SQLite in the folder ─► relay ─► etcd (in memory, or a real one) ─► shim ─► backend
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gluon import settings
from gluon.kv.contract import Kv, KvError
from gluon.model.catalogue import Family, load_catalogue
from gluon.model.faults import nearest
from gluon.model.schema import Proton
from gluon.testing.asking import Answer, Api, Record, Records, ask
from gluon.testing.bugs import Bugs
from gluon.testing.serving import Cluster, RunningShim, Server
from gluon.testing.settling import unsettled
from gluon.testing.witness import Witness

_GLANCE: Final = 0.002  # seconds between two looks


class Unsettled(AssertionError):
    """Something did not come to rest in time; the text says what."""


@dataclass
class Stack:
    """One site in one folder. Entering it starts a server, and a shim with ``backend`` where one is given.

    ``proton`` is the Proton that ``create`` and the others speak of; ``api(name)`` speaks of another. ``hosts`` are those of
    the shim. ``endpoint`` names a real etcd, which must be this stack's alone. ``bind_timeout`` is what a request waits for a
    bind, ``patience`` what ``settled`` and starting wait, both in seconds. A bug in a backend ends the test (``BackendFailed``)
    unless ``strict`` is false: then it is logged and the call repeated, as in production.
    """

    folder: Path
    backend: object | None = None
    _: KW_ONLY
    proton: str = "net-l3vpn"
    hosts: Sequence[str] = ("*",)
    model_path: Sequence[str | Path] = ()
    endpoint: str = ""
    bind_timeout: float = 8.0
    patience: float = 30.0
    strict: bool = True
    shims: list[RunningShim] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.families: Mapping[str, Family] = load_catalogue([str(path) for path in self.model_path])
        self._cluster = Cluster(self.endpoint)
        self._server: Server | None = None
        self._kv: Kv | None = None
        self._bugs = Bugs(strict=self.strict)
        self._exits = AsyncExitStack()
        self._requests: set[asyncio.Task[Answer]] = set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            self._kv = await self._cluster.connect()
            exits.push_async_callback(self._kv.close)
            exits.push_async_callback(self.stop_server)
            exits.push_async_callback(self._stop_shims)
            await self.start_server()
            if self.backend is not None:
                await self.start_shim(self.backend, hosts=self.hosts)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._exits.aclose()
        if error is None:
            self._bugs.check()

    async def _stop_shims(self) -> None:
        for shim in reversed(self.shims):
            await shim.stop()

    # The API.

    def api(self, proton: str = "") -> Api:
        """The API of a Proton; of the stack's own where none is named."""
        return Api(self.model(proton), self.ask)

    async def create(self, plural: str, /, **values: Any) -> Record:
        """Create an object of a collection (``ports``). Raises Problem where the server refuses it."""
        return await self.api().create(plural, **values)

    async def get(self, plural: str, id: str, /) -> Record:
        """One object. Raises Problem."""
        return await self.api().get(plural, id)

    async def update(self, plural: str, id: str, /, **values: Any) -> Record:
        """Change these attributes of an object. One that binds a port waits for the answer. Raises Problem."""
        return await self.api().update(plural, id, **values)

    async def delete(self, plural: str, id: str, /) -> None:
        """Delete an object. Raises Problem."""
        await self.api().delete(plural, id)

    async def list(self, plural: str, /, **filters: str) -> Records:
        """All objects of a collection for which these attributes have these values."""
        return await self.api().list(plural, **filters)

    async def ask(
        self, method: str, target: str, values: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send any request; ``target`` is path and query. Raises Problem for a status from 400, BackendFailed."""
        request = asyncio.create_task(ask(self.server.app, method, target, values, headers))
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)
        return await self._bugs.unless(request)

    # What runs.

    @property
    def kv(self) -> Kv:
        """A connection to the stack's etcd, for tests that look or play a foreign shim."""
        assert self._kv is not None, "the stack has not been entered"
        return self._kv

    @property
    def server(self) -> Server:
        """The server, while it runs."""
        assert self._server is not None, "the server is stopped"
        return self._server

    def model(self, proton: str = "") -> Proton:
        """The newest version of a Proton. Raises LookupError."""
        name = proton or self.proton
        if name not in self.families:
            close = nearest(name, self.families)
            raise LookupError(f"there is no Proton '{name}'" + (f": did you mean '{close}'?" if close else ""))
        return self.families[name].newest

    async def start_server(self) -> None:
        """Start the server on the folder's database, where it is stopped."""
        if self._server is None:
            api = settings.Api(bind_timeout=self.bind_timeout)
            connection = f"sqlite:///{self.folder / 'gluon.sqlite'}"
            self._server = await Server.start(api, connection, self.families, await self._cluster.connect())

    async def stop_server(self) -> None:
        """Stop the server. Requests that wait for a bind are answered; shims go on with what etcd holds."""
        server, self._server = self._server, None
        if server is not None:
            server.app.drain()
            await asyncio.gather(*self._requests, return_exceptions=True)
            await server.stop()

    async def restart_server(self) -> None:
        """Stop the server, and start another on the same database."""
        await self.stop_server()
        await self.start_server()

    async def start_shim(
        self,
        backend: object,
        *,
        name: str = "",
        hosts: Sequence[str] = ("*",),
        proton: str = "",
        binds: bool = True,
        tenants: Sequence[str] = (),
    ) -> RunningShim:
        """Start a shim and wait until it works. It is named after its first host (``*``: ``shim``) where no name is given."""
        name = name or (hosts[0] if hosts[0] != "*" else "shim")
        model = self.model(proton)
        if any(shim.name == name and shim.proton is model for shim in self.shims):
            raise ValueError(f"there is a shim '{name}' for {model.name}: give this one another name")
        values = settings.Shim(host_list=tuple(hosts), name=name, binds=binds, tenants=tuple(tenants))
        shim = RunningShim(name, model, backend, values, Witness(model, self._bugs.alarm()), self._cluster)
        self.shims.append(shim)
        await self._start(shim)
        return shim

    def shim(self, name: str = "", proton: str = "") -> RunningShim:
        """A shim by its name, or the first one. Raises LookupError."""
        for shim in self.shims:
            if name in ("", shim.name) and proton in ("", shim.proton.name):
                return shim
        raise LookupError(f"there is no shim '{name}'; there are: {', '.join(shim.name for shim in self.shims) or 'none'}")

    async def restart_shim(self, name: str = "", *, backend: object | None = None) -> RunningShim:
        """Stop a shim and start it again, with this ``backend`` where one is given: a new process has a new one."""
        shim = self.shim(name)
        await shim.stop()
        shim.backend = shim.backend if backend is None else backend
        await self._start(shim)
        return shim

    async def settled(self) -> None:
        """Return once everything committed is in etcd, handed to every backend that runs, and all answers are stored.

        Raises BackendFailed, and Unsettled where it takes longer than ``patience``: a backend that goes on raising
        Temporary never settles. What a backend refused for good (Permanent) is settled.
        """
        protons = [family.newest for family in self.families.values()]

        async def look() -> str:
            running = [shim for shim in self.shims if shim.running]
            try:
                return await unsettled(self.server.store, self.kv, protons, running)
            except KvError as error:
                return str(error)

        await self._until(look)

    async def _start(self, shim: RunningShim) -> None:
        await shim.start()

        async def look() -> str:
            return "" if shim.running and shim.shim.working else f"the shim {shim.name} has not signed in and loaded"

        await self._until(look)

    async def _until(self, look: Callable[[], Awaitable[str]]) -> None:
        """Look again and again until nothing is left to be said against it, or a backend has failed."""
        reason = "nothing was looked at"
        try:
            async with asyncio.timeout(self.patience):
                while reason := await look():
                    self._bugs.check()
                    await asyncio.sleep(_GLANCE)
        except TimeoutError:
            raise Unsettled(f"not so within {self.patience:g} s: {reason}") from None
        self._bugs.check()
