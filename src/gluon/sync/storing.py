# SPDX-License-Identifier: Apache-2.0
"""Stores answers: those of one port in order, those of different ports side by side, so that they share commits.

    key, value ─► queue of the key ─► which binding? ─► store_answer (… where binding_id = ?) ─► waits

What is no answer is logged and ignored; what etcd or the database cannot do now is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

import msgspec

from gluon.errors import RequestError, Unavailable
from gluon.kv.contract import KeyValue, Kv, KvError
from gluon.model.schema import BINDING_ID
from gluon.particle import keys
from gluon.store.binding import store_answer
from gluon.store.contract import Record, Store, Tx
from gluon.sync.answer import Answer, Malformed, read
from gluon.sync.naming import Port
from gluon.sync.pace import Backoff, Health
from gluon.sync.waits import PortWaits

_log = logging.getLogger(__name__)
_MOST: Final = 512  # ports whose answers are on their way into the database at a time
_PART: Final = "storing of answers"


class Storing:
    """What brings answers into the database. Its tasks live in the group that ``take`` is given."""

    def __init__(self, kv: Kv, store: Store, waits: PortWaits, health: Health) -> None:
        self.stored = 0
        self._kv = kv
        self._store = store
        self._waits = waits
        self._health = health
        self._queues: dict[str, deque[KeyValue | None]] = {}
        self._slots = asyncio.Semaphore(_MOST)

    def reset(self) -> None:
        """The group has ended, and its tasks with it."""
        self._queues.clear()

    async def take(self, group: asyncio.TaskGroup, port: Port, found: KeyValue | None) -> None:
        """Have the port's answer stored, after those that came before; None: as it then stands in etcd. Waits where many are."""
        if (queue := self._queues.get(port.key)) is not None:
            queue.append(found)
            return
        self._queues[port.key] = deque([found])
        await self._slots.acquire()
        group.create_task(self._work(port))

    async def _work(self, port: Port) -> None:
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

    async def _answered(self, port: Port, found: KeyValue) -> None:
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
            self._waits.stored(port.key, record)

    async def _binding(self, port: Port, answer: Answer, found: KeyValue) -> str | None:
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
