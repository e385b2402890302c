# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL and MariaDB as parts have in common: data of their own, an address, a life of starts and ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from gluon.kv.ports import free_ports
from gluon.parts.account import Account
from gluon.parts.daemon import Daemon, DaemonFailed, PortTaken
from gluon.parts.standing import Standing

#: Who may do everything in the databases of a part.
USER: Final = "gluon"
PASSWORD: Final = "secret"
#: How often a start with other ports is tried where one was taken.
_PORT_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: the authority that clients' certificates come from, the server's certificate and its key."""

    ca: Path
    cert: Path
    key: Path


class DatabaseServer(Standing):
    """A database server; its log is in ``folder``, its data in a folder of its own that ``close`` removes.

    async with PostgresServer(folder) as server:
        await server.create_database("gluon")
        … server.url("gluon") …

    ``address``: where it listens. ``prefix``: a command that runs it, such as ``ip netns exec NAME``. ``durable`` false saves
    the syncs to disk: what is committed then survives a kill of the server, but not a loss of power. ``options`` go to the
    server as they are. After ``stop`` or ``kill``, ``start`` goes on with the same data and port.
    """

    kind: ClassVar[str]
    account_name: ClassVar[str]
    package: ClassVar[str]
    scheme: ClassVar[str]
    ending: ClassVar[signal.Signals]

    def __init__(
        self,
        folder: Path,
        *,
        address: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        durable: bool = True,
        tls: Tls | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.address = address
        self.durable = durable
        self.port = 0
        self._prefix = tuple(prefix)
        self._options = tuple(options)
        self._account = Account(self.account_name, self.package)
        self.home = self._account.folder(self.kind)
        self.data = self._account.make(self.home / "data")
        self.tls = tls and Tls(*(self._account.copy(file, self.home) for file in (tls.ca, tls.cert, tls.key)))
        self.daemon = Daemon(f"{self.kind} in {folder}", folder / f"{self.kind}.log")
        self._prepared = False

    @property
    def running(self) -> bool:
        """Whether its process is there; a paused one is."""
        return self.daemon.running

    def url(self, database: str) -> str:
        """The ``[database] connection`` of one of its databases. Known from the first start on."""
        return f"{self.scheme}://{USER}:{PASSWORD}@{self.address}:{self.port}/{database}"

    async def start(self) -> None:
        """Return once it takes statements. Raises DaemonFailed with the end of its log, NotInstalled."""
        if self.running:
            return
        if not self._prepared:
            await self.prepare()
            self._prepared = True
        if self.port:
            await self._launch()
            return
        for _ in range(_PORT_TRIES):
            self.take_ports()
            try:
                await self._launch()
                return
            except PortTaken:
                self.port = 0
        raise PortTaken(f"{self.kind} found its ports taken {_PORT_TRIES} times")

    async def stop(self) -> None:
        """End it in an orderly way; its clients lose their connections."""
        await self.daemon.stop(self.ending)

    async def restart(self) -> None:
        """Stop and start."""
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        """End all its processes at once, as a lost machine would."""
        await self.daemon.kill()

    def pause(self) -> None:
        """Hang it: connections stay open, nothing is answered."""
        self.daemon.pause()

    def resume(self) -> None:
        """Let it run on."""
        self.daemon.resume()

    async def close(self) -> None:
        """Kill it where it runs, and remove its data."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self.home)

    async def run(self, command: Sequence[str]) -> str:
        """The output of a program that runs as the server's user; DaemonFailed with its messages where it fails."""
        done = await asyncio.to_thread(
            subprocess.run,
            self._account.command(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=self.environment(),
            cwd="/",
            check=False,
        )
        if done.returncode:
            what = f"{Path(command[0]).name} ended with status {done.returncode}"
            raise DaemonFailed(f"{what}: {(done.stderr or done.stdout).strip()}")
        return done.stdout.strip()

    def environment(self) -> dict[str, str]:
        """Ours, without what would send its programs to other servers."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "MYSQL", "MARIADB"))}

    def take_ports(self) -> None:
        """Choose the port, or ports, that it will listen on."""
        (self.port,) = free_ports(1)

    async def _launch(self) -> None:
        command = self._account.command((*self.command(), *self._options), bound=True)
        self.daemon.launch((*self._prefix, *command), self.environment())
        await self.daemon.until(self.ready, "ready")

    @abstractmethod
    async def prepare(self) -> None:
        """Make the data before the first start."""

    @abstractmethod
    def command(self) -> tuple[str, ...]:
        """The server in the foreground."""

    @abstractmethod
    async def ready(self) -> bool:
        """Whether it takes statements now."""

    @abstractmethod
    async def execute(self, sql: str, database: str = "") -> str:
        """Run SQL as its administrator; returns rows as text, with values as the server's own client prints them."""

    @abstractmethod
    async def create_database(self, name: str) -> None:
        """Make an empty database."""

    @abstractmethod
    async def drop_database(self, name: str) -> None:
        """Remove a database and whatever is in it, where it is there."""
