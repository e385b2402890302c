# SPDX-License-Identifier: Apache-2.0
"""Which object is another's parent, and the reference by which the child is its."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from gluon.model import grammar
from gluon.model.faults import Faults, nearest
from gluon.model.grammar import Fields
from gluon.model.inheritance import Flat
from gluon.model.references import References
from gluon.model.schema import Object, Place
from gluon.model.types import Reference

#: The classic language's word for no parent.
ROOT: Final = "root"


class Said(NamedTuple):
    """What an object says of its parent: its name, the key, and where each stands."""

    parent: str | None
    key: str | None
    place: Place
    key_place: Place


@dataclass(frozen=True, slots=True)
class Parents:
    """Finds the parents of a model's objects."""

    flats: Mapping[str, Flat]
    references: References
    faults: Faults

    def under(self, flat: Flat, obj: Object, objects: Mapping[str, Object]) -> Object:
        """The object with its parent and parent key, where it says that it has one."""
        said = self._said(flat.declaration.api or Fields(flat.place, {}))
        if said.parent is None:
            return obj
        if said.parent not in objects:
            self._no_parent(said.parent, said.place, objects)
            return obj
        fitting = [a.name for a in obj.references() if isinstance(a.type, Reference) and said.parent in a.type.targets]
        untold = flat.attributes.keys() - obj.by_name.keys()  # attributes whose types are wrong, which is noted
        if untold and (said.key in untold or not fitting):
            return obj
        if said.key is None and len(fitting) != 1:
            which = "no attribute refers" if not fitting else f"several attributes refer ({', '.join(fitting)})"
            self.faults.add(said.place, f"a parent without key: {which} to '{said.parent}'; say which with parent_key")
            return obj
        key = said.key or fitting[0]
        if key not in fitting:
            self.faults.add(said.key_place, f"parent_key '{key}' is no reference to '{said.parent}'", nearest(key, fitting))
        return replace(obj, api=replace(obj.api, parent=said.parent, parent_key=key))

    def _no_parent(self, parent: str, place: Place, objects: Mapping[str, Object]) -> None:
        flat = self.flats.get(parent)
        if not self.references.known(parent):
            self.faults.add(place, f"unknown parent '{parent}'", nearest(parent, objects))
        elif flat and flat.declaration.api is None:
            self.faults.add(place, f"the parent '{parent}' is a base object: a parent has an api")

    def _said(self, api: Fields) -> Said:
        node = api.map("parent")
        if node is None:
            said = Said(api.text("parent"), api.text("parent_key"), api.at("parent"), api.at("parent_key"))
        else:
            fields = grammar.check(node, grammar.PARENT, "parent", self.faults)
            key, key_place = fields.text("attribute"), fields.at("attribute")
            if key is None:
                key, key_place = api.text("parent_key"), api.at("parent_key")
            said = Said(fields.text("type"), key, fields.at("type"), key_place)
        if said.parent == ROOT and ROOT not in self.flats:
            said = said._replace(parent=None)
        if said.parent is None and said.key is not None:
            self.faults.add(said.key_place, "a parent_key without a parent")
        return said
