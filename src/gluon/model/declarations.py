# SPDX-License-Identifier: Apache-2.0
"""What a model's files declare, before it means anything: objects and their attributes, with the right shape.

file ─► imports, each once ─► {name: Declaration}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gluon.model import grammar
from gluon.model.faults import Faults, ModelError
from gluon.model.grammar import Fields
from gluon.model.imports import Library
from gluon.model.nodes import Map, Node
from gluon.model.schema import Place

#: Names of objects are folders in etcd; names of attributes are columns, whose limit is PostgreSQL's.
OBJECT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
ATTRIBUTE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
MAX_NAME: Final = 63
#: More objects than anyone models; a bound on what a hostile file can cost.
MAX_OBJECTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Declared:
    """An attribute as one object writes it, or as it inherits it."""

    name: str
    place: Place
    fields: Fields


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """An object as one file writes it. ``api`` is None for a base object."""

    name: str
    place: Place
    fields: Fields
    api: Fields | None
    attributes: Mapping[str, Declared]
    policies: Fields


@dataclass(slots=True)
class Files:
    """Reads a model's file and what it imports."""

    library: Library
    faults: Faults
    objects: dict[str, Declaration] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def read(self, file: str, node: Node) -> Fields:
        """Take in a file, after the files it imports; returns the file's own fields."""
        fields = grammar.check(node, grammar.FILE, "a model", self.faults)
        waiting = [(file, fields)]
        self.seen.add(file)
        for _, importer in waiting:
            waiting.extend(self._imports(importer))
        for _, each in reversed(waiting):
            self._objects(each)
        return fields

    def _imports(self, fields: Fields) -> list[tuple[str, Fields]]:
        found = []
        for name in fields.texts("imports"):
            try:
                hit = self.library.find(name.text)
            except ModelError as error:
                self.faults.found.update(dict.fromkeys(error.faults))
                continue
            if hit is None:
                self.faults.add(
                    name.place,
                    f"cannot import '{name.text}': no such file beside the model, in model_path or among the shipped ones",
                )
            elif hit[0] not in self.seen:
                self.seen.add(hit[0])
                found.append((hit[0], grammar.check(hit[1], grammar.FILE, "a model", self.faults)))
        return found

    def _objects(self, fields: Fields) -> None:
        listed = fields.map("objects")
        for name, entry in listed.entries.items() if listed else ():
            place = entry.place
            if name in self.objects:
                self.faults.add(place, f"a second object '{name}': the first is at {self.objects[name].place}")
            elif len(self.objects) >= MAX_OBJECTS:
                self.faults.add(place, f"more than {MAX_OBJECTS} objects")
                return
            else:
                check_name(name, place, "an object's name", OBJECT_NAME, self.faults)
                self.objects[name] = self._object(name, place, entry.value)

    def _object(self, name: str, place: Place, node: Node) -> Declaration:
        fields = grammar.check(node, grammar.OBJECT, "an object", self.faults)
        api, policies = fields.map("api"), fields.map("policies")
        return Declaration(
            name,
            place,
            fields,
            grammar.check(api, grammar.API, "api", self.faults) if api else None,
            declared(fields.map("attributes"), grammar.ATTRIBUTE, self.faults),
            grammar.check(policies, grammar.POLICIES, "policies", self.faults) if policies else Fields(place, {}),
        )


def declared(attributes: Map | None, keys: grammar.Keys, faults: Faults) -> dict[str, Declared]:
    """The attributes in a map of them, which may also be the members of a structure."""
    found: dict[str, Declared] = {}
    folded: dict[str, str] = {}
    for name, entry in attributes.entries.items() if attributes else ():
        check_name(name, entry.place, "an attribute's name", ATTRIBUTE_NAME, faults)
        if name.lower() in folded:
            faults.add(
                entry.place, f"'{name}' differs from '{folded[name.lower()]}' by capitals alone: SQL does not tell them apart"
            )
        folded[name.lower()] = name
        found[name] = Declared(name, entry.place, grammar.check(entry.value, keys, "an attribute", faults))
    return found


def check_name(name: str, place: Place, what: str, allowed: re.Pattern[str], faults: Faults) -> None:
    """Note a name that has characters that it may not have, or too many."""
    if len(name) > MAX_NAME:
        faults.add(place, f"{what} of {len(name)} characters: at most {MAX_NAME} are allowed")
    elif not allowed.fullmatch(name):
        faults.add(place, f"'{name}' cannot be {what}: it must match {allowed.pattern}")
