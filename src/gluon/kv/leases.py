# SPDX-License-Identifier: Apache-2.0
"""A lease in etcd, kept alive in the background and judged by the holder's own clock.

The cluster counts a lease's time from when it handles a keep-alive, the holder from before it sent it: so the holder
stops believing in it first. Once lost it stays lost, whatever a late answer says.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from gluon.kv.contract import KvError, KvUnavailable, LeaseLost
from gluon.kv.members import PAUSE, Members

_BEATS = 3
#: Seconds that giving a lease up may take; after that it expires by itself.
_REVOKE = 2.0


class EtcdLease:
    """See ``gluon.kv.contract.Lease``. Made by ``grant``."""

    def __init__(self, members: Members, lease_id: int, ttl: int, sent: float) -> None:
        self.id = lease_id
        self._members = members
        self._ttl = ttl
        self._valid_until = sent + ttl
        self._gone = asyncio.Event()
        self._beating = asyncio.create_task(self._keep_alive(), name=f"lease {lease_id:x}")

    @property
    def alive(self) -> bool:
        return not self._gone.is_set() and time.monotonic() < self._valid_until

    async def lost(self) -> None:
        await self._gone.wait()

    async def revoke(self) -> None:
        await self.abandon()
        try:
            await revoke(self._members, self.id)
        except KvError:
            return  # it has gone already, or it will expire

    async def abandon(self) -> None:
        """Stop keeping it alive, and stop believing in it; etcd lets it expire."""
        self._gone.set()
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)

    async def _keep_alive(self) -> None:
        request = self._members.codec.message("LeaseKeepAliveRequest", ID=self.id)
        due = self._valid_until - self._ttl + self._ttl / _BEATS
        while self.alive:
            await asyncio.sleep(max(min(due, self._valid_until) - time.monotonic(), 0))
            sent = time.monotonic()
            try:
                response = await self._members.call("keep_alive", request, timeout=self._valid_until - sent)
            except LeaseLost:
                break
            except KvUnavailable:
                due = time.monotonic() + PAUSE
                continue
            except KvError:
                due = time.monotonic() + self._ttl / _BEATS
                continue
            if response.TTL <= 0 or not self.alive:
                break
            self._valid_until = sent + response.TTL
            due = sent + response.TTL / _BEATS
        self._gone.set()


async def grant(members: Members, ttl: float) -> EtcdLease:
    """Ask for a lease. etcd knows whole seconds and grants no less than about two; a lost answer leaves one to expire."""
    sent = time.monotonic()
    response = await members.call("grant", members.codec.message("LeaseGrantRequest", TTL=max(1, -int(-ttl // 1))))
    return EtcdLease(members, response.ID, response.TTL, sent)


async def revoke(members: Members, lease_id: int) -> None:
    """End a lease, whoever holds it. No error where it has gone already."""
    with contextlib.suppress(LeaseLost):
        await members.call("revoke", members.codec.message("LeaseRevokeRequest", ID=lease_id), timeout=_REVOKE)
