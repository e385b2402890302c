# SPDX-License-Identifier: Apache-2.0
"""A small site on one machine: etcd, Proton Servers, shim layers and the client, all real, in one folder.

async with Site(folder) as site:          etcd runs
    server = await site.start_server()    SQLite in the folder, a free port, ready
    shim = await site.start_shim("compute-1")
    site.client(server).run("port-list")
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from gluon.kv import etcd
from gluon.kv.contract import Kv
from gluon.kv.ports import free_ports
from gluon.kv.process import EtcdProcess
from gluon.parts.child import Child, ChildFailed, clean_environment
from gluon.settings import Etcd

T = TypeVar("T")
Groups = Mapping[str, Mapping[str, object]]
_PATIENCE = 30.0  # seconds for a part to come up, or for a change to arrive
_LOOK = 0.02  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Server:
    """A Proton Server of a site."""

    child: Child
    port: int

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """End it by SIGTERM."""
        await self.child.stop()


class Site:
    """Everything that runs in one folder, a database server apart. Leaving the context ends all of it."""

    def __init__(
        self, folder: Path, *, proton: str = "net-l3vpn", models: Path | None = None, database: str | None = None
    ) -> None:
        """``database``: the URL of one that runs already; SQLite in the folder where there is none."""
        self.folder = folder
        self.proton = proton
        self.database = folder / "gluon.sqlite"
        self.etcd = EtcdProcess(folder / "etcd")
        self._connection = database
        self._models = models
        self._children: list[Child] = []
        self._kv: Kv | None = None

    @property
    def database_url(self) -> str:
        """The ``[database] connection`` of its servers."""
        return self._connection or f"sqlite:///{self.database}"

    @property
    def kv(self) -> Kv:
        """A connection to the site's etcd."""
        assert self._kv is not None
        return self._kv

    async def __aenter__(self) -> Self:
        await self.etcd.start()
        self._kv = await etcd.connect(Etcd(endpoints=(self.etcd.endpoint,)))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        failures: list[ChildFailed] = []
        for child in reversed(self._children):
            try:
                await child.stop()
            except ChildFailed as failure:
                failures.append(failure)
        await self.kv.close()
        await self.etcd.stop()
        if failures and error is None:
            raise failures[0]

    async def start_server(self, *, settings: Groups | None = None, port: int = 0, ready: bool = True) -> Server:
        """Start a Proton Server on the site's database and etcd; returns once /readyz answers 200 (where ``ready``)."""
        port = port or free_ports(1)[0]
        groups: dict[str, dict[str, object]] = {
            "DEFAULT": {"model_path": self._models} if self._models else {},
            "api": {"port": port},
            "database": {"connection": self.database_url, "auto_apply": "safe"},
            "etcd": {"endpoints": self.etcd.endpoint},
        }
        child = self._child("proton-server", "gluon.cmd.proton_server", groups, settings)
        await child.start()
        server = Server(child, port)
        if ready:
            await self.until_ready(server)
        return server

    async def start_shim(
        self, name: str, *, backend: str = "net-l3vpn-dummy", settings: Groups | None = None, ready: bool = True
    ) -> Child:
        """Start a shim layer for the host of the same name; returns once it has signed in (where ``ready``)."""
        groups: dict[str, dict[str, object]] = {
            "DEFAULT": {"model_path": self._models} if self._models else {},
            "shim": {"host_list": name, "name": name, "handlers": f"{self.proton}:{backend}"},
            "etcd": {"endpoints": self.etcd.endpoint},
        }
        child = self._child(f"shim-{name}", "gluon.cmd.shimserver", groups, settings)
        await child.start()
        if ready:
            key = f"/gluon/shim/{self.proton}/{name}"
            await self.until(lambda: self.kv.get(key), f"the shim {name} to sign in", child)
        return child

    def _child(self, name: str, module: str, groups: dict[str, dict[str, object]], more: Groups | None) -> Child:
        for group, values in (more or {}).items():
            groups.setdefault(group, {}).update(values)
        name = f"{name}-{len(self._children)}"
        conf = self.folder / f"{name}.conf"
        conf.write_text(
            "".join(
                f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
                for group, values in groups.items()
            )
        )
        child = Child(name, (module, f"--config-file={conf}"), self.folder / f"{name}.log")
        self._children.append(child)
        return child

    async def until_ready(self, server: Server) -> None:
        """Wait until the server says that it is ready."""

        reasons: list[str] = []

        async def ready() -> bool:
            reasons[:] = [await asyncio.to_thread(_unready, server.port)]
            return not reasons[0]

        try:
            await self.until(ready, "the server to be ready", server.child)
        except ChildFailed as failure:
            raise ChildFailed(f"{failure}\n/readyz: {reasons[0]}") from None

    async def until(self, look: Callable[[], Awaitable[T]], what: str, child: Child | None = None) -> T:
        """What ``look`` returns once that is true; ChildFailed where it takes over 30 seconds or ``child`` ends."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while not (found := await look()):
            if child is not None and not child.running:
                raise child.failure(f"ended with status {child.status}")
            if loop.time() > end:
                raise (child or self._children[0]).failure(f"is up, but waited {_PATIENCE:g} s in vain for {what}")
            await asyncio.sleep(_LOOK)
        return found

    def client(self, server: Server) -> ClientCommand:
        """The protonclient for this site's Proton, talking to ``server``."""
        environment = clean_environment(OS_PROTON_PORT=str(server.port), XDG_CACHE_HOME=str(self.folder / "cache"))
        return ClientCommand(self.proton, environment)


class ClientCommand:
    """protonclient as a user runs it."""

    def __init__(self, proton: str, environment: Mapping[str, str]) -> None:
        self._proton = proton
        self._environment = environment

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it with these words after ``--api PROTON``."""
        return subprocess.run(
            (sys.executable, "-m", "gluon.cmd.protonclient", "--api", self._proton, *words),
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run(self, *words: str) -> Any:
        """Its JSON output, decoded (None where it printed nothing); ChildFailed with its message unless the status is 0."""
        done = self.call(*words)
        if done.returncode:
            raise ChildFailed(f"protonclient {' '.join(words)} ended with status {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None


def _unready(port: int) -> str:
    """Why the server is not ready; empty where it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
            return ""
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode(errors="replace")
    except OSError as error:
        return str(error)
