# SPDX-License-Identifier: Apache-2.0
"""What of every port is needed without asking: whose it is, what it is plugged into, and whether that works. In memory.

    /gluon/port/<id>                  ─► Registrations: which ports there are, and of which Proton
    /proton/<proton>/<Object>/<id>    ─► Catalogue: their device, host and status; ``changed`` hears of each change, and of each
                                         of an interface or of what that is bound to, for there a port has its addresses

So a list of ports that none of Gluon's can be in costs no request, and whoever waits for a port to become ACTIVE is told.
The two are followed side by side: a port may for a moment be known to one and not yet, or no more, to the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from contextlib import aclosing
from typing import Final

from gluon.backends import plugged
from gluon.backends.hanging import Hanging
from gluon.backends.owners import Owners
from gluon.backends.plugged import Plugged, PluggedPorts
from gluon.backends.registrations import Registration, Registrations
from gluon.kv import paging
from gluon.kv.contract import Compacted, Event, KeyValue, Kv, KvError
from gluon.kv.together import together
from gluon.particle import keys

LOG = logging.getLogger(__name__)

_RETRY: Final = 0.5

#: Told of a port's id, and how it was and is plugged in: the very same where something changed that hangs on the port.
#: Not told of what is only learned at a start.
Changed = Callable[[str, Plugged | None, Plugged | None], None]


class Catalogue:
    """Every port. Read it from any thread; ``run`` belongs to one event loop."""

    def __init__(self, kv: Kv, changed: Changed = lambda id, before, now: None) -> None:
        self._kv = kv
        self._changed = changed
        self._ports = PluggedPorts()
        self._hanging = Hanging()
        self._owners = Owners()
        self._loaded = asyncio.Event()
        self._seen = 0  # all changes up to this revision of etcd's have been taken
        self.registrations = Registrations(kv, self._registered)

    @property
    def loaded(self) -> bool:
        """Whether both have been loaded, so that what is not known is not there."""
        return self._loaded.is_set() and self.registrations.loaded

    async def once_loaded(self) -> None:
        """Return when both have been."""
        await self._loaded.wait()
        await self.registrations.once_loaded()

    def find(self, id: str) -> Registration | None:
        """Who registered a port; None where nobody did."""
        return self.registrations.find(id)

    def plugged(self, id: str) -> Plugged | None:
        """How a port is plugged in; None where that is not known (yet)."""
        return self._ports.get(id)

    def among(self, ids: Iterable[str]) -> list[str]:
        """Those of these ids that are ports of Gluon's."""
        return [id for id in ids if id in self.registrations.ports]

    def with_device(self, devices: Iterable[str]) -> list[str]:
        """Ports that have one of these devices."""
        return self._ports.with_device(devices)

    @property
    def services(self) -> list[str]:
        """The Protons that have ports, by name."""
        return self._owners.services

    def services_of(self, tenants: Collection[str]) -> list[str]:
        """The Protons that have ports of one of these tenants, by name."""
        return self._owners.services_of(tenants)

    def ids(self, service: str, tenants: Collection[str] | None = None) -> list[str]:
        """The ports of a Proton, those of these tenants where they are said, in no order."""
        ports = tuple(self.registrations.ports.items())  # at once: others change it
        return [id for id, r in ports if r.service == service and (tenants is None or r.tenant_id in tenants)]

    async def run(self) -> None:
        """Follow both until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.registrations.run())
            group.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                outdated = self.registrations.outdated
                start = await self._load() + 1
                await together(self._follow(start), _set(outdated))
            except Compacted as error:
                LOG.info("the list of ports is loaded again: %s", error)
                continue
            except KvError as error:
                LOG.debug("the ports cannot be followed: %s", error)  # the registrations say so
                await asyncio.sleep(_RETRY)

    async def _load(self) -> int:
        """Where a Proton is not settled, etcd may hold what a port was once: then only what is newer counts.

        What hangs on ports is not held here, so of what changed in it unseen only that is told which etcd has at a revision that
        is newer: not what was removed, nor what came back in an etcd that was wiped.
        """
        revision = await self._kv.revision()
        settled = await self.registrations.settled(revision)
        found: set[str] = set()
        interfaces: set[str] = set()
        missed: list[keys.ObjectKey] = []
        async for kv in paging.every(self._kv, keys.PROTONS, revision=revision):
            key = keys.parse_object(kv.key)
            if key is None:
                continue
            if self._put(key, kv, only_newer=not settled(key.proton)):
                found.add(key.id)
                continue
            if self._hanging.note(key, kv):
                interfaces.add(key.id)
            if 0 < self._seen < kv.mod_revision and settled(key.proton):
                missed.append(key)
        self._hanging.keep(interfaces, lambda port: (of := self.find(port)) is not None and not settled(of.service))
        for id in self._ports:
            if id not in found:
                self._missing(id)
        for key in missed:
            self._tell_of_port(key, ())
        self._seen = revision
        self._loaded.set()
        return revision

    def _missing(self, id: str) -> None:
        """etcd has no key of this port. It stays while its registration does: etcd may be filled again."""
        if self.find(id) is None:
            self._drop(id)
        else:
            self._ports.outlives(id)

    async def _follow(self, start: int) -> None:
        async with aclosing(self._kv.watch(keys.PROTONS, start=start)) as batches:
            async for batch in batches:
                self._take(batch.events)
                self._seen = batch.revision

    def _take(self, events: Sequence[Event]) -> None:
        """A port goes together with its interfaces, of which nobody is told then: Nova would forget what it is to unplug.

        Of many ports that go at once, the interfaces may come in one batch and the ports in the next. So the default interface,
        which has the port's id and never goes alone, counts as the port does.
        """
        changes = [(event, key) for event in events if (key := keys.parse_object(event.kv.key)) is not None]
        going = {key.id for event, key in changes if event.type == "delete" and self._hanging.goes_as_one(key)}
        for event, key in changes:
            if event.type == "put" and self._put(key, event.kv):
                continue
            if event.type == "put":
                self._hanging.note(key, event.kv)
            self._tell_of_port(key, going)
            if event.type == "delete":
                self._end(key, event.kv.mod_revision)

    def _end(self, key: keys.ObjectKey, revision: int) -> None:
        """An object's key has gone. With it goes a port that came after its registration had gone: nothing else will tell."""
        self._hanging.end(key)
        if self._hanging.goes_as_one(key) and self.registrations.is_unknown(key.id, revision):
            self._drop(key.id)

    def _tell_of_port(self, key: keys.ObjectKey, going: Container[str]) -> None:
        """Something has changed that may hang on a port: what an interface is bound to has the interface's id.

        A port whose registration has not come yet counts: nobody would tell of this change once it has.
        """
        id = key.id if key.id in self._ports else self._hanging.port_of(key.id)
        port, registration = self._ports.get(id), self.find(id)
        if id not in going and port is not None and (registration is None or registration.service == key.proton):
            self._changed(id, port, port)

    def _put(self, key: keys.ObjectKey, kv: KeyValue, *, only_newer: bool = False) -> bool:
        """Hold what an object's key says, if it is a port; whether it is. Where it cannot be read, what was said before stays."""
        now, registration = plugged.read(kv), self.find(key.id)
        if now is None or (registration is not None and registration.service != key.proton):
            return False
        self._hanging.note_port(key)
        before = self._ports.get(key.id)
        if only_newer and before is not None and now != before and not now.follows(before):
            self._ports.outlives(key.id)
            return True
        self._ports.hold(key.id, now, kv.mod_revision)
        if now != before and self._loaded.is_set():
            self._changed(key.id, before, now)
        return True

    def _registered(self, id: str, before: Registration | None, now: Registration | None, revision: int) -> None:
        """A port goes when its registration does, and not with its key: that may be missing while etcd is filled again.

        One that was written after that is another one, whose registration is still to come.
        """
        self._owners.changed(before, now)
        if now is None and self._ports.written(id) <= revision:
            self._drop(id)

    def _drop(self, id: str) -> None:
        before = self._ports.forget(id)
        if before is not None and self._loaded.is_set():
            self._changed(id, before, None)


async def _set(event: asyncio.Event) -> None:
    """Return once it is."""
    await event.wait()
