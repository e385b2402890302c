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
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from gluon.backends.registrations import Registration, Registrations
from gluon.kv import paging
from gluon.kv.contract import Compacted, Event, KeyValue, Kv, KvError
from gluon.kv.together import together
from gluon.particle import keys

LOG = logging.getLogger(__name__)

_RETRY: Final = 0.5


class Plugged(msgspec.Struct, frozen=True, gc=False):
    """How a port is plugged in, as etcd has it. Only ports have a ``binding_id``, whatever their model calls them."""

    binding_id: str | None
    incarnation: str = ""
    revision: int = 0
    tenant_id: str | None = None
    device_id: str | None = None
    device_owner: str | None = None
    host_id: str | None = None
    status: str | None = None
    binding_state: str | None = None

    def follows(self, other: Plugged) -> bool:
        """Whether it is certainly newer: within one incarnation revisions only grow."""
        return self.incarnation == other.incarnation and self.revision > other.revision


class _Interface(msgspec.Struct, frozen=True):
    """An interface, or whatever else is said to be of a port."""

    port_id: str | None = None


_PLUGGED: Final = msgspec.json.Decoder(Plugged)
_INTERFACE: Final = msgspec.json.Decoder(_Interface)

#: Told of a port's id, and how it was and is plugged in: the very same where something changed that hangs on the port.
#: Not told of what is only learned at a start.
Changed = Callable[[str, Plugged | None, Plugged | None], None]


