# SPDX-License-Identifier: Apache-2.0
"""Which ports are Gluon's: ``/gluon/port`` in memory, followed through every loss of etcd.

    pages at revision r  ─► the table ─► watch from r+1 ─► the table …     find(id) is a look-up in a dictionary

A port that was once seen goes only where the relay says that etcd is complete: an etcd that was wiped, or restored from a
backup, is filled again, and until then what it does not hold is not known to be gone. One that was restored says that it is
complete, too, but of a time that is over: so it counts only once the relay has begun another epoch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType
from typing import Final

import msgspec

from gluon.kv import paging
from gluon.kv.contract import Compacted, Event, KeyValue, Kv, KvError
from gluon.kv.together import together
from gluon.particle import keys
from gluon.particle.history import History, SyncState

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


_REGISTRATION: Final = msgspec.json.Decoder(Registration)
_SYNC: Final = msgspec.json.Decoder(SyncState)
_COMPLETE: Final = "complete"

#: Told of each port that came, changed or went: its id, what was and is registered, and at which revision of etcd's.
Changed = Callable[[str, Registration | None, Registration | None, int], None]


class _LoadAgain(Exception):
    """The table must be loaded anew."""


class Registrations:
    """The table. Read it from any thread; ``run`` belongs to one event loop."""

    def __init__(self, kv: Kv, changed: Changed = lambda id, before, now, revision: None) -> None:
        self._kv = kv
        self._changed = changed
        self._ports: dict[str, Registration] = {}
        self._syncs: dict[str, SyncState] = {}
        self._histories: defaultdict[str, History] = defaultdict(History)
        self._heard = time.monotonic()
        self._seen = 0  # all changes up to this revision of etcd's are in the table
        self._looked: dict[str, int] = {}  # what was put in by a look and not yet heard of, and when it was written
        #: Of each port, whoever registered it.
        self.ports: Mapping[str, Registration] = MappingProxyType(self._ports)
        #: Set, and replaced, when the table was loaded again, and all else that is known from etcd must be: history was lost,
        #: or a relay has begun to repair it, or is done.
        self.outdated = asyncio.Event()
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

    def is_unknown(self, id: str, revision: int) -> bool:
        """Whether nobody registers this port, of which that is certain: all is known that etcd held at this revision."""
        return id not in self._ports and self._seen >= revision

    def gone_in(self, later: Registrations) -> list[str]:
        """What another table, loaded since, has no more, where that is certain by what both know of the relays."""
        mine = tuple(self._ports.items())
        return [
            id for id, r in mine if later.find(id) is None and self._is_settled(s := keys.sync(r.service), later._syncs.get(s))
        ]

    async def look(self, id: str) -> bool:
        """Whether a port is registered, also where that was just now and is still to be heard of. Raises KvError."""
        held = await self._kv.get(keys.port(id))
        if held is not None and held.mod_revision > self._seen and (registration := _read(held)) is not None:
            self._looked[id] = held.mod_revision
            self._put(id, registration, held.mod_revision)
        return id in self._ports

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
        """Bring the table to what etcd holds; the revision at which it does.

        Who looks meanwhile may see what is newer.
        """
        again = self._loaded.is_set()
        self._looked.clear()
        revision = await self._kv.revision()
        syncs = await self._load_syncs(revision)
        found: dict[str, tuple[Registration, int]] = {}
        async for kv in paging.every(self._kv, keys.PORTS, revision=revision):
            if (id := keys.parse_port(kv.key)) and (registration := _read(kv)):
                found[id] = registration, kv.mod_revision
        learned = self._learn(self._with_gone(syncs))
        for id, (registration, written) in found.items():
            self._put(id, registration, written)
        for id in [id for id in self._ports if id not in found and self._looked.get(id, 0) <= revision]:
            self._gone(id, revision)
        self._seen = revision
        self._trouble = ""
        self._heard = time.monotonic()
        self._loaded.set()
        if again or learned:
            self.outdated.set()
            self.outdated = asyncio.Event()
        return revision

    async def _load_syncs(self, revision: int = 0) -> dict[str, SyncState]:
        return {kv.key: _sync(kv) async for kv in paging.every(self._kv, keys.SYNCS, revision=revision)}

    def _with_gone(self, syncs: Mapping[str, SyncState]) -> dict[str, SyncState | None]:
        """What was read, and of which Protons nothing is said any more."""
        return {**dict.fromkeys(self._syncs), **syncs}

    async def settled(self, revision: int) -> Callable[[str], bool]:
        """Whether etcd has all of a Proton at this revision, and nothing from a time that is over."""
        syncs = await self._load_syncs(revision)
        return lambda proton: self._is_settled(keys.sync(proton), syncs.get(keys.sync(proton)))

    async def _follow(self, start: int) -> None:
        await together(self._watch_ports(start), self._watch_syncs(start))

    async def _watch_ports(self, start: int) -> None:
        async with aclosing(self._kv.watch(keys.PORTS, start=start)) as batches:
            async for batch in batches:
                self._heard = time.monotonic()
                await self._on_ports(batch.events)
                self._seen = batch.revision

    async def _watch_syncs(self, start: int) -> None:
        """With a look at every sign of life: an etcd that was restored, and has come further since than it was when it was lost,
        goes on with the watches as if nothing had been. Then its epochs tell."""
        async with aclosing(self._kv.watch(keys.SYNCS, start=start)) as batches:
            async for batch in batches:
                self._heard = time.monotonic()
                changes = {e.kv.key: _sync(e.kv) if e.type == "put" else None for e in batch.events}
                self._learn_anew(changes or await self._load_syncs())

    async def _on_ports(self, events: Sequence[Event]) -> None:
        """Between two watches there is no order: what the relay says is read again before any port is taken for gone."""
        if any(event.type == "delete" for event in events):
            self._learn_anew(self._with_gone(await self._load_syncs()))
        for event in events:
            id = keys.parse_port(event.kv.key)
            if not id:
                continue
            self._looked.pop(id, None)
            if event.type == "delete":
                self._gone(id, event.kv.mod_revision)
            elif registration := _read(event.kv):
                self._put(id, registration, event.kv.mod_revision)

    def _learn_anew(self, now: Mapping[str, SyncState | None]) -> None:
        if self._learn(now):
            raise _LoadAgain("a relay repairs etcd, or has done so")

    def _learn(self, now: Mapping[str, SyncState | None]) -> bool:
        """How far the relays are. Whether one has begun another epoch, or what was not settled is."""
        unsettled = {key for key in now if not self._is_settled(key, self._syncs.get(key))}
        said = {key: sync for key, sync in now.items() if sync is not None}
        self._syncs = {key: sync for key, sync in self._syncs.items() if key not in now} | said
        begun = [key for key, sync in said.items() if not self._is_older(key, sync) and self._histories[key].seen(sync)]
        return bool(begun) or any(self._is_settled(key, said.get(key)) for key in unsettled)

    def _put(self, id: str, registration: Registration, revision: int) -> None:
        before = self._ports.get(id)
        if before != registration:
            self._ports[id] = registration
            self._changed(id, before, registration, revision)

    def _gone(self, id: str, revision: int) -> None:
        """etcd does not hold this port. Where its Proton is not settled it stays, and the table is loaded again once that is."""
        before = self._ports.get(id)
        if before is not None and self._is_settled(key := keys.sync(before.service), self._syncs.get(key)):
            del self._ports[id]
            self._changed(id, before, None, revision)

    def _is_settled(self, key: str, sync: SyncState | None) -> bool:
        """Whether what etcd does not hold is gone. Where no relay has ever said anything, what is there is all."""
        if sync is None:
            return key not in self._histories
        return sync.state == _COMPLETE and not self._is_older(key, sync)

    def _is_older(self, key: str, sync: SyncState) -> bool:
        return self._histories[key].older(sync) is not None


def _read(kv: KeyValue) -> Registration | None:
    try:
        return _REGISTRATION.decode(kv.value)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        LOG.error("%s cannot be read and is left as it was: %s", kv.key, error)
        return None


def _sync(kv: KeyValue) -> SyncState:
    """Where it cannot be read, nothing is complete."""
    try:
        return _SYNC.decode(kv.value)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return SyncState(state="")
