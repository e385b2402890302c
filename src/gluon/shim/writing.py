# SPDX-License-Identifier: Apache-2.0
"""Writes one group of operations to etcd: one transaction whose condition is the lease key's creation.

A group is written again and again while etcd is away and the lease may still live. Where etcd refuses it, the operations are
written one by one, so that one that is refused costs no other. What comes into a group is ``gluon.shim.journal``'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gluon.kv.contract import Compare, Delete, Kv, KvError, KvRefused, KvUnavailable, Put, Txn, TxnResult

LOG = logging.getLogger(__name__)

_RETRY: Final = 0.1


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


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes groups for one opening of the journal. ``wanted`` says, each time, whether a group is to be tried (again)."""

    kv: Kv
    lease: Compare
    wanted: Callable[[], bool]

    async def write(self, group: Sequence[Entry]) -> bool:
        """Write a group; False where the lease key is gone, so that nothing was written."""
        told = False
        while self.wanted():
            try:
                result = await self.kv.txn(Txn((self.lease,), tuple([e.op for e in group])), idempotent=True)
            except KvUnavailable as error:
                LOG.log(logging.DEBUG if told else logging.WARNING, "reports and answers wait: %s", error)
            except KvRefused as error:
                if not error.whole:
                    return await self._separate(group, error)
                LOG.log(logging.DEBUG if told else logging.ERROR, "reports and answers wait: %s", error)
            else:
                return _settle(group, result)
            told = True
            await asyncio.sleep(_RETRY)
        return True

    async def _separate(self, group: Sequence[Entry], error: KvRefused) -> bool:
        """One of the group is refused: find it, write the others."""
        if len(group) == 1:
            LOG.error("etcd refuses a report or an answer: %s", error)
            group[0].fail(error)
            return True
        return all([await self.write([entry]) for entry in group])


def _settle(group: Sequence[Entry], result: TxnResult) -> bool:
    """Tell who waits; False where the condition did not hold."""
    if not result.succeeded:
        return False
    for entry, response in zip(group, result.responses, strict=True):
        nested = response if isinstance(response, TxnResult) else None
        entry.resolve(nested and TxnResult(nested.succeeded, result.revision, nested.responses))
    return True
