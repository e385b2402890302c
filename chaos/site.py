# SPDX-License-Identifier: Apache-2.0
"""All parts of a run: two servers, three shims (two of one name, one of them standing by), three etcd members, a database.

async with Site(folder, "postgresql", network) as site:   everything runs
    site.children["server-1"] · site.etcd · site.database
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from chaos import recorder
from chaos.network import Network
from chaos.schedule import Parts
from gluon.cmd.gluon import SUBCOMMANDS
from gluon.errors import GluonError
from gluon.kv import etcd
from gluon.kv.cluster import EtcdCluster
from gluon.kv.contract import KvError
from gluon.kv.etcd import EtcdKv
from gluon.kv.ports import free_ports
from gluon.kv.process import LOOPBACK, EtcdProcess, Place
from gluon.kv.program import bound_to_us
from gluon.particle import keys
from gluon.parts.child import Child, ChildFailed, clean_environment
from gluon.parts.engine import DatabaseServer
from gluon.parts.mariadb import MariadbServer
from gluon.parts.postgres import PostgresServer
from gluon.settings import Etcd

PROTON: Final = "net-l3vpn"
#: The leases of a run, in seconds: pauses are far shorter or longer (see ``schedule``).
LEADER_TTL: Final = 2
SHIM_TTL: Final = 3
_PATIENCE: Final = 60.0
_LOOK: Final = 0.1
#: By shim: the name by which it signs, which is also the host that it binds on.
SHIMS: Final[Mapping[str, str]] = {"shim-1a": "compute-1", "shim-1b": "compute-1", "shim-2": "compute-2"}
Groups = Mapping[str, Mapping[str, object]]
_SERVERS: Final[Mapping[str, type[DatabaseServer]]] = {"postgresql": PostgresServer, "mariadb": MariadbServer}


class Site:
    """See above. ``network`` None: everything on loopback, and nothing can be cut."""

    def __init__(self, folder: Path, database: str, network: Network | None) -> None:
        self.folder = folder
        self.network = network
        self.children: dict[str, Child] = {}
        self.parts = parts(database, network=network is not None)
        self.etcd = EtcdCluster(folder / "etcd", places=[self.place(member) for member in self.parts.members])
        self.database = self._server(database)
        self.urls: dict[str, str] = {}
        self._connection = database if "://" in database else f"sqlite:///{folder / 'gluon.sqlite'}"
        self._kv: EtcdKv | None = None

    def _server(self, database: str) -> DatabaseServer | None:
        if database not in _SERVERS:
            return None
        place = self.place("database")
        return _SERVERS[database](self.folder / "database", address=place.address, prefix=place.prefix)

    def place(self, part: str) -> Place:
        """Where a part runs."""
        return self.network.place(part) if self.network else LOOPBACK

    @property
    def kv(self) -> EtcdKv:
        """A connection to all members."""
        assert self._kv is not None
        return self._kv

    def member(self, part: str) -> EtcdProcess:
        """The etcd member that goes by this name here."""
        return self.etcd.members[self.parts.members.index(part)]

    def records(self, name: str) -> Path:
        """What the controller behind the shims of this name remembers."""
        return self.folder / "records" / name

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def _start(self) -> None:
        self._plug_in()
        await self.etcd.start()
        self._kv = await etcd.connect(Etcd(endpoints=self.etcd.endpoints))
        if self.database:
            await self.database.start()
            await self.database.create_database("gluon")
            self._connection = self.database.url("gluon")
        for part in self.parts.servers:
            self._add_server(part)
        await self.apply()
        for part in SHIMS:
            self._add_shim(part)
        for part, child in self.children.items():
            await child.start()
            if part in self.urls:
                await self.until_ready(part)
        for name in set(SHIMS.values()):
            await self.until(partial(self.kv.get, keys.shim(PROTON, name)), f"the shim {name} to sign in")

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                await child.kill()
        if self._kv is not None:
            await self._kv.close()
        await self.etcd.kill()
        if self.database:
            await self.database.close()

    async def apply(self) -> None:
        """Make the tables where a server does not do so itself."""
        if self._connection.startswith("sqlite") or "db" not in SUBCOMMANDS:
            return
        status, output = await self.command("db", "apply")
        if status:
            raise ChildFailed(f"gluon db apply ended with status {status}: {output}")

    async def command(self, *words: str) -> tuple[int, str]:
        """Run ``gluon`` with the first server's settings; its status and output."""
        conf = self.folder / f"{self.parts.servers[0]}.conf"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gluon.cmd.gluon", *words, f"--config-file={conf}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=clean_environment(),
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode(errors="replace").strip()

    def _plug_in(self) -> None:
        """Let the shims find the recorder as they find a vendor's backend: by an entry point."""
        made = self.folder / "plugin" / "gluon_chaos-1.0.dist-info"
        made.mkdir(parents=True)
        (made / "METADATA").write_text("Metadata-Version: 2.1\nName: gluon-chaos\nVersion: 1.0\n")
        (made / "entry_points.txt").write_text("[gluon.shim.backends]\nrecorder = chaos.recorder:Recorder\n")

    def _add_server(self, part: str) -> None:
        place = self.place(part)
        (port,) = free_ports(1)
        self.urls[part] = f"http://{place.address}:{port}"
        groups: Groups = {
            "api": {"host": place.address, "port": port, "noauth_beyond_loopback": "true", "bind_timeout": 4},
            "database": {"connection": self._connection},
            "etcd": {"endpoints": ",".join(self.etcd.endpoints)},
            "sync": {"leader_ttl": LEADER_TTL},
        }
        self._add(part, "gluon.cmd.proton_server", groups, {})

    def _add_shim(self, part: str) -> None:
        name = SHIMS[part]
        groups: Groups = {
            "shim": {"host_list": name, "name": name, "handlers": f"{PROTON}:recorder", "lease_ttl": SHIM_TTL},
            "etcd": {"endpoints": ",".join(self.etcd.endpoints)},
        }
        self._add(part, "gluon.cmd.shimserver", groups, {recorder.FOLDER: str(self.records(name))})

    def _add(self, part: str, module: str, groups: Groups, environment: Mapping[str, str]) -> None:
        conf = self.folder / f"{part}.conf"
        conf.write_text(
            "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()) for group, values in groups.items())
        )
        path = ":".join(filter(None, (str(self.folder / "plugin"), *sys.path)))
        prefix = bound_to_us(self.place(part).prefix)
        self.children[part] = Child(
            part, (module, f"--config-file={conf}"), self.folder / f"{part}.log", {**environment, "PYTHONPATH": path}, prefix
        )

    # Looking.

    async def relay(self) -> str:
        """The server that relays, as etcd has it; the first one where none does or etcd does not say."""
        try:
            leaders = (await self.kv.page(keys.LEADERS)).items
        except KvError:
            leaders = ()
        pids = {json.loads(leader.value)["who"].rpartition("/")[2] for leader in leaders}
        found = [part for part in self.parts.servers if str(self.children[part].pid) in pids]
        return (found or list(self.parts.servers))[0]

    def answers(self, part: str) -> bool:
        """Whether a server answers at all."""
        return bool(_get(f"{self.urls[part]}/healthz"))

    def metrics(self, part: str) -> str:
        """A server's figures; empty where it does not answer."""
        return _get(f"{self.urls[part]}/metrics")

    async def until_ready(self, part: str) -> None:
        """Wait until a server says that it is ready."""
        child = self.children[part]

        async def ready() -> bool:
            if not child.running:
                raise child.failure(f"ended with status {child.status}")
            return bool(await asyncio.to_thread(_get, f"{self.urls[part]}/readyz"))

        await self.until(ready, f"{part} to be ready")

    async def until(self, look: Callable[[], Awaitable[Any]], what: str, patience: float = _PATIENCE) -> None:
        """Return once ``look`` returns something true; GluonError where that takes too long."""
        end = time.monotonic() + patience
        while not await look():
            if time.monotonic() > end:
                raise GluonError(f"waited {patience:g} s in vain for {what}")
            await asyncio.sleep(_LOOK)


def parts(database: str, *, network: bool) -> Parts:
    """What can be hit with this database: one that is not ours is let alone."""
    return Parts(shims=tuple(SHIMS), database=("database",) if database in _SERVERS else (), network=network)


def _get(url: str) -> str:
    """What is there; empty where nothing good is."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return str(answer.read().decode(errors="replace")) or "ok"
    except (OSError, urllib.error.HTTPError):
        return ""
