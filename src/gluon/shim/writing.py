# SPDX-License-Identifier: Apache-2.0
"""Writes one group of operations to etcd: one transaction whose condition is the lease key's creation.

A group is written again and again while etcd is away and the lease may still live. A member that was paused may carry out a try
long after another one did, and after newer groups: so each try holds only while its keys are as old as they were when the group
was made. A key that has been deleted since is as old as one that never was: so where a try that put it was not answered, it is
looked for again. Where etcd refuses a group, the operations are written one by one, so that one that is refused costs no other.
What comes into a group is ``gluon.shim.journal``'s, which has no key in two groups at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gluon.kv.contract import Compare, Delete, Get, KeyValue, Kv, KvError, KvRefused, KvUnavailable, Put, Txn, TxnResult

LOG = logging.getLogger(__name__)

_RETRY: Final = 0.1
_MOST_READ: Final = 100


@dataclass(eq=False, slots=True)
class Entry:
    """One operation of a group, and who waits for its result (for all but a transaction: None)."""

    op: Put | Delete | Txn
    waiter: asyncio.Future[TxnResult | None] | None = None

    def resolve(self, result: TxnResult | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(result)

    def fail(self, error: KvError) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    @property
    def size(self) -> int:
        """About how many bytes it takes in a request."""
        match self.op:
            case Put(key, value):
                return len(key) + len(value)
            case Delete(key):
                return len(key)
            case Txn():
                return 200 + sum(len(o.value) for o in self.op.success if isinstance(o, Put))


@dataclass(slots=True)
class Writer:
    """Writes groups for one opening of the journal. ``wanted`` says, each time, whether a group is to be tried (again).

    ``seen``: the newest revision of etcd's that is known; what was written before this opening is older.
    """

    kv: Kv
    lease: Compare
    wanted: Callable[[], bool]
    seen: int
    #: Keys that a try put which nobody answered; and those of them that have been deleted since.
    _doubtful: set[str] = field(default_factory=set)
    _deleted: set[str] = field(default_factory=set)

    async def write(self, group: Sequence[Entry]) -> bool:
        """Write a group; False where the lease key is gone, so that nothing was written."""
        told, since = False, self.seen
        while self.wanted():
            try:
                # Not as one that may be repeated: of each try that is not answered we must know.
                result = await self.kv.txn(self._try(group, since))
            except KvUnavailable as error:
                self._doubtful.update(entry.op.key for entry in group if isinstance(entry.op, Put))
                LOG.log(logging.DEBUG if told else logging.WARNING, "reports and answers wait: %s", error)
            except KvRefused as error:
                if not error.whole:
                    return await self._separate(group, error)
                LOG.log(logging.DEBUG if told else logging.ERROR, "reports and answers wait: %s", error)
            else:
                self.seen = since = max(self.seen, result.revision)
                if result.succeeded:
                    self._remember(group)
                    _settle(group, result)
                    return True
                if not self._holds(result):
                    return False
                continue  # a try of this group that nobody answered was carried out after all, or somebody else wrote
            told = True
            await asyncio.sleep(_RETRY)
        return True

    def _remember(self, group: Sequence[Entry]) -> None:
        """What of the doubtful this group, which is written, has deleted or put."""
        for entry in group if self._doubtful else ():
            match entry.op:
                case Delete(key) if key in self._doubtful:
                    self._deleted.add(key)
                case Put(key):
                    self._deleted.discard(key)

    async def came_back(self) -> list[str]:
        """The keys that were deleted and are there again: a try was carried out late. Raises KvError."""
        keys, there = sorted(self._deleted), list[str]()
        for at in range(0, len(keys), _MOST_READ):
            part = keys[at : at + _MOST_READ]
            result = await self.kv.txn(Txn((), tuple(map(Get, part))), idempotent=True)
            there += [key for key, held in zip(part, result.responses, strict=True) if held is not None]
        return [key for key in there if key in self._deleted]

    def _try(self, group: Sequence[Entry], since: int) -> Txn:
        """The group, if nothing of it was written since that revision."""
        ops = tuple([entry.op for entry in group])
        old = [Compare(op.key, "mod", "<", since + 1) for op in ops if not isinstance(op, Txn)]
        return Txn((self.lease, *old), ops, (Get(self.lease.key),))

    def _holds(self, result: TxnResult) -> bool:
        """Whether the lease key is there, by a try whose condition did not hold."""
        (held,) = result.responses
        return isinstance(held, KeyValue) and held.create_revision == self.lease.operand

    async def _separate(self, group: Sequence[Entry], error: KvRefused) -> bool:
        """One of the group is refused: find it, write the others."""
        if len(group) == 1:
            LOG.error("etcd refuses a report or an answer: %s", error)
            group[0].fail(error)
            return True
        return all([await self.write([entry]) for entry in group])


def _settle(group: Sequence[Entry], result: TxnResult) -> None:
    """Tell who waits."""
    for entry, response in zip(group, result.responses, strict=True):
        nested = response if isinstance(response, TxnResult) else None
        entry.resolve(nested and TxnResult(nested.succeeded, result.revision, nested.responses))
