# SPDX-License-Identifier: Apache-2.0
"""Brings what shims answer into the database, and to the requests that wait for it.

    one watch on /controller/ ─┐
    leader: sweep of answers   ├─► queue per key ─► store_answer (… where binding_id = ?) ─► waits
    waits, after a new watch  ─┘
    each second: rows of waiting ports ─────────────────────────────────────────────────────► waits

A server stores the answers that its own requests wait for; the leader stores all. An event that is missed costs a second, or
until the next leader, and never correctness: what counts is what etcd holds and what the row says.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gluon.errors import RequestError, Unavailable
from gluon.kv.contract import KeyValue, Kv, KvError, Page
from gluon.model.schema import BINDING_ID, Object, Proton
from gluon.particle import keys
from gluon.store.binding import store_answer
from gluon.store.contract import Reads, Record, Store, Tx
from gluon.sync.answer import Answer, Malformed, read, told, verdict
from gluon.sync.naming import identifier
from gluon.sync.pace import Backoff, Health, keep
from gluon.sync.waits import PortWaits

_log = logging.getLogger(__name__)
_STORING: Final = 512  # answers on their way into the database at a time
_ROWS: Final = 100  # rows that are read at a time
_PAGE: Final = 1000
_LOOK: Final = 1.0  # seconds between looks at the rows of waiting ports
_PART: Final = "answers"


@dataclass(frozen=True, slots=True)
class _Port:
    """Whose answer stands at a key."""

    object: Object
    id: Any
    key: str


class Answers:
    """One server's answers. ``waits`` is what the API registers its requests with."""

    def __init__(self, protons: Sequence[Proton], kv: Kv, store: Store, health: Health) -> None:
        self.waits = PortWaits()
        self.waits.contended = self._contended
        self.stored = 0
        self._ports: Mapping[tuple[str, str], Object] = {(p.name, p.port.name): p.port for p in protons if p.port is not None}
        self._kv = kv
        self._store = store
        self._health = health
        self._leading = False
        self._sweep = asyncio.Event()
        self._suspects: set[str] = set()
        self._suspected = asyncio.Event()
        self._queues: dict[str, deque[KeyValue | None]] = {}
        self._slots = asyncio.Semaphore(_STORING)

    async def run(self) -> None:
        """Follow and store answers until cancelled."""
        self._queues.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(keep(_PART, lambda: self._follow(group), self._health))
            group.create_task(keep(_PART, lambda: self._collect(group), self._health))
            group.create_task(keep("waits", self._look, self._health))

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
                    self._health.well(_PART)
                    self._sweep.set()
                    for key in self.waits.awaited():
                        await self._take(group, key, None)
                for event in batch.events:
                    if event.type == "put" and (self._leading or event.kv.key in self.waits):
                        await self._take(group, event.kv.key, event.kv)

    async def _take(self, group: asyncio.TaskGroup, key: str, found: KeyValue | None) -> None:
        """Have the key's answer stored, after those of it that came before; None: as it then stands. Waits where many are."""
        if (queue := self._queues.get(key)) is not None:
            queue.append(found)
        elif (port := self._port(key)) is not None:
            self._queues[key] = deque([found])
            await self._slots.acquire()
            group.create_task(self._work(port))

    def _port(self, key: str) -> _Port | None:
        parts = keys.parse_controller(key)
        if parts is None or parts.controller or (obj := self._ports.get((parts.proton, parts.object))) is None:
            return None
        id = identifier(obj, parts.id)
        return None if id is None else _Port(obj, id, key)

    async def _work(self, port: _Port) -> None:
        queue = self._queues[port.key]
        backoff = Backoff()
        try:
            while queue:
                try:
                    found = queue[0] or await self._kv.get(port.key)
                    if found is not None:
                        await self._answered(port, found)
                except (KvError, Unavailable) as error:
                    self._health.failed(_PART, error)
                    await backoff.pause()
                else:
                    queue.popleft()
            self._health.well(_PART)
        finally:
            del self._queues[port.key]
            self._slots.release()

    async def _answered(self, port: _Port, found: KeyValue) -> None:
        try:
            answer = read(found.value)
        except Malformed as error:
            _log.warning("%s is no answer and is ignored: %s", port.key, error)
            return
        binding_id = await self._binding(port, answer, found) if answer else None
        if answer is None or binding_id is None:
            return

        async def work(tx: Tx) -> Record | None:
            return await store_answer(tx, port.object, port.id, answer, binding_id=binding_id)

        try:
            record = await self._store.write(work)
        except Unavailable:
            raise
        except RequestError as error:
            _log.warning("%s cannot be stored and is ignored: %s", port.key, error)
            return
        if record is not None:
            self.stored += 1
            self.waits.stored(port.key, record)

    async def _binding(self, port: _Port, answer: Answer, found: KeyValue) -> str | None:
        """Which binding is answered: the one that it names or, written after the port's registration took it, the registered one.

        The store makes sure that the port still has it.
        """
        if named := answer.get(BINDING_ID):
            return str(named)
        registration = await self._kv.get(keys.port(str(port.id)))
        if registration is None or registration.mod_revision >= found.mod_revision:
            return None
        try:
            said = msgspec.json.decode(registration.value)
        except msgspec.DecodeError:
            return None
        binding_id = said.get(BINDING_ID) if isinstance(said, dict) else None
        return binding_id if isinstance(binding_id, str) else None

    async def _collect(self, group: asyncio.TaskGroup) -> None:
        """While leading: go through all answers, whenever the watch or the term is new."""
        while True:
            await self._sweep.wait()
            self._sweep.clear()
            for obj in self._ports.values() if self._leading else ():
                page: Page | None = None
                while page is None or page.more:
                    after = page.items[-1].key if page else None
                    page = await self._kv.page(f"{keys.controllers(obj.proton)}{obj.name}/", after=after, limit=_PAGE)
                    await self._untold(group, page.items)

    async def _untold(self, group: asyncio.TaskGroup, found: Sequence[KeyValue]) -> None:
        """Have those stored that say something that the rows do not."""
        ports = [(port, kv) for kv in found if (port := self._port(kv.key)) is not None]
        for start in range(0, len(ports), _ROWS):
            part = ports[start : start + _ROWS]
            rows = await self._rows([port for port, _ in part])
            for (port, kv), row in zip(part, rows, strict=True):
                if row is not None and not _told(row, kv):
                    await self._take(group, port.key, None)

    async def _look(self) -> None:
        """Read the rows of waiting ports, all each second and the contended at once, and end the waits that they answer."""
        while True:
            try:
                async with asyncio.timeout(_LOOK):
                    await self._suspected.wait()
                listed = list(self._suspects)
            except TimeoutError:
                listed = self.waits.awaited()
            self._suspected.clear()
            self._suspects.clear()
            waiting = self.waits.awaiting(listed)
            for start in range(0, len(waiting), _ROWS):
                part = waiting[start : start + _ROWS]
                rows = await self._rows([_Port(wait.object, wait.id, wait.key) for wait in part])
                for wait, row in zip(part, rows, strict=True):
                    outcome = verdict(wait.binding_id, row)
                    if outcome is not None:
                        wait.end(outcome)
            self._health.well("waits")

    def _contended(self, key: str) -> None:
        self._suspects.add(key)
        self._suspected.set()

    async def _rows(self, ports: Sequence[_Port]) -> list[Record | None]:
        async def work(reads: Reads) -> list[Record | None]:
            return [await reads.get(port.object, port.id) for port in ports]

        return await self._store.read(work)


def _told(row: Record, kv: KeyValue) -> bool:
    try:
        answer = read(kv.value)
    except Malformed:
        return False  # taken up, so that it is logged
    return answer is None or told(row, answer)
