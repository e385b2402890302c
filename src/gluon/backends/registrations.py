# SPDX-License-Identifier: Apache-2.0
"""Which ports are Gluon's: ``/gluon/port`` in memory, followed through every loss of etcd.

    pages at revision r  ─► the table ─► watch from r+1 ─► the table …     find(id) is a look-up in a dictionary

A port that was once seen goes only where the relay says that etcd is complete: an etcd that was wiped, or restored from a
backup, is filled again, and until then what it does not hold is not known to be gone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType
from typing import Final

import msgspec

from gluon.kv import paging
from gluon.kv.contract import Compacted, Event, KeyValue, Kv, KvError
from gluon.kv.together import together
from gluon.particle import keys

LOG = logging.getLogger(__name__)

_RETRY: Final = 0.5
#: Seconds without a sign from etcd that are no trouble yet: one that is idle is asked for one every 2 s.
_SILENCE: Final = 5.0


class Registration(msgspec.Struct, frozen=True, gc=False):
    """What a Proton has said of its port. ``binding_id``: of the bind request that stands."""

    service: str
    tenant_id: str = ""
    url: str = ""
    binding_id: str | None = None


class _Sync(msgspec.Struct, frozen=True):
    """What the relay says of a Proton's keys. Where it cannot be read, they are not complete."""

    epoch: str = ""
    state: str = ""


_REGISTRATION: Final = msgspec.json.Decoder(Registration)
_SYNC: Final = msgspec.json.Decoder(_Sync)
_COMPLETE: Final = "complete"

#: Told of each port that came, changed or went: its id, and what was and is registered.
Changed = Callable[[str, Registration | None, Registration | None], None]


class _LoadAgain(Exception):
    """The table must be loaded anew."""


class Registrations:
    """The table. Read it from any thread; ``run`` belongs to one event loop."""

    def __init__(self, kv: Kv, changed: Changed = lambda id, before, now: None) -> None:
        self._kv = kv
        self._changed = changed
        self._ports: dict[str, Registration] = {}
        self._syncs: dict[str, _Sync] = {}
        self._spoken: set[str] = set()
        self._withheld: set[str] = set()
        self._heard = time.monotonic()
        #: Of each port, whoever registered it.
        self.ports: Mapping[str, Registration] = MappingProxyType(self._ports)
        self._loaded = asyncio.Event()
        self._trouble = ""

    @property
    def loaded(self) -> bool:
        """Whether the table has been loaded, so that a port which is not in it is not Gluon's."""
        return self._loaded.is_set()

    async def once_loaded(self) -> None:
        """Return when it has been loaded."""
        await self._loaded.wait()

    @property
    def trouble(self) -> str:
        """Why the table may lag behind etcd; empty where it does not."""
        silent = time.monotonic() - self._heard
        return self._trouble or (f"etcd has been silent for {silent:.0f} s" if silent > _SILENCE else "")

    def find(self, id: str) -> Registration | None:
        """Who registered this port; None where nobody did."""
        return self._ports.get(id)

    async def run(self) -> None:
        """Load and follow until cancelled."""
        while True:
            try:
                await self._follow(await self._load() + 1)
            except (_LoadAgain, Compacted) as error:
                LOG.info("the list of ports is loaded again: %s", error)
                continue
            except KvError as error:
                if not self._trouble:
                    LOG.warning("the list of ports cannot be followed: %s", error)
                self._trouble = str(error)
            await asyncio.sleep(_RETRY)

    async def _load(self) -> int:
        """Bring the table to what etcd holds; the revision at which it does."""
        revision = await self._kv.revision()
        syncs = {kv.key: _sync(kv) async for kv in paging.every(self._kv, keys.SYNCS, revision=revision)}
        found: dict[str, Registration] = {}
        async for kv in paging.every(self._kv, keys.PORTS, revision=revision):
            if (id := keys.parse_port(kv.key)) and (registration := _read(kv)):
                found[id] = registration
        self._syncs = syncs
        self._spoken.update(syncs)
        for id, registration in found.items():
            self._put(id, registration)
        self._gone([id for id in self._ports if id not in found])
        self._trouble = ""
        self._heard = time.monotonic()
        self._loaded.set()
        return revision

    async def _follow(self, start: int) -> None:
        await together(
            self._watch(keys.PORTS, start, self._on_ports),
            self._watch(keys.SYNCS, start, self._on_syncs),
        )

    async def _watch(self, prefix: str, start: int, handle: Callable[[Sequence[Event]], None]) -> None:
        async with aclosing(self._kv.watch(prefix, start=start)) as batches:
            async for batch in batches:
                self._heard = time.monotonic()
                handle(batch.events)

    def _on_ports(self, events: Sequence[Event]) -> None:
        for event in events:
            id = keys.parse_port(event.kv.key)
            if not id:
                continue
            if event.type == "delete":
                self._gone((id,))
            elif registration := _read(event.kv):
                self._put(id, registration)

    def _on_syncs(self, events: Sequence[Event]) -> None:
        for event in events:
            before, now = self._syncs.pop(event.kv.key, None), _sync(event.kv) if event.type == "put" else None
            if now is not None:
                self._syncs[event.kv.key] = now
                self._spoken.add(event.kv.key)
                if before is not None and before.epoch != now.epoch:
                    raise _LoadAgain(f"another epoch at {event.kv.key}: {now.epoch}")
        if any(self._is_complete(self._ports[id]) for id in self._withheld):
            # Not simply let go: the other watch may not have shown yet that they are back.
            raise _LoadAgain("etcd is complete again")

    def _put(self, id: str, registration: Registration) -> None:
        self._withheld.discard(id)
        before = self._ports.get(id)
        if before != registration:
            self._ports[id] = registration
            self._changed(id, before, registration)

    def _gone(self, ids: Sequence[str]) -> None:
        """etcd does not hold these ports."""
        for id in ids:
            before = self._ports.get(id)
            if before is None:
                continue
            if self._is_complete(before):
                self._withheld.discard(id)
                del self._ports[id]
                self._changed(id, before, None)
            else:
                self._withheld.add(id)

    def _is_complete(self, registration: Registration) -> bool:
        """Whether a port that etcd does not hold is gone. Where no relay has ever said anything, what is there is all."""
        key = keys.sync(registration.service)
        sync = self._syncs.get(key)
        return sync.state == _COMPLETE if sync is not None else key not in self._spoken


def _read(kv: KeyValue) -> Registration | None:
    try:
        return _REGISTRATION.decode(kv.value)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        LOG.error("%s cannot be read and is left as it was: %s", kv.key, error)
        return None


def _sync(kv: KeyValue) -> _Sync:
    try:
        return _SYNC.decode(kv.value)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return _Sync()
