# SPDX-License-Identifier: Apache-2.0
"""All that a shim writes to etcd about objects, in groups, and only while its lease key stands.

    note(key, value)     reports: the newest value of a key is what is written; nobody need wait
    commit(key, value)   the same, and wait until it is written
    decide(txn)          a transaction of its own (an answer), and wait for its result

What has gathered while one group was under way is the next: one etcd transaction whose condition is the lease key's
creation, with the others nested in it. What somebody waits for goes first.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from gluon.kv.contract import Compare, Delete, Kv, KvError, KvRefused, KvUnavailable, LeaseLost, Put, Txn, TxnResult

LOG = logging.getLogger(__name__)

_MOST_OPS: Final = 100
_MOST_BYTES: Final = 1_000_000
_MANY: Final = 5_000
_RETRY: Final = 0.1


@dataclass(eq=False, slots=True)
class _Entry:
    """One operation of a group, and who waits for its result (for all but a transaction: None)."""

    op: Put | Delete | Txn
    waiter: asyncio.Future[TxnResult | None] | None = None

    def resolve(self, result: TxnResult | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(result)

    def fail(self, error: KvError) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)


class Journal:
    """The writes of one shim. It is open from ``open()`` to ``close()``; while it is closed, whoever waits gets LeaseLost."""

    def __init__(self, kv: Kv) -> None:
        self._kv = kv
        self._lease: Compare | None = None
        self._awaited: dict[object, _Entry] = {}
        self._notes: dict[object, _Entry] = {}
        self._under_way: list[_Entry] = []
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
        self._lease = Compare(lease_key, "create", "=", create_revision)
        self._closed.clear()

    def close(self) -> None:
        """Write no more. Notes are dropped: what they would have said is found out again."""
        self._lease = None
        self._closed.set()
        error = LeaseLost("the shim has lost its lease")
        for entry in [*self._awaited.values(), *self._under_way]:
            entry.fail(error)
        self._awaited.clear()
        self._notes.clear()
        self._under_way = []
        self._idle.set()

    def note(self, key: str, value: bytes | None) -> None:
        """Write this value (None: delete the key) when there is room."""
        if self._lease is None:
            return
        op = Delete(key) if value is None else Put(key, value)
        entry = self._awaited.get(key) or self._notes.setdefault(key, _Entry(op))
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
        result = await self._await(txn, txn)
        assert result is not None
        return result

    async def closed(self) -> None:
        """Return once the journal is closed: by its owner, or because the lease key is gone."""
        await self._closed.wait()

    def finish(self, grace: float) -> None:
        """Close by itself when etcd takes no writes and this many seconds are over."""
        self._deadline = asyncio.get_running_loop().time() + grace

    async def drained(self) -> None:
        """Return once all that was noted has been written, or the journal was closed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write group after group until cancelled."""
        while True:
            await self._work.wait()
            self._under_way = self._take()
            if self._under_way and self._lease is not None:
                await self._write(self._under_way, self._lease)
            self._under_way = []
            if not self._awaited and not self._notes:
                self._work.clear()
                self._idle.set()

    async def _await(self, key: object, op: Put | Txn) -> TxnResult | None:
        if self._lease is None:
            raise LeaseLost("the shim has no lease")
        waiter: asyncio.Future[TxnResult | None] = asyncio.get_running_loop().create_future()
        self._awaited[key] = _Entry(op, waiter)
        self._wake()
        return await waiter

    def _wake(self) -> None:
        self._work.set()
        self._idle.clear()

    def _take(self) -> list[_Entry]:
        """The next group, removed from what waits."""
        group: list[_Entry] = []
        size = 0
        for waiting in (self._awaited, self._notes):
            while waiting:
                key = next(iter(waiting))
                size += _size(waiting[key].op)
                if group and (len(group) == _MOST_OPS or size > _MOST_BYTES):
                    return group
                group.append(waiting.pop(key))
        return group

    async def _write(self, group: list[_Entry], lease: Compare) -> None:
        """Write a group, again and again while etcd is away and the lease may still live."""
        told = False
        while self._lease is lease:
            try:
                result = await self._kv.txn(Txn((lease,), tuple(e.op for e in group)), idempotent=True)
            except KvUnavailable as error:
                LOG.log(logging.DEBUG if told else logging.WARNING, "reports and answers wait: %s", error)
            except KvRefused as error:
                if not error.whole:
                    return await self._separate(group, lease, error)
                LOG.log(logging.DEBUG if told else logging.ERROR, "reports and answers wait: %s", error)
            else:
                return self._settle(group, result)
            told = True
            await asyncio.sleep(_RETRY)
            if asyncio.get_running_loop().time() > self._deadline:
                LOG.warning("etcd takes no writes: the last reports are not written, so their calls will be repeated")
                self.close()
        return None

    async def _separate(self, group: list[_Entry], lease: Compare, error: KvRefused) -> None:
        """One of the group is refused: find it, write the others."""
        if len(group) == 1:
            LOG.error("etcd refuses a report or an answer: %s", error)
            group[0].fail(error)
            return
        for entry in group:
            await self._write([entry], lease)

    def _settle(self, group: list[_Entry], result: TxnResult) -> None:
        if not result.succeeded:
            self.close()
            return
        for entry, response in zip(group, result.responses, strict=True):
            nested = response if isinstance(response, TxnResult) else None
            entry.resolve(nested and TxnResult(nested.succeeded, result.revision, nested.responses))


def _size(op: Put | Delete | Txn) -> int:
    match op:
        case Put():
            return len(op.key) + len(op.value)
        case Delete():
            return len(op.key)
        case Txn():
            return 200 + sum(len(o.value) for o in op.success if isinstance(o, Put))
