# SPDX-License-Identifier: Apache-2.0
"""Keeps the copy equal to etcd: a snapshot at one revision, then watches from the next.

    page … page  (all at revision r)  ─► the copy ─► what differs ─► reconciling
    watch from r+1                    ─► the copy ─► each change  ─► reconciling

A lost history (compaction) or another epoch of the database only means to load again. An etcd that was restored from an older
state is not loaded before the relay has begun another epoch: what it holds is less than what is known here. While ``/gluon/sync``
says that etcd is not complete, removals are withheld, and objects that are older than the copy's, or had gone from it, are passed
over: they are still to be repaired. Nothing here decides what a backend is called with.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from gluon.kv import paging
from gluon.kv.contract import Compacted, Event, KeyValue, Kv, KvError
from gluon.kv.together import together
from gluon.model.schema import Role
from gluon.particle import keys
from gluon.particle.history import History, SyncState
from gluon.particle.shimtypes import Malformed, Record
from gluon.shim import reports
from gluon.shim.binding import Binder
from gluon.shim.mirror import Mirror
from gluon.shim.past import Past, is_older
from gluon.shim.planning import incarnation_of
from gluon.shim.reconciling import Reconciler
from gluon.shim.references import Key
from gluon.shim.reports import Handed

LOG = logging.getLogger(__name__)

_RETRY: Final = 0.5


class _LoadAgain(Exception):
    """The copy must be loaded anew."""


class _Older(Exception):
    """What etcd holds is older than the copy."""


class Following:
    """Follows one Proton, whenever the shim has its lease."""

    def __init__(self, kv: Kv, mirror: Mirror, binder: Binder, reconciler: Reconciler, controller: str) -> None:
        self._kv = kv
        self._mirror = mirror
        self._binder = binder
        self._reconciler = reconciler
        self._controller = controller
        self._proton = mirror.proton.name
        self._ports = frozenset(o.name for o in mirror.proton.having(Role.PORT))
        self._sync: SyncState | None = None
        self._synced_at = 0
        self._passed_over = False
        self._past = Past()
        self._synced = False
        self._first = True
        self._history = History()

    @property
    def position(self) -> SyncState | None:
        """The last that the relay wrote, as far as it was seen; None where nothing was."""
        return self._sync

    async def run(self) -> None:
        """Load and follow until cancelled. It is run once for each lease."""
        self._first = True
        waits = False
        while True:
            pause = 0.0
            try:
                loaded = await self._load()
                waits = False
                await self._follow(loaded + 1)
            except (Compacted, _LoadAgain) as error:
                LOG.info("%s: loading again: %s", self._proton, error)
            except _Older as error:
                LOG.log(logging.DEBUG if waits else logging.WARNING, "%s: %s", self._proton, error)
                waits, pause = True, _RETRY
            except KvError as error:
                LOG.warning("%s: cannot be followed, loading again: %s", self._proton, error)
                pause = _RETRY
            await asyncio.sleep(pause)

    # The snapshot.

    async def _load(self) -> int:
        """Bring the copy to what etcd holds; the revision at which it does."""
        if self._first:
            self._reconciler.hold()
        revision = await self._kv.revision()
        sync, _ = await self._load_sync(revision)
        if (older := self._history.older(sync)) is not None:
            raise _Older(older)
        self._sync, self._synced_at = sync, revision
        self._synced = self._synced or sync is not None
        self._passed_over = False
        found = await self._load_objects(revision)
        own: dict[Key, Handed] = {}
        self._binder.forget()
        self._mirror.clear_reports()
        async for kv in paging.every(self._kv, keys.controllers(self._proton), revision=revision):
            self._take_controller(kv, own)
        self._history.seen(sync)
        gone = {key for key in self._mirror.known() if key not in found}
        if self._complete:
            self._let_go(gone | self._mirror.withheld - found)
        else:
            own_gone = {key for key in own if key not in found}
            self._mirror.withheld = gone | own_gone | self._mirror.withheld & found  # found, and yet withheld: passed over
        past = {key for key, handed in own.items() if self._past.had(key, handed.incarnation)}
        self._reconciler.recall(own, past, first=self._first)
        self._first = False
        LOG.info("%s: %d objects at revision %d", self._proton, len(found), revision)
        return revision

    async def _load_sync(self, revision: int = 0) -> tuple[SyncState | None, int]:
        """What the relay has said as of a revision, 0 being now; and that revision."""
        page = await self._kv.page(keys.sync(self._proton), limit=1, revision=revision)
        said = page.items[0] if page.items and page.items[0].key == keys.sync(self._proton) else None
        return _sync_state(said.value) if said else None, page.revision

    async def _load_objects(self, revision: int) -> set[Key]:
        """Put all objects into the copy, as of a revision; which there are."""
        found = set[Key]()
        self._binder.revisions.clear()
        async for kv in paging.every(self._kv, keys.objects(self._proton), revision=revision):
            key = self._key(kv.key)
            if key is not None:
                found.add(key)
                self._put(key, kv)
        return found

    # The watches.

    async def _follow(self, start: int) -> None:
        """Follow all keys from a revision on, until they must be loaded again."""
        await together(
            self._watch(keys.objects(self._proton), start, self._on_objects),
            self._watch(keys.controllers(self._proton), start, self._on_controllers),
            self._watch(keys.sync(self._proton), start, self._on_sync),
        )

    async def _watch(self, prefix: str, start: int, handle: Callable[[tuple[Event, ...]], Awaitable[None]]) -> None:
        async with contextlib.aclosing(self._kv.watch(prefix, start=start)) as batches:
            async for batch in batches:
                if batch.events:
                    await handle(batch.events)

    async def _on_objects(self, events: tuple[Event, ...]) -> None:
        if any(e.type == "delete" for e in events) and self._synced:
            self._learn(*await self._load_sync())
        for event in events:
            key = self._key(event.kv.key)
            if key is None:
                continue
            if event.type == "put":
                self._put(key, event.kv)
            elif self._complete:
                self._let_go((key,))
            else:
                self._mirror.withheld.add(key)

    async def _on_controllers(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._take_controller(event.kv, None)

    async def _on_sync(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.kv.key == keys.sync(self._proton):
                self._learn(_sync_state(event.kv.value) if event.type == "put" else None, event.kv.mod_revision)

    # What both bring.

    @property
    def _complete(self) -> bool:
        """Whether what etcd does not hold is not wanted. Where no server has ever said, what is there is what is wanted."""
        return self._sync.state == "complete" if self._sync else not self._synced

    def _learn(self, sync: SyncState | None, revision: int) -> None:
        """What the relay said at a revision. Watches have no order among them: what is older than what was read is left out."""
        if revision <= self._synced_at:
            return
        before, self._sync, self._synced_at = self._sync, sync, revision
        self._history.seen(sync)
        self._synced = self._synced or sync is not None
        if sync is not None and before is not None and sync.epoch != before.epoch:
            raise _LoadAgain(f"the database began another epoch, {sync.epoch}")
        if self._complete and self._passed_over:
            raise _LoadAgain("etcd is complete again")
        if self._complete and self._mirror.withheld:
            self._let_go(self._mirror.withheld.copy())

    def _key(self, text: str) -> Key | None:
        """The object that a key is about; None where this model has no such object."""
        parsed = keys.parse_object(text)
        return Key(parsed.object, parsed.id) if parsed and parsed.object in self._mirror.types else None

    def _put(self, key: Key, kv: KeyValue) -> None:
        """An object as etcd has it. What cannot be read changes nothing."""
        try:
            record = self._mirror.types[key.kind].decode(kv.value)
        except Malformed as error:
            LOG.error("%s cannot be read and is left as it was: %s", kv.key, error)
            return
        before = self._mirror.find(key)
        if not self._complete and (
            is_older(record, before) if before is not None else self._past.had(key, incarnation_of(record))
        ):
            self._passed_over = True
            if before is None:
                self._mirror.withheld.add(key)
            return
        key = Key(key.kind, _shared(record, self._mirror, key))
        if key.kind in self._ports:
            self._binder.revisions[key.id] = kv.mod_revision
        back = key in self._mirror.withheld  # while it was, nothing was done about it
        self._mirror.withheld.discard(key)
        if before == record and not back:
            return
        self._mirror.put(key, record)
        if not self._first:
            self._reconciler.changed(key, before)

    def _let_go(self, gone: Iterable[Key]) -> None:
        """These objects are there no more."""
        for key in gone:
            self._mirror.withheld.discard(key)
            if key.kind in self._ports:
                self._binder.revisions.pop(key.id, None)
            last = self._mirror.drop(key)
            if last is not None:
                self._past.gone(key, last)
            self._reconciler.changed(key, last)

    def _take_controller(self, kv: KeyValue, own: dict[Key, Handed] | None) -> None:
        """An answer or a report. One's own reports are taken where memory is being loaded (``own``)."""
        parsed = keys.parse_controller(kv.key)
        if parsed is None or parsed.object not in self._mirror.types:
            return
        key = Key(parsed.object, parsed.id)
        if not parsed.controller:
            if key.kind in self._ports:
                self._binder.seen(key.id, kv)
            return
        try:
            if parsed.controller != self._controller:
                report = reports.decode(kv.value) if kv.create_revision else None
                self._mirror.put_report(key, parsed.controller, report)
            elif own is not None:
                own[key] = reports.recall(kv.value, self._mirror.types[key.kind], self._mirror.find(key))
        except Malformed as error:
            LOG.warning("%s cannot be read: %s", kv.key, error)


def _sync_state(value: bytes) -> SyncState:
    """What the sync key says; where it cannot be read, nothing is complete."""
    try:
        return msgspec.json.decode(value, type=SyncState)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return SyncState(state="")


def _shared(record: Record, mirror: Mirror, key: Key) -> str:
    """The id as the record holds it, so that both are one text in memory, if they are equal."""
    own = mirror.types[key.kind].identifier(record)
    return own if own == key.id else key.id
