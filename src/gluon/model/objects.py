# SPDX-License-Identifier: Apache-2.0
"""Builds the API objects from what they declare and inherit, and notes what does not fit between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gluon.model import roles, rules
from gluon.model.attributes import Attributes
from gluon.model.declarations import Declaration
from gluon.model.faults import Faults
from gluon.model.grammar import Fields
from gluon.model.inheritance import Flat
from gluon.model.parents import Parents
from gluon.model.references import MAX_KEY_LENGTH, References
from gluon.model.schema import BOOKKEEPING, Api, Attribute, Info, Object, Role
from gluon.model.typereader import FITTING
from gluon.model.types import Reference, String, Uuid
from gluon.model.uniques import unique_sets

#: Segments of paths, and words on the command line.
API_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
MAX_API_NAME: Final = 63
#: The identifier of an object that marks none.
IDENTIFIER: Final = "id"
#: Accepted for tenant_id by the API.
TENANT: Final = "tenant_id"
TENANT_SYNONYM: Final = "project_id"
#: Columns that PostgreSQL gives every table.
SYSTEM_COLUMNS: Final = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
#: What every database has columns for, with those that the server adds.
MAX_ATTRIBUTES: Final = 1000


@dataclass(slots=True)
class Objects:
    """Builds the objects of one model."""

    info: Info
    declared: Mapping[str, Declaration]
    flats: Mapping[str, Flat]
    faults: Faults
    references: References = field(init=False)
    attributes: Attributes = field(init=False)

    def __post_init__(self) -> None:
        self.references = References(self.flats, self.declared.keys() - self.flats.keys(), self.faults, lambda flat, name: None)
        self.attributes = Attributes(self.references, self.faults)

    def build(self) -> tuple[Object, ...]:
        """All API objects, in the order of the file."""
        self._types_of_unused()
        parents = Parents(self.flats, self.references, self.faults)
        for flat in self._api_flats():
            self.references.key(flat.name, flat.place)
        built = [(flat, self._object(flat, flat.declaration.api)) for flat in self._api_flats() if flat.declaration.api]
        found = {obj.name: obj for _, obj in built if obj is not None}
        objects = tuple(parents.under(flat, obj, found) for flat, obj in built if obj is not None)
        self._paths(objects)
        roles.check(objects, self.flats, self.faults)
        return objects

    def _api_flats(self) -> list[Flat]:
        return [flat for flat in self.flats.values() if flat.declaration.api is not None]

    def _types_of_unused(self) -> None:
        """Note wrong types in base objects that nothing extends and in objects that are lost: what is wrong in a file is told
        though nothing comes of it."""
        used = {base.name for flat in self._api_flats() for base in flat.lineage}
        for name, declaration in self.declared.items():
            flat = self.flats.get(name)
            for own in declaration.attributes.values() if name not in used else ():
                fields = flat.attributes[own.name].fields if flat else own.fields
                word = fields.text("type")
                if (word is None and flat) or (word is not None and not self.references.known(word)):
                    self.attributes.types.of(fields)

    def _object(self, flat: Flat, api: Fields) -> Object | None:
        if flat.name in FITTING:
            self.faults.add(flat.place, f"'{flat.name}' is the name of a type: choose another for the object")
        attributes = self._identified(flat, self.attributes.of(flat))
        identifier = next((a for a in attributes if a.name == (flat.identifier or IDENTIFIER)), None)
        self._names(flat, attributes)
        if flat.role is Role.PORT:
            attributes += roles.binding_attributes(flat.place)
        named = self._api(flat, api)
        if identifier is None or named is None:
            return None
        return Object(
            self.info.name,
            flat.name,
            flat.role,
            named,
            identifier,
            attributes,
            rules.complete(rules.policies(flat.policies, self.faults)),
            unique_sets(flat, attributes, self.faults),
            flat.place,
            flat.declaration.fields.text("description") or "",
        )

    def _identified(self, flat: Flat, attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
        """With the identifier that an object has though it marks none: ``id``, a uuid."""
        if flat.identifier is not None:
            return attributes
        made = Attribute(IDENTIFIER, Uuid(), flat.place, f"Identifies the {flat.name}", required=True, generate=True)
        own = flat.attributes.get(IDENTIFIER)
        if own is None:
            return (made, *attributes)
        declared = next((a for a in attributes if a.name == IDENTIFIER), None)
        if declared is None or not isinstance(declared.type, Uuid):
            self.faults.add(
                own.place, "'id' is the identifier of an object that marks none, a uuid: say primary: true, or another name"
            )
        return tuple(made if a.name == IDENTIFIER else a for a in attributes)

    def _names(self, flat: Flat, attributes: Sequence[Attribute]) -> None:
        taken = {*BOOKKEEPING, *roles.reserved(flat.role)}
        for name, own in flat.attributes.items():
            if name.lower() in taken:
                self.faults.add(own.place, f"'{name}' is what the server itself keeps of the object: choose another name")
            elif name.lower() in SYSTEM_COLUMNS:
                self.faults.add(own.place, f"'{name}' is a column that PostgreSQL keeps itself: choose another name")
            elif name.lower() == TENANT_SYNONYM and TENANT in flat.attributes:
                self.faults.add(own.place, f"'{name}' is a synonym of tenant_id: choose another name")
        if len(flat.attributes) > MAX_ATTRIBUTES:
            self.faults.add(
                flat.place, f"'{flat.name}' has {len(flat.attributes)} attributes: at most {MAX_ATTRIBUTES} are allowed"
            )
        folded: dict[str, str] = {}
        for attribute in attributes:
            if attribute.name == TENANT:
                self._tenant(attribute)
            other = folded.setdefault(attribute.name.lower(), attribute.name)
            if other != attribute.name:
                self.faults.add(
                    attribute.place, f"'{attribute.name}' differs from '{other}' by capitals alone: SQL does not tell them apart"
                )

    def _tenant(self, attribute: Attribute) -> None:
        """Every list is cut by tenant, so the attribute is indexed, and compared with what Keystone gives."""
        type = attribute.type.key if isinstance(attribute.type, Reference) else attribute.type
        if not isinstance(type, Uuid) and not (isinstance(type, String) and type.length <= MAX_KEY_LENGTH):
            self.faults.add(attribute.place, f"'{TENANT}' must be a string of at most {MAX_KEY_LENGTH} characters, or a uuid")

    def _api(self, flat: Flat, api: Fields) -> Api | None:
        name = api.text("name")
        if name is None:
            if "name" not in api:
                self.faults.add(api.place, "api has no name")
            return None
        plural = api.text("plural_name") or f"{name}s"
        for key, word in (("name", name), ("plural_name", plural)):
            if key not in api and (len(word) <= MAX_API_NAME or len(name) > MAX_API_NAME):
                continue
            if len(word) > MAX_API_NAME:
                self.faults.add(api.at(key), f"{key} of {len(word)} characters: at most {MAX_API_NAME} are allowed")
            elif not API_NAME.fullmatch(word):
                self.faults.add(api.at(key), f"'{word}' cannot be a {key}: it must match {API_NAME.pattern}")
        return Api(name, plural)

    def _paths(self, objects: Sequence[Object]) -> None:
        """Note objects that share a command, a path or, when capitals are folded, a table."""
        self._distinct("name", [(o, o.api.name) for o in objects])
        self._distinct("path", [(o, o.api.plural_name) for o in objects])
        self._distinct("table", [(o, re.sub("[_-]", "", o.name)) for o in objects])

    def _distinct(self, what: str, named: Sequence[tuple[Object, str]]) -> None:
        taken: dict[str, Object] = {}
        for obj, word in named:
            other = taken.setdefault(word.lower(), obj)
            api = self.flats[obj.name].declaration.api
            plural = bool(api and "plural_name" in api)
            if other is obj or (what == "path" and not plural and obj.api.name == other.api.name):
                continue
            key = "plural_name" if what == "path" and plural else "name"
            place = obj.place if api is None or what == "table" else api.at(key)
            self.faults.add(place, f"'{obj.name}' has the same {what} as '{other.name}': '{word}'")
