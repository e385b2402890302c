# SPDX-License-Identifier: Apache-2.0
"""Several etcd as one cluster on one machine, for tests of what happens when one of them is lost. Not for production."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from gluon.kv.process import LOOPBACK, PORT_TRIES, EtcdProcess, Place, Ports
from gluon.kv.program import PortTaken


class EtcdCluster:
    """Its members can be stopped, killed and paused one by one. Their folders are in ``folder``.

    There is a member for each of ``places``; without any, three on loopback.
    """

    def __init__(self, folder: Path, *, places: Sequence[Place] = (LOOPBACK,) * 3, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._places = tuple(places)
        self._options = tuple(options)
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
            self.members = [
                EtcdProcess(self._folder / f"{attempt}-{at}", options=self._options, place=place)
                for at, place in enumerate(self._places)
            ]
            chosen = [Ports.choose() for _ in self.members]
            peers = [(member.name, member.peer(ports)) for member, ports in zip(self.members, chosen, strict=True)]
            for member, ports in zip(self.members, chosen, strict=True):
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

    def wipe(self) -> None:
        """Remove the data of all members; only while none runs. The next start makes an empty cluster at the same addresses."""
        for member in self.members:
            member.wipe()

    async def kill(self) -> None:
        """End all members at once, as a power failure would."""
        await _all(*(member.kill() for member in self.members))


async def _all(*parts: Coroutine[object, object, None]) -> None:
    """Do these side by side, all of them to their ends; then raise the first error, a taken port before others."""
    outcomes = await asyncio.gather(*parts, return_exceptions=True)
    errors = [outcome for outcome in outcomes if outcome is not None]
    if errors:
        raise next((error for error in errors if isinstance(error, PortTaken)), errors[0])