class Catalogue:
    """Every port. Read it from any thread; ``run`` belongs to one event loop."""

    def __init__(self, kv: Kv, changed: Changed = lambda id, before, now: None) -> None:
        self._kv = kv
        self._changed = changed
        self._plugged: dict[str, Plugged] = {}
        self._by_device: defaultdict[str, set[str]] = defaultdict(set)
        #: How many ports are registered by each Proton for each tenant; never zero.
        self._of: dict[str, Counter[str]] = {}
        #: Objects, by Proton, that go only when the port of their id goes: ports, and the interfaces that they are made with.
        self._going_as_one: set[tuple[str, str]] = set()
        #: Interfaces that have an id of their own: the object, and the port.
        self._interfaces: dict[str, tuple[str, str]] = {}
        self._loaded = asyncio.Event()
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
        return self._plugged.get(id)

    def among(self, ids: Iterable[str]) -> list[str]:
        """Those of these ids that are ports of Gluon's."""
        return [id for id in ids if id in self.registrations.ports]

    def with_device(self, devices: Iterable[str]) -> list[str]:
        """Ports that have one of these devices."""
        return [id for device in devices for id in tuple(self._by_device.get(device, ()))]

    @property
    def services(self) -> list[str]:
        """The Protons that have ports, by name."""
        return sorted(self._of)

    def services_of(self, tenants: Collection[str]) -> list[str]:
        """The Protons that have ports of one of these tenants, by name."""
        return sorted(service for service, counts in tuple(self._of.items()) if any(tenant in counts for tenant in tenants))

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
        """Where a Proton is not settled, etcd may hold what a port was once: then only what is newer counts."""
        revision = await self._kv.revision()
        settled = await self.registrations.settled(revision)
        found: set[str] = set()
        interfaces: set[str] = set()
        async for kv in paging.every(self._kv, keys.PROTONS, revision=revision):
            key = keys.parse_object(kv.key)
            if key is None:
                continue
            if self._put(key, kv, only_newer=not settled(key.proton)):
                found.add(key.id)
            elif self._note_interface(key, kv):
                interfaces.add(key.id)
        for id in self._interfaces.keys() - interfaces:
            registration = self.find(self._interfaces[id][1])
            if registration is None or settled(registration.service):
                del self._interfaces[id]
        for id in [id for id in self._plugged if id not in found and self.find(id) is None]:
            self._drop(id)
        self._loaded.set()
        return revision

    async def _follow(self, start: int) -> None:
        async with aclosing(self._kv.watch(keys.PROTONS, start=start)) as batches:
            async for batch in batches:
                self._take(batch.events)

    def _take(self, events: Sequence[Event]) -> None:
        """A port goes together with its interfaces, of which nobody is told then: Nova would forget what it is to unplug.

        Of many ports that go at once, the interfaces may come in one batch and the ports in the next. So the default interface,
        which has the port's id and never goes alone, counts as the port does.
        """
        changes = [(event, key) for event in events if (key := keys.parse_object(event.kv.key)) is not None]
        going = {key.id for event, key in changes if event.type == "delete" and (key.proton, key.object) in self._going_as_one}
        for event, key in changes:
            if event.type == "put" and self._put(key, event.kv):
                continue
            if event.type == "put":
                self._note_interface(key, event.kv)
            self._tell_of_port(key, going)
            if event.type == "delete":
                self._end(key, event.kv.mod_revision)

    def _end(self, key: keys.ObjectKey, revision: int) -> None:
        """An object's key has gone. With it goes a port that came after its registration had gone: nothing else will tell."""
        if self._interfaces.get(key.id, ("", ""))[0] == key.object:
            del self._interfaces[key.id]
        if (key.proton, key.object) in self._going_as_one and self.registrations.is_unknown(key.id, revision):
            self._drop(key.id)

    def _note_interface(self, key: keys.ObjectKey, kv: KeyValue) -> bool:
        """Hold which port an interface is of that does not have the port's id, as the default one has; whether it is such."""
        if b'"port_id"' not in kv.value:
            return False
        try:
            port = _INTERFACE.decode(kv.value).port_id
        except (msgspec.ValidationError, msgspec.DecodeError):
            return False
        if port == key.id:
            self._going_as_one.add((key.proton, key.object))
        if port is None or port == key.id:
            return False
        self._interfaces[key.id] = key.object, port
        return True

    def _tell_of_port(self, key: keys.ObjectKey, going: Container[str]) -> None:
        """Something has changed that may hang on a port: what an interface is bound to has the interface's id.

        A port whose registration has not come yet counts: nobody would tell of this change once it has.
        """
        id = key.id if key.id in self._plugged else self._interfaces.get(key.id, ("", ""))[1]
        plugged, registration = self._plugged.get(id), self.find(id)
        if id not in going and plugged is not None and (registration is None or registration.service == key.proton):
            self._changed(id, plugged, plugged)

    def _put(self, key: keys.ObjectKey, kv: KeyValue, *, only_newer: bool = False) -> bool:
        """Hold what an object's key says, if it is a port; whether it is."""
        if b'"binding_id"' not in kv.value:
            return False
        try:
            now = _PLUGGED.decode(kv.value)
        except (msgspec.ValidationError, msgspec.DecodeError):
            return False  # no port, or not to be read: then what was said of it before counts on
        registration = self.find(key.id)
        if registration is not None and registration.service != key.proton:
            return False
        self._going_as_one.add((key.proton, key.object))
        before = self._plugged.get(key.id)
        if now != before and (not only_newer or before is None or now.follows(before)):
            self._forget(key.id)
            self._plugged[key.id] = now
            self._by_device[now.device_id or ""].add(key.id)
            if self._loaded.is_set():
                self._changed(key.id, before, now)
        return True

    def _registered(self, id: str, before: Registration | None, now: Registration | None) -> None:
        """A port goes when its registration does, and not with its key: that may be missing while etcd is filled again."""
        if now is not None:
            self._of.setdefault(now.service, Counter())[now.tenant_id] += 1
        if before is not None:
            self._count_out(before)
        if now is None:
            self._drop(id)

    def _count_out(self, gone: Registration) -> None:
        counts = self._of[gone.service]
        counts[gone.tenant_id] -= 1
        if not counts[gone.tenant_id]:
            del counts[gone.tenant_id]
        if not counts:
            del self._of[gone.service]

    def _drop(self, id: str) -> None:
        before = self._plugged.get(id)
        self._forget(id)
        if before is not None and self._loaded.is_set():
            self._changed(id, before, None)

    def _forget(self, id: str) -> None:
        before = self._plugged.pop(id, None)
        if before is None:
            return
        members = self._by_device[before.device_id or ""]
        members.discard(id)
        if not members:
            del self._by_device[before.device_id or ""]


async def _set(event: asyncio.Event) -> None:
    """Return once it is."""
    await event.wait()
