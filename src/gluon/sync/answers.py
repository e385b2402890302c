# SPDX-License-Identifier: Apache-2.0
"""Finds the answers of shims, and the ports' rows that end waits.

    one watch on /controller/ ────────────┐
    leader: sweep of all answers          ├─► storing ─► database, waits
    waits: their keys, after a new watch ─┘
    each second: rows of waiting ports ────────────────► waits

A server stores the answers that its own requests wait for; the leader stores all. An event that is missed costs a second, or
until the next sweep, and never correctness: what counts is what etcd holds and what the row says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Final

from gluon.errors import GluonError
from gluon.kv import paging
from gluon.kv.contract import KeyValue, Kv
from gluon.model.schema import Proton
from gluon.particle import keys
from gluon.store.contract import Reads, Record, Store
from gluon.sync.answer import Malformed, read, told, verdict
from gluon.sync.naming import Port, Ports
from gluon.sync.pace import Health, keep
from gluon.sync.storing import Storing
from gluon.sync.waits import PortWaits

_ROWS: Final = 100  # rows that are read at a time
_LOOK: Final = 1.0  # seconds between looks at the rows of waiting ports
_WATCH: Final = "watch of answers"
_SWEEP: Final = "sweep of answers"
_WAITS: Final = "rows of waiting ports"


class Answers:
    """One server's answers. ``waits`` is what the API registers its requests with."""

    def __init__(self, protons: Sequence[Proton], kv: Kv, store: Store, health: Health) -> None:
        self.waits = PortWaits()
        self.waits.contended = self._contended
        self._ports = Ports(protons)
        self._kv = kv
        self._store = store
        self._health = health
        self._storing = Storing(kv, store, self.waits, health)
        self._leading = False
        self._sweep = asyncio.Event()
        self._suspects: set[str] = set()
        self._suspected = asyncio.Event()

    @property
    def stored(self) -> int:
        """How many answers have been taken up."""
        return self._storing.stored

    async def run(self) -> None:
        """Follow and store answers until cancelled."""
        self._storing.reset()
        async with asyncio.TaskGroup() as group:
            group.create_task(keep(_WATCH, lambda: self._follow(group), self._health))
            group.create_task(keep(_SWEEP, lambda: self._collect(group), self._health))
            group.create_task(keep(_WAITS, self._look, self._health))

    async def lead(self) -> None:
        """Store everyone's answers, those that stand already first, until cancelled."""
        self._leading = True
        self._sweep.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._leading = False

    def renew(self) -> None:
        """Etcd is another than it was: look at all that it holds."""
        self._sweep.set()

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        """Watch. What came before the watch stood is read where someone waits for it, or, leading, altogether."""
        stands = False
        async with aclosing(self._kv.watch(keys.CONTROLLERS)) as watch:
            async for batch in watch:
                if not stands:
                    stands = True
                    self._health.well(_WATCH)
                    self._sweep.set()
                    for key in self.waits.awaited():
                        await self._take(group, key, None)
                for event in batch.events:
                    if event.type == "put" and (self._leading or event.kv.key in self.waits):
                        await self._take(group, event.kv.key, event.kv)

    async def _take(self, group: asyncio.TaskGroup, key: str, found: KeyValue | None) -> None:
        if (port := self._ports.at(key)) is not None:
            await self._storing.take(group, port, found)

    async def _collect(self, group: asyncio.TaskGroup) -> None:
        """While leading: go through all answers, whenever the watch, the term or etcd is new."""
        while True:
            await self._sweep.wait()
            self._sweep.clear()
            try:
                for obj in self._ports.objects if self._leading else ():
                    await self._go_through(group, f"{keys.controllers(obj.proton)}{obj.name}/")
            except GluonError:
                self._sweep.set()
                raise
            self._health.well(_SWEEP)

    async def _go_through(self, group: asyncio.TaskGroup, prefix: str) -> None:
        async for found in paging.pages(self._kv, prefix):
            await self._untold(group, found)

    async def _untold(self, group: asyncio.TaskGroup, found: Sequence[KeyValue]) -> None:
        """Have those stored that say something that the rows do not; as they then stand, for the watch may be ahead of us."""
        ports = [(port, kv) for kv in found if (port := self._ports.at(kv.key)) is not None]
        for start in range(0, len(ports), _ROWS):
            part = ports[start : start + _ROWS]
            rows = await self._rows([port for port, _ in part])
            for (port, kv), row in zip(part, rows, strict=True):
                if row is not None and not _told(row, kv):
                    await self._storing.take(group, port, None)

    async def _look(self) -> None:
        """Read the rows of waiting ports, all each second and the contended at once, and end the waits that they answer."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._suspected.wait()
            listed = list(self._suspects)
            if loop.time() >= due:
                listed, due = self.waits.awaited(), loop.time() + _LOOK
            self._suspected.clear()
            self._suspects.clear()
            waiting = self.waits.awaiting(listed)
            for start in range(0, len(waiting), _ROWS):
                part = waiting[start : start + _ROWS]
                rows = await self._rows([Port(wait.object, wait.id, wait.key) for wait in part])
                for wait, row in zip(part, rows, strict=True):
                    outcome = verdict(wait.object, wait.id, wait.binding_id, row)
                    if outcome is not None:
                        wait.end(outcome)
            self._health.well(_WAITS)

    def _contended(self, key: str) -> None:
        self._suspects.add(key)
        self._suspected.set()

    async def _rows(self, ports: Sequence[Port]) -> list[Record | None]:
        async def work(reads: Reads) -> list[Record | None]:
            return [await reads.get(port.object, port.id) for port in ports]

        return await self._store.read(work)


def _told(row: Record, kv: KeyValue) -> bool:
    try:
        answer = read(kv.value)
    except Malformed:
        return False  # taken up, so that it is logged
    return answer is None or told(row, answer)
