# SPDX-License-Identifier: Apache-2.0
"""The one way in which a leader writes to etcd: each transaction fenced, in sequence, and with the sync key in it.

    compare   leader key is of our term   and   sync key is as we left it
    then      the operations              and   sync key: where we are now
    else      read both, to say why

That the sync key must be as we left it makes the transactions a chain: one that was given up on cannot take effect after
another has, and an etcd that was wiped, restored or written to by another database is noticed before anything is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gluon.kv.contract import MAX_REQUEST_BYTES, MAX_TXN_OPS, Compare, Get, KeyValue, Kv, KvError, Op, Put, Txn, TxnResult
from gluon.kv.election import Term
from gluon.particle import keys
from gluon.sync.position import Position
from gluon.sync.registering import DEPTH

Responses = tuple[KeyValue | int | TxnResult | None, ...]

#: What the operations of one transaction may come to beside the writer's own: one is the sync key; more are left for what is
#: nested in them (etcd counts every level against the same limit).
OPS = MAX_TXN_OPS - 1 - DEPTH
BYTES = MAX_REQUEST_BYTES - 4096
_ATTEMPTS = 3


class Deposed(KvError):
    """The fence does not hold: this server leads no more. Nothing was written."""


class Disturbed(KvError):
    """The sync key is not as this writer left it: etcd was wiped or restored, an earlier transaction took effect after all,
    or someone wrote the key. Nothing was written; the start must be decided again."""


class Writer:
    """A Proton's keys in etcd, during one term. ``exclusive`` is held over reading the database and writing what was read;
    ``position`` is what was last written of the sync key."""

    def __init__(self, kv: Kv, term: Term, proton: str) -> None:
        self._kv = kv
        self._term = term
        self._key = keys.sync(proton)
        self._revision = 0
        self.position: Position | None = None
        self.exclusive = asyncio.Lock()

    async def open(self) -> KeyValue | None:
        """Read the sync key; what is written next builds on it as it is now."""
        found = await self._kv.get(self._key)
        self._revision = found.mod_revision if found else 0
        return found

    async def look(self) -> None:
        """Raise Disturbed where the sync key is not as this writer left it."""
        found = await self._kv.get(self._key)
        if (found.mod_revision if found else 0) != self._revision:
            raise Disturbed(f"{self._key} was changed by another")

    async def write(self, position: Position, ops: Sequence[Op] = ()) -> Responses:
        """Carry out ``ops`` and say where we are; what each came to. Raises Deposed, Disturbed, KvUnavailable, KvRefused.

        ``ops`` may take effect twice: an attempt whose answer was lost is repeated.
        """
        value = position.encode()
        for _ in range(_ATTEMPTS):
            if not self._term.alive:
                raise Deposed("the lease may have expired")
            txn = Txn(
                (self._term.fence, Compare(self._key, "mod", "=", self._revision)),
                (*ops, Put(self._key, value)),
                (Get(self._term.key), Get(self._key)),
            )
            result = await self._kv.txn(txn, idempotent=True)
            if result.succeeded:
                self._revision = result.revision
                self.position = position
                return result.responses[: len(ops)]
            leader, sync = result.responses
            if not isinstance(leader, KeyValue) or not self._term.holds(leader):
                self._term.depose()
                raise Deposed("another server has been elected")
            if not isinstance(sync, KeyValue) or sync.value != value or sync.mod_revision < self._revision:
                break
            # An attempt of ours took effect, this one or one given up on earlier: whichever, the next must build on it.
            self._revision = sync.mod_revision
        raise Disturbed(f"{self._key} was changed by another")
