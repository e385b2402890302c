# SPDX-License-Identifier: Apache-2.0
"""All that a shim writes to etcd about objects, in groups, and only while its lease key stands.

    note(key, value)     reports: the newest value of a key is what is written; nobody need wait
    commit(key, value)   the same, and wait until it is written
    decide(txn)          a transaction of its own (an answer), and wait for its result

    awaited ─► group ─► ┐
                        ├─► etcd: a few groups at a time, no key in two of them
    noted ───► group ─► ┘

What somebody waits for never shares a group with what nobody waits for, and never waits for it but for its own key.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from gluon.kv.contract import Compare, Delete, Kv, KvError, LeaseLost, Put, Txn, TxnResult
from gluon.shim.writing import Entry, Writer

LOG = logging.getLogger(__name__)

_MOST_OPS: Final = 100
_MOST_BYTES: Final = 1_000_000
_MANY: Final = 5_000
#: Groups under way at a time.
_AWAITED_GROUPS: Final = 2
#: Seconds that notes gather after a group of them has left, unless they fill another.
_GATHER: Final = 0.01
#: Seconds between two looks for what has come back after it was deleted.
_LOOK: Final = 5.0

_Group = dict[object, Entry]


class Journal:
    """The writes of one shim. It is open from ``open()`` to ``close()``; while it is closed, whoever waits gets LeaseLost."""

    def __init__(self, kv: Kv) -> None:
        self._kv = kv
        self._writer: Writer | None = None
        self._awaited: _Group = {}
        self._notes: _Group = {}
        self._under_way: dict[object, Entry] = {}
        self._awaited_groups = 0
        self._note_groups = 0
        self._gathered = 0.0
        self._gathering: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = asyncio.Event()
        self._deadline = float("inf")

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be begun that is not urgent."""
        return len(self._notes) > _MANY

    def open(self, lease_key: str, create_revision: int) -> None:
        """Write from now on, as long as the lease key is the one created at this revision."""
        writer = Writer(
            self._kv, Compare(lease_key, "create", "=", create_revision), lambda: self._wanted(writer), create_revision
        )
        self._writer = writer
        self._awaited_groups = self._note_groups = 0
        self._closed.clear()

    def close(self) -> None:
        """Write no more. Notes are dropped: what they would have said is found out again."""
        self._writer = None
        self._closed.set()
        error = LeaseLost("the shim has lost its lease")
        for entry in [*self._awaited.values(), *self._under_way.values()]:
            entry.fail(error)
        for held in (self._awaited, self._notes, self._under_way):
            held.clear()
        self._idle.set()

    def note(self, key: str, value: bytes | None) -> None:
        """Write this value (None: delete the key) when there is room."""
        if self._writer is None:
            return
        op = Delete(key) if value is None else Put(key, value)
        entry = self._awaited.get(key) or self._notes.setdefault(key, Entry(op))
        entry.op = op
        self._wake()

    async def commit(self, key: str, value: bytes) -> None:
        """Write this value, or a newer one noted meanwhile, and return once it is. Raises LeaseLost and KvRefused."""
        self._notes.pop(key, None)
        await self._await(key, Put(key, value))

    async def decide(self, txn: Txn) -> TxnResult:
        """The transaction's result. It may be repeated, so its outcome must show in what its failure branch reads.

        The result's ``revision`` is the group's. Raises LeaseLost and KvRefused.
        """
        result = await self._await(object(), txn)
        assert result is not None
        return result

    async def closed(self) -> None:
        """Return once the journal is closed: by its owner, or because the lease key is gone."""
        await self._closed.wait()

    def finish(self, grace: float) -> None:
        """Close by itself when etcd takes no writes and this many seconds are over."""
        self._deadline = asyncio.get_running_loop().time() + grace
        self._work.set()

    async def drained(self) -> None:
        """Return once all that was noted has been written, or the journal was closed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write group after group until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_for_what_came_back())
            while True:
                await self._work.wait()
                self._work.clear()
                writer = self._writer
                while writer is not None and self._awaited_groups < _AWAITED_GROUPS and (group := self._take(self._awaited)):
                    self._awaited_groups += 1
                    tasks.create_task(self._write(writer, group, awaited=True))
                if writer is not None and self._notes_may_leave() and (group := self._take(self._notes)):
                    self._note_groups += 1
                    tasks.create_task(self._write(writer, group, awaited=False))

    async def _look_for_what_came_back(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            writer = self._writer
            if writer is None:
                continue
            try:
                found = await writer.came_back()
            except KvError:
                continue  # whoever writes says so
            for key in found if self._writer is writer else ():
                if not any(key in held for held in (self._awaited, self._notes, self._under_way)):
                    LOG.info("%s has come back: etcd carried a write out late; it is deleted again", key)
                    self.note(key, None)

    async def _write(self, writer: Writer, group: _Group, *, awaited: bool) -> None:
        held = await writer.write(list(group.values()))
        if self._writer is not writer:
            return
        if not held:
            self.close()
            return
        for key in group:
            del self._under_way[key]
        if awaited:
            self._awaited_groups -= 1
        else:
            self._note_groups -= 1
        self._work.set()
        if not self._awaited and not self._notes and not self._under_way:
            self._idle.set()

    def _wanted(self, writer: Writer) -> bool:
        """Whether what this opening has under way is still to be written."""
        if self._writer is writer and asyncio.get_running_loop().time() > self._deadline:
            LOG.warning("etcd takes no writes: the last reports are not written, so their calls will be repeated")
            self.close()
        return self._writer is writer

    async def _await(self, key: object, op: Put | Txn) -> TxnResult | None:
        if self._writer is None:
            raise LeaseLost("the shim has no lease")
        waiter: asyncio.Future[TxnResult | None] = asyncio.get_running_loop().create_future()
        self._awaited[key] = Entry(op, waiter)
        self._wake()
        return await waiter

    def _wake(self) -> None:
        self._work.set()
        self._idle.clear()

    def _notes_may_leave(self) -> bool:
        """Whether a group of notes may be sent: they make a full one, or have gathered for long enough."""
        loop = asyncio.get_running_loop()
        if self._note_groups or not self._notes:
            return False
        if len(self._notes) < _MOST_OPS and self._deadline == float("inf") and loop.time() < self._gathered:
            if self._gathering is None:
                self._gathering = loop.call_at(self._gathered, self._gathered_enough)
            return False
        self._gathered = loop.time() + _GATHER
        return True

    def _gathered_enough(self) -> None:
        self._gathering = None
        self._gathered = 0.0
        self._work.set()

    def _take(self, waiting: _Group) -> _Group:
        """The next group, moved from what waits to what is under way."""
        group: _Group = {}
        size = 0
        for key, entry in waiting.items():
            if key in self._under_way:
                continue
            size += entry.size
            if group and (len(group) == _MOST_OPS or size > _MOST_BYTES):
                break
            group[key] = entry
        for key in group:
            del waiting[key]
        self._under_way.update(group)
        return group
