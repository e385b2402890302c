# SPDX-License-Identifier: Apache-2.0
"""A Galera cluster of MariaDB servers on this machine, for tests and chaos. Not for production."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from gluon.kv.ports import free_ports
from gluon.parts.account import NotInstalled
from gluon.parts.daemon import DaemonFailed
from gluon.parts.engine import PASSWORD, USER
from gluon.parts.mariadb import MariadbServer
from gluon.parts.standing import Standing

_PROVIDERS: Final = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
_RECOVERED: Final = re.compile(r"WSREP: Recovered position:? *(\S+:-?\d+)")
#: Seconds after which a silent node is put out of the cluster; Galera's own five are long for tests.
_SUSPECT: Final = 2


class GaleraNode(MariadbServer):
    """One node; a MariadbServer with a cluster around it."""

    kind: ClassVar = "galera"

    def __init__(self, folder: Path, *, address: str, prefix: Sequence[str], durable: bool, options: Sequence[str]) -> None:
        super().__init__(folder, address=address, prefix=prefix, durable=durable, options=options)
        self.group = 0
        self.members: tuple[GaleraNode, ...] = ()
        self._transfer = 0
        self._increment = 0
        self._bootstraps = False

    def take_ports(self) -> None:
        """For clients, the group, state transfers and their increments."""
        self.port, self.group, self._transfer, self._increment = free_ports(4)

    async def bootstrap(self) -> None:
        """Start as the first node of the cluster."""
        self._bootstraps = True
        try:
            await self.start()
        finally:
            self._bootstraps = False

    async def prepare(self) -> None:
        """The first node makes the data; the others receive it."""
        if self._bootstraps:
            await super().prepare()

    async def admit(self) -> None:
        """The first node makes the user for all."""
        if self._bootstraps:
            await super().admit()

    def command(self) -> tuple[str, ...]:
        """See DatabaseServer."""
        group = "" if self._bootstraps else ",".join(f"{node.address}:{node.group}" for node in self.members if node is not self)
        options = (
            f"gmcast.listen_addr=tcp://{self.address}:{self.group};ist.recv_addr={self.address}:{self._increment};"
            f"gcache.size=64M;evs.suspect_timeout=PT{_SUSPECT}S;"
            # Not evs.inactive_timeout: half of it is all that the others get to agree, and if they do not, no two stay together.
            "evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S;evs.join_retrans_period=PT0.5S"
        )
        return (
            *super().command(),
            "--wsrep-on=ON",
            f"--wsrep-provider={_provider()}",
            f"--wsrep-provider-options={options}",
            "--wsrep-cluster-name=gluon",
            f"--wsrep-cluster-address=gcomm://{group}",
            f"--wsrep-node-address={self.address}:{self.group}",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address={self.address}:{self._transfer}",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            *(("--wsrep-new-cluster",) if self._bootstraps else ()),
        )

    async def start(self) -> None:
        """Return once it is a member that takes statements; after a crash from where its own data is."""
        crashed = (self.data / "ibdata1").exists() and not self.running
        position = await self._position() if crashed else ""
        options, self._options = self._options, (*self._options, *((f"--wsrep-start-position={position}",) if position else ()))
        try:
            await super().start()
        finally:
            self._options = options

    async def ready(self) -> bool:
        """See DatabaseServer: joined, and up with the others."""
        return await super().ready() and await self.status("wsrep_ready") == "ON"

    async def status(self, name: str) -> str:
        """One of the server's status values, such as wsrep_local_cert_failures."""
        row = await self.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")
        return row.partition("\t")[2]

    async def _position(self) -> str:
        """Where its data stands, from crash recovery: with it the others send what is missing, without it everything."""
        log = self.home / "recovery.log"
        await self.run((*self.command(), "--wsrep-recover", f"--log-error={log}"))
        found = _RECOVERED.findall(log.read_text(errors="replace"))
        log.unlink()
        if not found:
            raise DaemonFailed(f"{self.daemon.name}: the recovery of its data told no position")
        return str(found[-1])


class GaleraCluster(Standing):
    """``size`` nodes; each can be killed, paused, started by itself. ``addresses`` and ``prefixes``: one for each node.

    async with GaleraCluster(folder) as cluster:
        await cluster.create_database("gluon")
        … cluster.url("gluon", first=1) …
    """

    def __init__(
        self,
        folder: Path,
        size: int = 3,
        *,
        addresses: Sequence[str] = (),
        prefixes: Sequence[Sequence[str]] = (),
        durable: bool = True,
        options: Sequence[str] = (),
    ) -> None:
        _provider()
        self.nodes = tuple(
            GaleraNode(
                folder / f"node-{number}",
                address=addresses[number] if addresses else "127.0.0.1",
                prefix=prefixes[number] if prefixes else (),
                durable=durable,
                options=options,
            )
            for number in range(size)
        )

    async def start(self) -> None:
        """Form the cluster; returns once all nodes are in it."""
        first, *others = self.nodes
        for node in self.nodes:
            node.take_ports()
            node.members = self.nodes
        await first.bootstrap()
        for node in others:
            await node.start()

    async def close(self) -> None:
        """Kill all nodes and remove their data."""
        for node in self.nodes:
            await node.close()

    async def create_database(self, name: str) -> None:
        """On all nodes."""
        await self.nodes[0].create_database(name)

    async def drop_database(self, name: str) -> None:
        """On all nodes."""
        await self.nodes[0].drop_database(name)

    def url(self, database: str, first: int = 0) -> str:
        """A connection that names every node, this one first."""
        order = self.nodes[first:] + self.nodes[:first]
        hosts = "&".join(f"host={node.address}:{node.port}" for node in order)
        return f"{order[0].scheme}://{USER}:{PASSWORD}@/{database}?{hosts}"

    async def until_size(self, size: int, node: int = 0) -> None:
        """Return once this node sees a cluster of that size."""
        while await self.nodes[node].status("wsrep_cluster_size") != str(size):  # noqa: ASYNC110 another process
            await asyncio.sleep(0.1)


def _provider() -> str:
    """Galera's library. Raises NotInstalled."""
    for path in _PROVIDERS:
        if os.access(path, os.R_OK):
            return path
    raise NotInstalled(f"there is no {_PROVIDERS[0]}: install the Debian packages galera-4 and rsync")
