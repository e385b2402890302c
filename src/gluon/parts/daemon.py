# SPDX-License-Identifier: Apache-2.0
"""A server of another program with all its processes: started, ended, killed, paused. Only what it started itself is touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from gluon.errors import GluonError
from gluon.kv.program import bound_to_us, hang

_PATIENCE: Final = 60.0  # seconds to come up or to end; crash recovery and state transfers are part of coming up
_LOOK: Final = 0.03  # seconds between two looks
_TAIL: Final = 3000


class DaemonFailed(GluonError):
    """A server did not come up or did not end; the text ends with the tail of its log."""


class PortTaken(DaemonFailed):
    """Another process was faster in taking the port."""


class Daemon:
    """One program in the foreground, with the processes that it starts. ``name`` is for messages."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there; a paused one is."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, while it runs."""
        assert self._process is not None
        return self._process.pid

    def launch(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """Start the process. It ends with the thread that called this, however that ends."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._start = output.tell()
            self._process = subprocess.Popen(
                bound_to_us((shutil.which(command[0]) or command[0], *command[1:])),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
            )

    async def until(self, ready: Callable[[], Awaitable[bool]], what: str) -> None:
        """Return once ``ready`` says so; DaemonFailed (and killed) where the process ends or it takes too long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while not await ready():
            if not self.running:
                raise self.failure(f"ended while waiting for it to be {what}")
            if loop.time() > end:
                await self.kill()
                raise self.failure(f"was not {what} within {_PATIENCE:g} s")
            await asyncio.sleep(_LOOK)

    async def stop(self, number: signal.Signals) -> None:
        """Ask it to end, also where it is paused; killed, and DaemonFailed, where it does not."""
        if not self.running:
            return
        self.resume()
        os.kill(self.pid, number)
        if not await self._ended():
            await self.kill()
            raise self.failure(f"did not end within {_PATIENCE:g} s of {number.name}")

    async def kill(self) -> None:
        """SIGKILL for all its processes, as when the machine is lost; returns once none is left."""
        if not self.running:
            return
        # Stopped first, so that none can start another that would be missed.
        found = self._signal_all(signal.SIGSTOP)
        for pid in found:
            _send(pid, signal.SIGKILL)
        await self._ended()
        while any(_alive(pid) for pid in found):  # noqa: ASYNC110 the kernel tells nobody but the parent
            await asyncio.sleep(_LOOK)

    def pause(self) -> None:
        """SIGSTOP for all its processes: connections stay open, nothing is answered from now on."""
        for pid in self._signal_all(signal.SIGSTOP):
            with suppress(ProcessLookupError):
                hang(pid)

    def resume(self) -> None:
        """SIGCONT for all its processes."""
        self._signal_all(signal.SIGCONT)

    def failure(self, what: str) -> DaemonFailed:
        """The error that says ``what`` about it and shows the end of its log."""
        with self.log.open("rb") as file:
            file.seek(self._start)
            text = file.read().decode(errors="replace")
        kind = PortTaken if "Address already in use" in text or "Can't start server: Bind" in text else DaemonFailed
        return kind(f"{self.name} {what}; its log {self.log} ends with:\n{text[-_TAIL:]}")

    def _signal_all(self, number: signal.Signals) -> list[int]:
        """Signal every process, parents first, until no new one shows up; returns them."""
        seen: list[int] = []
        while self.running and (new := [pid for pid in (self.pid, *_descendants(self.pid)) if pid not in seen]):
            for pid in new:
                _send(pid, number)
            seen += new
        return seen

    async def _ended(self) -> bool:
        assert self._process is not None
        try:
            await asyncio.to_thread(self._process.wait, _PATIENCE)
        except subprocess.TimeoutExpired:
            return False
        return True


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _descendants(parent: int) -> Iterator[int]:
    """Children, their children and so on; some start sessions and groups of their own, so groups would not do."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    waiting = [parent]
    while waiting:
        found = children.get(waiting.pop(), [])
        yield from found
        waiting += found


def _alive(pid: int) -> bool:
    """Whether it is there and not only waiting for its parent to note its end."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def _stat(pid: int) -> list[str]:
    """State, parent and so on from /proc; empty where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
