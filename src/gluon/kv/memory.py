# SPDX-License-Identifier: Apache-2.0
"""The in-memory twin of etcd, for tests of what stands on ``gluon.kv.contract``, with switches for faults.

It keeps the promises of the contract and refuses what etcd refuses; it must not be kinder than a cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from gluon.kv import limits
from gluon.kv.contract import Compacted, Delete, Get, KeyValue, KvUnavailable, Page, Put, Txn, TxnResult, WatchBatch
from gluon.kv.ledger import Ledger

_BEATS = 3


class MemoryKv:
    """One connection to a cluster in memory. ``beside()`` is another one to the same cluster.

    Faults: ``unavailable = True`` cuts this connection off: calls fail, watches stall, leases run out.
    ``unanswered = n``: the next n writes take effect but raise KvUnavailable.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger or Ledger()
        self._unavailable = False
        self._closed = False
        self._leases: set[MemoryLease] = set()
        self.unanswered = 0

    def beside(self) -> MemoryKv:
        """Another client of the same cluster, with faults of its own."""
        return MemoryKv(self._ledger)

    @property
    def unavailable(self) -> bool:
        return self._unavailable

    @unavailable.setter
    def unavailable(self, value: bool) -> None:
        self._unavailable = value
        self._ledger.notify()

    def compact(self, revision: int) -> None:
        """Forget the history before the revision, as etcd's auto-compaction does."""
        self._ledger.compact(revision)

    def wipe(self) -> None:
        """A new, empty cluster takes the place of this one, as when its data were lost. Watches raise Compacted."""
        self._ledger.wipe()

    def reachable(self) -> bool:
        """Whether a call would be answered now."""
        return not (self._unavailable or self._closed)

    async def get(self, key: str) -> KeyValue | None:
        await self._arrive()
        limits.check(Get(key))
        return self._ledger.get(key)

    async def page(self, prefix: str, *, after: str | None = None, limit: int = 1000, revision: int = 0) -> Page:
        await self._arrive()
        return self._ledger.page(prefix, after, limit, revision)

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        return (await self.txn(Txn((), (Put(key, value, lease),)))).revision

    async def delete(self, key: str, *, prefix: bool = False) -> int:
        count = (await self.txn(Txn((), (Delete(key, prefix),)))).responses[0]
        assert isinstance(count, int)
        return count

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult:
        await self._arrive()
        result = self._ledger.txn(txn)
        self._answer()
        return result

    async def revision(self) -> int:
        await self._arrive()
        return self._ledger.revision

    async def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        changed = asyncio.Event()
        self._ledger.listeners.add(changed.set)
        try:
            await self._reach(changed)
            incarnation = self._ledger.incarnation
            seen = start - 1 if start else self._ledger.revision
            if seen > self._ledger.revision:
                raise Compacted(self._ledger.compacted)
            yield WatchBatch((), seen)
            while True:
                await self._reach(changed)
                if self._ledger.incarnation != incarnation:
                    raise Compacted(self._ledger.compacted)
                known = self._ledger.revision
                for revision, events in self._ledger.events(prefix, seen + 1):
                    await self._reach(changed)
                    seen = revision
                    yield WatchBatch(events, revision)
                seen = max(seen, known)  # so that compaction of what others did does not end an idle watch
                if self._ledger.revision == seen and self._ledger.incarnation == incarnation:
                    changed.clear()
                    await changed.wait()
        finally:
            self._ledger.listeners.discard(changed.set)

    async def lease(self, ttl: float) -> MemoryLease:
        await self._arrive()
        self._answer()
        lease = MemoryLease(self, self._ledger, ttl)
        self._leases = {known for known in self._leases if known.alive} | {lease}
        return lease

    async def revoke(self, lease: int) -> None:
        await self._arrive()
        self._ledger.end_lease(lease)
        self._answer()

    async def close(self) -> None:
        self._closed = True
        for lease in self._leases:
            lease.abandon()
        self._ledger.notify()

    async def _arrive(self) -> None:
        """The way to the cluster: others run meanwhile, and it may be cut."""
        await asyncio.sleep(0)
        if not self.reachable():
            raise KvUnavailable("etcd cannot be reached: this connection is " + ("closed" if self._closed else "cut off"))

    async def _reach(self, changed: asyncio.Event) -> None:
        while self._unavailable and not self._closed:
            changed.clear()
            await changed.wait()
        if self._closed:
            raise KvUnavailable("the connection to etcd has been closed")

    def _answer(self) -> None:
        if self.unanswered:
            self.unanswered -= 1
            raise KvUnavailable("etcd did not answer; whether the write took effect is not known")


class MemoryLease:
    """A lease by the loop's clock. Both sides are here: the cluster's (``_expiry``) and the holder's (``_valid_until``)."""

    def __init__(self, kv: MemoryKv, ledger: Ledger, ttl: float) -> None:
        self.id = ledger.grant()
        self._kv = kv
        self._ledger = ledger
        self._ttl = ttl
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._valid_until = self._loop.time() + ttl
        self._expiry = self._loop.call_later(ttl, self._expire)
        self._beat = self._loop.call_later(ttl / _BEATS, self._keep_alive)

    @property
    def alive(self) -> bool:
        return not self._gone.is_set() and self._loop.time() < self._valid_until

    async def lost(self) -> None:
        await self._gone.wait()

    async def revoke(self) -> None:
        self.abandon()
        if self._kv.reachable():
            self._expiry.cancel()
            self._ledger.end_lease(self.id)

    def abandon(self) -> None:
        """Stop keeping it alive, and stop believing in it; the cluster lets it expire."""
        self._gone.set()
        self._beat.cancel()

    def _keep_alive(self) -> None:
        if self._kv.reachable():
            if not self._ledger.has_lease(self.id):
                self._expire()
                return
            self._expiry.cancel()
            self._valid_until = self._loop.time() + self._ttl
            self._expiry = self._loop.call_later(self._ttl, self._expire)
        self._beat = self._loop.call_later(self._ttl / _BEATS, self._keep_alive)

    def _expire(self) -> None:
        self.abandon()
        self._ledger.end_lease(self.id)
