# SPDX-License-Identifier: Apache-2.0
"""Says in etcd that a shim is alive: ``/gluon/shim/<proton>/<controller>``, under a lease. One shim of a name works at a time.

A second one of the same name stands by, under a key of its own, until the key of the first is gone. Where the first was a process
of this machine that has certainly ended, or was this shim itself before it lost etcd for a while, its lease is revoked: what may
have been sent under it and etcd has not yet handled can then take no effect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gluon.kv.contract import Compare, Delete, Get, KeyValue, Kv, KvError, KvRefused, KvUnavailable, Lease, LeaseLost, Put, Txn
from gluon.shim import process

LOG = logging.getLogger(__name__)
_RETRY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Presence:
    """The right to work: a key that was created at ``revision`` and lives as long as the lease."""

    key: str
    revision: int
    lease: Lease

    async def tell(self, kv: Kv, value: bytes) -> None:
        """Write another card, if the key is still this one. Raises KvError."""
        await kv.txn(
            Txn((Compare(self.key, "create", "=", self.revision),), (Put(self.key, value, self.lease.id),)), idempotent=True
        )


class _Card(msgspec.Struct, frozen=True):
    """What of another shim's card matters here."""

    process: str = ""


def card(hosts: Sequence[str], backend: str) -> Mapping[str, Any]:
    """What others read about this shim."""
    value = {"hosts": list(hosts), "backend": backend, "host": socket.gethostname(), "pid": os.getpid()}
    value["process"] = process.identity()
    return {**value, "since": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")}


async def appear(kv: Kv, key: str, value: bytes, ttl: float, *, before: int = 0) -> Presence:
    """Wait until this shim may work, however long etcd is away or another shim of the name works.

    ``before``: the lease under which this shim worked last. Where etcd still has it, as after etcd was away, this shim does not
    wait for itself: should etcd be wiped then, it alone knows what the backend was told.
    """
    lease: Lease | None = None
    told = ""
    vanished = False  # another shim had the name, and nobody saw it being given up: etcd was wiped, or we were not looking
    try:
        while True:
            try:
                if vanished and await kv.get(key) is None:
                    # Where etcd was wiped only the other one still knows what its backend was told: it goes first.
                    await asyncio.sleep(ttl)
                vanished = False
                if lease is None or not lease.alive:
                    lease = await kv.lease(ttl)
                holder = await _take(kv, key, value, lease)
                if holder.lease == lease.id:
                    return Presence(key, holder.create_revision, lease)
                ours = holder.lease == before != 0
                vanished = not ours
                if ours or (holder.lease and process.ended(_process(holder.value))):
                    if not ours:
                        told = _tell(told, "takeover", f"the shim that held {key} has ended without giving it up; taking over")
                    with contextlib.suppress(KvRefused):
                        await kv.revoke(holder.lease)
                        vanished = False
                        continue
                told = _tell(told, "standby", f"another shim has the name at {key}; standing by")
                vanished = not await _given_up(kv, holder, lease)
            except LeaseLost:
                lease = None  # etcd has it no more (this process was stopped for long, or etcd was wiped): take another
            except (KvUnavailable, KvRefused) as error:
                told = _tell(told, "away", f"waiting for {key}: {error}")
                await asyncio.sleep(_RETRY)
    except asyncio.CancelledError:
        if lease is not None:
            await lease.revoke()
        raise


async def _take(kv: Kv, key: str, value: bytes, lease: Lease) -> KeyValue:
    """Create the key where it is not there, else say that this shim stands by; who holds it then."""
    standby = f"{key}/{lease.id:x}"
    waits = Txn((Compare(key, "lease", "!=", lease.id),), (Put(standby, value, lease.id),))
    take = Txn((Compare(key, "create", "=", 0),), (Put(key, value, lease.id), Delete(standby)), (Get(key), waits))
    result = await kv.txn(take, idempotent=True)
    if result.succeeded:
        return KeyValue(key, value, result.revision, result.revision, 1, lease.id)
    holder = result.responses[0]
    assert isinstance(holder, KeyValue)
    return holder


async def _given_up(kv: Kv, holder: KeyValue, lease: Lease) -> bool:
    """Return once the holder's key may have been deleted, or one's own lease is lost, and with it the word that one stands by;
    whether its deletion was seen."""
    gone, lost = asyncio.create_task(_gone(kv, holder)), asyncio.create_task(lease.lost())
    try:
        await asyncio.wait((gone, lost), return_when=asyncio.FIRST_COMPLETED)
        return gone.done() and gone.result()
    finally:
        gone.cancel()
        lost.cancel()
        await asyncio.gather(gone, lost, return_exceptions=True)


async def _gone(kv: Kv, holder: KeyValue) -> bool:
    """True once the holder's key has been deleted, False where it can be followed no more."""
    async with contextlib.aclosing(kv.watch(holder.key, start=holder.mod_revision + 1)) as batches:
        with contextlib.suppress(KvError):
            async for batch in batches:
                if any(e.type == "delete" and e.kv.key == holder.key for e in batch.events):
                    return True
    return False


def _process(value: bytes) -> str:
    """Which process wrote this; empty where it does not say."""
    try:
        return msgspec.json.decode(value, type=_Card).process
    except (msgspec.ValidationError, msgspec.DecodeError):
        return ""


def _tell(before: str, state: str, text: str) -> str:
    """Log what is being waited for, once; the state that was told."""
    if state != before:
        LOG.warning("%s", text)
    return state
