# SPDX-License-Identifier: Apache-2.0
"""Which of several processes leads: the one whose lease holds a key, such as a database's relay ``/gluon/leader/<database>``.

Being elected is never proof of still being it: each write of the leader compares the *fence*, the revision at which its
leader key was created, so that one who was deposed without knowing writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final

import msgspec

from gluon.kv.contract import Compacted, Compare, Get, KeyValue, Kv, Lease, Put, Txn

#: Times to live that one who yields waits for another to be elected.
_GRACE: Final = 3


class Term:
    """One leader's time, from its election until its lease is lost, its key is gone or it resigns."""

    def __init__(self, key: str, revision: int, lease: Lease) -> None:
        self.key = key
        self._revision = revision
        self._lease = lease
        self._over = asyncio.Event()

    @property
    def fence(self) -> Compare:
        """What every transaction of the leader must compare."""
        return Compare(self.key, "create", "=", self._revision)

    @property
    def alive(self) -> bool:
        """False from the moment at which the lease may have expired."""
        return self._lease.alive and not self._over.is_set()

    def holds(self, leader: KeyValue | None) -> bool:
        """Whether the leader key, as read, is this term's."""
        return leader is not None and leader.create_revision == self._revision

    def depose(self) -> None:
        """The fence did not hold: another has been elected, or etcd has lost the key."""
        self._over.set()

    async def over(self) -> None:
        """Return once this term has ended."""
        waiting = [asyncio.create_task(self._over.wait()), asyncio.create_task(self._lease.lost())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


class Election:
    """One process's candidacy. ``well`` is called whenever etcd has told who leads; ``yields`` says whether another should rather
    lead, who then gets some time to do so."""

    def __init__(
        self,
        kv: Kv,
        key: str,
        who: str,
        ttl: float,
        well: Callable[[], None] = lambda: None,
        yields: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._kv = kv
        self._key = key
        self._value = msgspec.json.encode({"who": who})
        self._ttl = ttl
        self._well = well
        self._yields = yields

    async def run(self, lead: Callable[[Term], Awaitable[None]]) -> None:
        """Stand for election again and again; run ``lead`` while elected and cancel it when the term is over.

        Raises KvError where etcd cannot be asked. Being cancelled while leading resigns, so that another takes over at once.
        """
        while True:
            await self._vacancy()
            if self._yields is not None and await self._yields():
                await asyncio.sleep(self._ttl * _GRACE)
                if await self._kv.get(self._key) is not None:
                    continue
            async with self._candidacy() as term:
                self._well()
                if term is not None:
                    await _until_over(term, lead)

    async def _vacancy(self) -> None:
        """Return once no one seems to lead. Looks again each TTL, whatever the watch says."""
        while (leader := await self._kv.get(self._key)) is not None:
            self._well()
            try:
                async with asyncio.timeout(self._ttl):
                    await self._removal(leader.mod_revision + 1)
            except (TimeoutError, Compacted):
                continue

    async def _removal(self, start: int) -> None:
        async with aclosing(self._kv.watch(self._key, start=start)) as watch:
            async for batch in watch:
                if any(event.type == "delete" and event.kv.key == self._key for event in batch.events):
                    return

    @asynccontextmanager
    async def _candidacy(self) -> AsyncIterator[Term | None]:
        """A term, or None where another was faster. Gives up the lease at the end, and with it the leader key."""
        lease = await self._kv.lease(self._ttl)
        try:
            mine = Txn((Compare(self._key, "create", "=", 0),), (Put(self._key, self._value, lease.id),), (Get(self._key),))
            result = await self._kv.txn(mine, idempotent=True)
            if result.succeeded:
                yield Term(self._key, result.revision, lease)
            else:
                found = result.responses[0]
                # A first attempt whose outcome was not known may have elected us.
                ours = isinstance(found, KeyValue) and found.lease == lease.id
                yield Term(self._key, found.create_revision, lease) if ours and isinstance(found, KeyValue) else None
        finally:
            await lease.revoke()


async def _until_over(term: Term, lead: Callable[[Term], Awaitable[None]]) -> None:
    """Run ``lead`` until the term is over; an error of ``lead`` ends it too and is raised."""
    leading = asyncio.ensure_future(lead(term))
    over = asyncio.create_task(term.over())
    try:
        await asyncio.wait({leading, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        leading.cancel()
        await asyncio.wait({leading, over})
    if not leading.cancelled():
        leading.result()
