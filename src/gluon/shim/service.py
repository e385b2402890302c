# SPDX-License-Identifier: Apache-2.0
"""A shim: one backend for one Proton, joined to etcd.

appear (lease) ─► load and follow ─► calls and answers ─► until the lease is lost ─► appear again
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from gluon import settings
from gluon.kv.contract import Kv, KvError
from gluon.kv.together import together
from gluon.model.schema import Proton
from gluon.particle import keys
from gluon.shim import presence
from gluon.shim.binding import Binder
from gluon.shim.calling import Calls
from gluon.shim.following import Following
from gluon.shim.journal import Journal
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Placement
from gluon.shim.presence import Presence
from gluon.shim.reconciling import Pace, Reconciler
from gluon.shim.stepping import Hands

LOG = logging.getLogger(__name__)

_LAST_WRITES: Final = 5.0
#: How often within a lease's time the card may be written.
_BEATS: Final = 3


class Shim:
    """Runs until cancelled; then it ends cleanly: calls under way finish, what they did is reported, the lease is given up.

    ``model`` makes the copy: ``Mirror``, or a vendor's subclass of it.
    """

    def __init__(
        self,
        settings: settings.Shim,
        proton: Proton,
        backend: object,
        kv: Kv,
        *,
        model: Callable[[Proton], Mirror] = Mirror,
        pace: Pace | None = None,
    ) -> None:
        self._kv = kv
        self._ttl = settings.lease_ttl
        self._name = settings.name or socket.gethostname()
        self._key = keys.shim(proton.name, self._name)
        self._card = presence.card(settings.host_list, f"{type(backend).__module__}:{type(backend).__qualname__}")
        self._presence: Presence | None = None
        self._pace = pace or Pace()
        self._journal = Journal(kv)
        self.model = model(proton)
        self._calls = Calls(backend, self.model)
        self._binder = Binder(kv, self._journal, self.model, self._name)
        hands = Hands(self._calls, self._journal, self._binder, self._name, settings.binds)
        placement = Placement(frozenset(settings.host_list), frozenset(settings.tenants))
        self._reconciler = Reconciler(self.model, placement, hands, self._pace, self._alive)
        self._following = Following(kv, self.model, self._binder, self._reconciler, self._name)

    @property
    def busy(self) -> bool:
        """Whether there is something to do now; what waits for another object or a later time does not count."""
        return self._reconciler.queue.busy

    @property
    def working(self) -> bool:
        """Whether it has its lease, its copy and its memory, so that it calls its backend."""
        return self._reconciler.open

    async def run(self) -> None:
        """Work until cancelled, through every loss of etcd and of the lease."""
        writing = asyncio.create_task(self._journal.run())
        last = 0
        try:
            while True:
                card = msgspec.json.encode(self._card)
                self._presence = await presence.appear(self._kv, self._key, card, self._ttl, before=last)
                last = self._presence.lease.id
                LOG.info("%s works at revision %d", self._key, self._presence.revision)
                self._journal.open(self._key, self._presence.revision)
                await self._work(self._presence, writing)
                LOG.warning("%s has lost its lease: no call begins before it has one again", self._key)
        finally:
            await self._stop()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    def _alive(self) -> bool:
        return self._presence is not None and self._presence.lease.alive

    async def _work(self, held: Presence, writing: asyncio.Task[None]) -> None:
        """Follow and call for as long as the lease lives."""
        parts = (self._following.run(), held.lease.lost(), self._journal.closed(), self._tell(held))
        await together(*parts, _ended(writing))
        self._presence = None
        self._journal.close()
        await held.lease.revoke()

    async def _tell(self, held: Presence) -> None:
        """Write on the card how far this shim is, where that has changed, and no oftener than the lease is kept alive."""
        told: Mapping[str, Any] = self._card
        while True:
            await asyncio.sleep(self._ttl / _BEATS)
            position = self._following.position
            seen = {"epoch": position.epoch, "batch": position.batch} if position else {}
            now = {**self._card, **seen, "left": self._reconciler.queue.left}
            if now != told and self.working:
                with contextlib.suppress(KvError):  # the lease will tell; this is only for those who look
                    await held.tell(self._kv, msgspec.json.encode(now))
                    told = now

    async def _stop(self) -> None:
        self._journal.finish(min(_LAST_WRITES, self._pace.patience))
        await self._reconciler.stop()
        await self._journal.drained()
        self._journal.close()
        self._calls.close()
        if self._presence is not None:
            await self._presence.lease.revoke()


async def _ended(task: asyncio.Task[None]) -> None:
    """Return or raise as the task does, which goes on where nobody waits any more."""
    await asyncio.shield(task)
