# SPDX-License-Identifier: Apache-2.0
"""The shim's copy of a Proton: what backends are handed as ``model``.

    model.ports[id] · model.interfaces · model.services · model.service_bindings · model.objects["VpnAfConfig"][id]
    model.resolve(binding, "service_id") ──► Record        model.referrers(vpn) ──► [Record, …]
    model.reports("ProtonBasePort", id)  ──► {controller: Report}

It holds the newest state that etcd showed, which may be newer than the change a backend is called with. Backends read it,
from any thread, and never write it; only ``gluon.shim.following`` does. It knows neither etcd nor calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from gluon.model.schema import Proton, Role
from gluon.particle.shimtypes import Record, ShimType, State, shim_types
from gluon.shim.references import Index, Key, Pointer, Pointers
from gluon.shim.reports import Report


class Table:
    """The records of one kind, or of all kinds of a role, by id. What iterates sees the table as it was when it began."""

    def __init__(self, *parts: dict[str, Record]) -> None:
        self._parts = parts

    def __getitem__(self, id: str) -> Record:
        record = self.get(id)
        if record is None:
            raise KeyError(id)
        return record

    def get(self, id: str) -> Record | None:
        """The record with this id; None where there is none."""
        return next((part[id] for part in self._parts if id in part), None)

    def __contains__(self, id: object) -> bool:
        return any(id in part for part in self._parts)

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        return [id for part in self._parts for id in list(part)]

    def values(self) -> list[Record]:
        return [record for part in self._parts for record in list(part.values())]

    def items(self) -> list[tuple[str, Record]]:
        return [item for part in self._parts for item in list(part.items())]

    def __repr__(self) -> str:
        return f"<{len(self)} records>"


class Mirror:
    """The copy. A data model of a vendor's own is a subclass with what its backend wants besides; it is made with the Proton."""

    def __init__(self, proton: Proton) -> None:
        self.proton = proton
        self.types: Mapping[str, ShimType] = shim_types(proton)
        self._kinds: dict[str, dict[str, Record]] = {obj.name: {} for obj in proton.objects}
        self.objects: Mapping[str, Table] = MappingProxyType({kind: Table(part) for kind, part in self._kinds.items()})
        self.ports = self._of(Role.PORT)
        self.interfaces = self._of(Role.INTERFACE)
        self.services = self._of(Role.SERVICE)
        self.service_bindings = self._of(Role.SERVICE_BINDING)
        self._pointers = Pointers(proton)
        self._index = Index()
        self._reports: dict[Key, dict[str, Report]] = {}
        #: Objects that etcd holds no more, while it cannot be said that this is so (``/gluon/sync`` is not complete).
        self.withheld: set[Key] = set()

    def _of(self, role: Role) -> Table:
        return Table(*(self._kinds[obj.name] for obj in self.proton.having(role)))

    def key(self, record: Record) -> Key:
        """The key of a record of this Proton."""
        return Key(record.__object__, self.types[record.__object__].identifier(record))

    def find(self, key: Key) -> Record | None:
        """The record with this key; None where there is none."""
        part = self._kinds.get(key.kind)
        return part.get(key.id) if part is not None else None

    def resolve(self, record: Record, attribute: str) -> Record | list[Record] | None:
        """What an attribute of the record points to: the record, or a list for a list of references.

        None where it is null, no reference, or points to what is not here (now); a list leaves out what is not here.
        """
        obj = self.proton.by_name[record.__object__]
        value = record.get(attribute)
        pointers = self._pointers.through(obj, attribute, value)
        found = [r for p in pointers if (r := self.first(p)) is not None]
        if isinstance(value, list):
            return found
        return found[0] if found else None

    def referrers(self, record: Record, kind: str | None = None) -> list[Record]:
        """The records that refer to this one, through whichever attribute; of one kind where it is given."""
        keys = self._index.referrers(self.key(record))
        return [r for k in keys if kind in (None, k.kind) and (r := self.find(k)) is not None]

    def reports(self, kind: str, id: str) -> Mapping[str, Report]:
        """What the other controllers report on an object, by controller."""
        return MappingProxyType(self._reports.get(Key(kind, id), {}))

    # What follows is for the shim's core.

    def first(self, pointer: Pointer) -> Record | None:
        """What a pointer leads to; None where it is not here."""
        return next((r for key in pointer if (r := self.find(key)) is not None), None)

    def pointers(self, key: Key, record: State) -> list[Pointer]:
        """Every pointer in a record."""
        return self._pointers.of(key.kind, record)

    def referring(self, key: Key) -> tuple[Key, ...]:
        """The keys of the records that point to this key, whether it is here or not."""
        return self._index.referrers(key)

    def put(self, key: Key, record: Record) -> Record | None:
        """Hold this record; returns the one it replaces."""
        before = self._kinds[key.kind].get(key.id)
        if before is not None:
            self._index.discard(key, self.pointers(key, before))
        self._kinds[key.kind][key.id] = record
        self._index.add(key, self.pointers(key, record))
        return before

    def drop(self, key: Key) -> Record | None:
        """Hold it no longer; returns what was held."""
        before = self._kinds[key.kind].pop(key.id, None)
        if before is not None:
            self._index.discard(key, self.pointers(key, before))
        return before

    def known(self) -> Iterable[Key]:
        """The keys of all that is held, in the order of references."""
        return (Key(obj.name, id) for obj in self.proton.order for id in list(self._kinds[obj.name]))

    def put_report(self, key: Key, controller: str, report: Report | None) -> None:
        """Hold another controller's report, or with None no longer."""
        held = self._reports.get(key, {})
        others = {c: r for c, r in held.items() if c != controller}
        if report is not None:
            self._reports[key] = {**others, controller: report}
        elif others:
            self._reports[key] = others
        else:
            self._reports.pop(key, None)

    def clear_reports(self) -> None:
        """Forget all reports: they are about to be loaded anew."""
        self._reports.clear()
