# SPDX-License-Identifier: Apache-2.0
"""Several etcd as one cluster on loopback, for tests of what happens when one of them is lost. Not for production."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Self

from gluon.kv.process import PORT_TRIES, EtcdProcess, Ports
from gluon.kv.program import PortTaken


class EtcdCluster:
    """Its members can be stopped, killed and paused one by one. Their folders are in ``folder``."""

    def __init__(self, folder: Path, *, size: int = 3) -> None:
        self._folder = folder
        self._size = size
        self.members: list[EtcdProcess] = []

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs of all members."""
        return tuple(member.endpoint for member in self.members)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.kill()

    async def start(self) -> None:
        """The first time a new cluster; later the same members with their data. Returns once all of them serve."""
        if self.members:
            await _all(*(member.start() for member in self.members))
            return
        for attempt in range(PORT_TRIES):
            self.members = [EtcdProcess(self._folder / f"{attempt}-{at}") for at in range(self._size)]
            peers = [(member.name, Ports.guess()) for member in self.members]
            for member, (_, ports) in zip(self.members, peers, strict=True):
                member.launch(ports, peers)
            try:
                await _all(*(member.until_serving() for member in self.members))
                return
            except PortTaken:
                await _all(*(member.kill() for member in self.members))
        raise PortTaken(f"etcd found its ports taken {PORT_TRIES} times")

    async def stop(self) -> None:
        """End all members in an orderly way."""
        await _all(*(member.stop() for member in self.members))

    async def kill(self) -> None:
        """End all members at once, as a power failure would."""
        await _all(*(member.kill() for member in self.members))


async def _all(*parts: Coroutine[object, object, None]) -> None:
    """Do these side by side, all of them to their ends; then raise the first error, a taken port before others."""
    outcomes = await asyncio.gather(*parts, return_exceptions=True)
    errors = [outcome for outcome in outcomes if outcome is not None]
    if errors:
        raise next((error for error in errors if isinstance(error, PortTaken)), errors[0])
