# SPDX-License-Identifier: Apache-2.0
"""One version's document of an object, over records of the newest version: what is called otherwise, and what it does not know.

body ─► values in the version's names ─► values in the newest's      record of the newest ─► what the version shows of it

For the newest version itself nothing is otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gluon.errors import Fault, RequestError
from gluon.model import projection
from gluon.model.catalogue import Family
from gluon.model.schema import Attribute, Object, Proton
from gluon.model.values import Check, checker
from gluon.particle.documents import Document


def views(family: Family, proton: Proton) -> Mapping[str, View]:
    """The view of each object of this version, by the object's name."""
    renamed = family.renamed(proton)
    return {obj.name: View(obj, family.newest.by_name[obj.name], renamed[obj.name]) for obj in proton.objects}


class View(Document):
    """A document that takes and shows records of the newest version. ``renamed``: what is called otherwise there."""

    def __init__(self, obj: Object, newest: Object, renamed: Mapping[str, str]) -> None:
        super().__init__(obj)
        self._stored = dict(renamed)
        self._own = {new: old for old, new in renamed.items()}
        pairs = [(a, newest.by_name[self.stored(a.name)]) for a in obj.attributes]
        #: By their names in the newest version, the attributes in which it knows members that this version does not.
        self._parts: dict[str, tuple[Attribute, Check]] = {
            its.name: (mine, checker(its.type)) for mine, its in pairs if projection.knows_less(mine.type, its.type)
        }
        self._same = not (self._stored or self._parts)

    @property
    def merges(self) -> bool:
        """Whether a change needs the stored record, to keep what this version does not know."""
        return bool(self._parts)

    def stored(self, name: str) -> str:
        """What the newest version calls an attribute."""
        return self._stored.get(name, name)

    def decode_create(self, body: bytes, given: Collection[str] = ()) -> dict[str, Any]:
        """See Document; ``given`` and the result are in the newest version's names."""
        if self._same:
            return super().decode_create(body, given)
        values = super().decode_create(body, [self._own.get(name, name) for name in given])
        return self.merged({self.stored(name): value for name, value in values.items()}, {})

    def decode_update(self, body: bytes) -> dict[str, Any]:
        """See Document; the result is in the newest version's names, and ``merged`` with the stored record where ``merges``."""
        values = super().decode_update(body)
        return values if self._same else {self.stored(name): value for name, value in values.items()}

    def merged(self, values: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
        """These values, in the newest version's names, with what this version does not know as the record has it."""
        whole = dict(values)
        for name, (mine, check) in self._parts.items():
            if whole.get(name) is not None:
                whole[name] = check(projection.kept(mine.type, whole[name], record.get(name)), f"/{name}", [])
        return whole

    def values(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """See Document."""
        return super().values(self._shown_of(record))

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """See Document."""
        return super().encode(self._shown_of(record))

    def encode_page(self, records: Iterable[Mapping[str, Any]], next_href: str | None) -> bytes:
        """See Document."""
        return super().encode_page(records if self._same else map(self._shown_of, records), next_href)

    def _shown_of(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._same:
            return record
        own = {old: record[new] for old, new in self._stored.items()}
        parts = {self._own.get(n, n): projection.shown(mine.type, record[n]) for n, (mine, _) in self._parts.items()}
        return {**record, **own, **parts}

    def told(self, error: RequestError) -> RequestError:
        """The same error with its faults, and its text where they are about these attributes, in this version's names."""
        if self._stored:
            error.faults, faults = tuple(map(self._fault, error.faults)), error.faults
            for name in {fault.pointer.split("/")[1] for fault in faults if fault.pointer} & self._own.keys():
                error.detail = self._worded(error.detail, name)
        return error

    def _fault(self, fault: Fault) -> Fault:
        parts = fault.pointer.split("/", 2)
        if len(parts) < 2 or parts[1] not in self._own:
            return fault
        name = parts[1]
        return Fault("/".join(["", self._own[name], *parts[2:]]), self._worded(fault.detail, name))

    def _worded(self, detail: str, name: str) -> str:
        """The text with the attribute's own name; what a text quotes comes after the name."""
        return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _: self._own[name], detail, count=1)
