# SPDX-License-Identifier: Apache-2.0
"""A real etcd as a child process on loopback, for tests, demonstrations and benchmarks. Not for production.

The child ends with the process that started it, even where that one is killed (Linux); more exactly, it ends with the
thread that started it, so start it from one that stays. Another program may be faster in taking a port: etcd is started
again with others where it finds one taken.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gluon.kv.ports import free_ports
from gluon.kv.program import EtcdFailed, PortTaken, bound_to_us, find_etcd, hang

#: Seconds within which etcd has to serve, to end when asked to, and to be gone when killed (its disk may be slow).
START = 20.0
STOP = 2.0
GONE = 20.0
_POLL = 0.02
#: How often a start with other ports is tried where one was taken.
PORT_TRIES = 5
_LOG_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one member: for clients, for members, and for its health over plain HTTP."""

    client: int
    peer: int
    health: int

    @classmethod
    def choose(cls) -> Ports:
        """Three on which nothing listens."""
        return cls(*free_ports(3))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs: the address it listens on, and the command that leads there (``ip netns exec …``)."""

    address: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()


LOOPBACK: Final = Place()


class EtcdProcess:
    """One etcd with its data in ``folder`` (made where missing) and its log in ``folder``/etcd.log.

    ``async with EtcdProcess(folder) as etcd: … etcd.endpoint``. ``options`` go to etcd as they are; ``scheme`` is https
    where they configure TLS for clients; ``program`` is another etcd than the one that is found. After ``stop`` or ``kill``,
    ``start`` goes on with the same data and ports, and with the ``options`` as they then are.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: Sequence[str] = (),
        scheme: str = "http",
        place: Place = LOOPBACK,
        program: str | None = None,
    ) -> None:
        self._folder = folder
        self._program = program
        self.options = tuple(options)
        self._scheme = scheme
        self.place = place
        self._ports: Ports | None = None
        self._peers: tuple[tuple[str, str], ...] = ()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The URL for clients. Known from the first start on."""
        if self._ports is None:
            raise EtcdFailed("etcd has not been started, so it has no address yet")
        return f"{self._scheme}://{self.place.address}:{self._ports.client}"

    @property
    def running(self) -> bool:
        """Whether the process is there; a paused one is."""
        return self._child is not None and self._child.poll() is None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.kill()

    async def start(self) -> None:
        """Return once it serves. Raises EtcdFailed with the end of its log."""
        if self.running:
            return
        if self._ports is not None:
            self.launch(self._ports, self._peers)
            await self.until_serving()
            return
        for _ in range(PORT_TRIES):
            try:
                self.launch(Ports.choose(), ())
                await self.until_serving()
                return
            except PortTaken:
                self._ports = None
                self.wipe()
        raise PortTaken(f"etcd found its ports taken {PORT_TRIES} times")

    def launch(self, ports: Ports, peers: Sequence[tuple[str, str]]) -> None:
        """Start the process; ``until_serving`` is the other half. ``peers``: the members of its cluster, names and URLs."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ports, self._peers = ports, tuple(peers)
        client = f"{self._scheme}://{self.place.address}:{ports.client}"
        peer = self.peer(ports)
        members = self._peers or ((self.name, peer),)
        command = (
            *self.place.prefix,
            self._program or find_etcd(),
            f"--name={self.name}",
            f"--data-dir={self._data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--listen-metrics-urls=http://{self.place.address}:{ports.health}",
            "--initial-cluster=" + ",".join(f"{name}={url}" for name, url in members),
            "--initial-cluster-state=new",
            *self.options,
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                bound_to_us(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    async def until_serving(self) -> None:
        """Return once it answers that it is healthy: it has a leader and reads work. Raises EtcdFailed, PortTaken."""
        loop = asyncio.get_running_loop()
        end = loop.time() + START
        while not await self._healthy():
            if not self.running:
                raise self._failure("ended at its start")
            if loop.time() > end:
                await self.kill()
                raise self._failure(f"did not serve within {START:g} s")
            await asyncio.sleep(_POLL)

    async def stop(self) -> None:
        """End it in an orderly way (SIGTERM), by force where it takes too long, as with clients that stay connected.

        Either way what it has confirmed is on disk.
        """
        if self._child is None or not self.running:
            return
        self.resume()
        self._child.terminate()
        try:
            await self._ended(STOP)
        except subprocess.TimeoutExpired:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a lost host would."""
        if self._child is not None and self.running:
            self._child.kill()
            await self._ended(GONE)

    def wipe(self) -> None:
        """Remove its data; only while it does not run."""
        shutil.rmtree(self._data, ignore_errors=True)

    def peer(self, ports: Ports) -> str:
        """The URL for other members."""
        return f"http://{self.place.address}:{ports.peer}"

    def pause(self) -> None:
        """Hang it (SIGSTOP): connections stay open, nothing is answered from now on."""
        if self._child is not None and self.running:
            hang(self._child.pid)

    def resume(self) -> None:
        """Let it run on (SIGCONT)."""
        if self._child is not None and self.running:
            self._child.send_signal(signal.SIGCONT)

    @property
    def name(self) -> str:
        """Its name within its cluster."""
        return self._folder.name

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "etcd.log"

    async def _ended(self, patience: float) -> None:
        assert self._child is not None
        await asyncio.to_thread(self._child.wait, patience)

    async def _healthy(self) -> bool:
        assert self._ports is not None
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(self.place.address, self._ports.health)
                try:
                    writer.write(b"GET /health HTTP/1.0\r\n\r\n")
                    return b'"health":"true"' in await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    def _failure(self, what: str) -> EtcdFailed:
        log = self._log.read_text(errors="replace")
        kind = PortTaken if "address already in use" in log else EtcdFailed
        return kind(f"etcd {what}. The end of its log:\n{log[-_LOG_TAIL:]}")
