# SPDX-License-Identifier: Apache-2.0
"""Builds the attributes of objects and the members of structures: type, default and flags, and that they go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from gluon.model import flags, grammar, rules
from gluon.model.declarations import Declared, declared
from gluon.model.defaults import default_of
from gluon.model.faults import Faults
from gluon.model.grammar import Fields
from gluon.model.inheritance import Flat
from gluon.model.nodes import Map
from gluon.model.references import References
from gluon.model.schema import UNSET, Action, Attribute, OnDelete, Place, Role
from gluon.model.typereader import Types
from gluon.model.types import Format, Json, List, String, Type, Uuid

ON_DELETE: Final[tuple[OnDelete, ...]] = get_args(OnDelete)
#: The attributes of a port that are free JSON, also where a classic model has JSON in a string.
_PORT_JSON: Final = ("profile", "vif_details")


@dataclass(slots=True)
class Attributes:
    """Builds attributes. What is wrong is noted; an attribute whose type cannot be told is left out."""

    references: References
    faults: Faults
    types: Types = field(init=False)

    def __post_init__(self) -> None:
        self.types = Types(self.references, self.faults, self._members)
        self.references.typed = self.type

    def type(self, flat: Flat, name: str) -> Type | None:
        """The type of an object's attribute: a role's untyped pointers are references, its JSON is free JSON."""
        fields = flat.attributes[name].fields
        targets = self.references.pointer(flat, name, fields)
        if targets:
            return self.references.reference(targets, fields.at("type"))
        if base := self.references.without_holder(flat, name, fields):
            if not self.references.lost:
                self.faults.add(flat.place, f"'{flat.name}' needs an object that extends {base}: its {name} refers to it")
            return None
        type = self.types.of(fields)
        if flat.role is Role.PORT and name in _PORT_JSON and type == String(getattr(type, "length", 0), None, Format.JSON):
            return Json()
        return type

    def of(self, flat: Flat) -> tuple[Attribute, ...]:
        """All attributes of an API object, its identifier among them."""
        built = {name: self._attribute(flat, own) for name, own in flat.attributes.items()}
        found = {name: attribute for name, attribute in built.items() if attribute is not None}
        for name, attribute in found.items():
            self._default_from(flat, attribute, found)
            self._renamed_from(flat.attributes[name].fields, attribute, flat.attributes)
        return tuple(found.values())

    def _attribute(self, flat: Flat, own: Declared) -> Attribute | None:
        fields = own.fields
        type = self.type(flat, own.name)
        if type is None:
            return None
        if fields.flag("unique") and isinstance(type, List):
            type = replace(type, unique=True)
        attribute = Attribute(
            own.name,
            type,
            own.place,
            description=fields.text("description") or "",
            required=fields.flag("required"),
            default=self._default(fields, type),
            default_from=fields.text("default_from"),
            allocate=fields.flag("allocate"),
            generate=fields.flag("generate"),
            unique=fields.flag("allocate") or (fields.flag("unique") and not isinstance(type, List)),
            immutable=fields.flag("immutable"),
            readonly=fields.flag("readonly"),
            write_only=fields.flag("write_only"),
            on_delete=self._on_delete(fields),
            renamed_from=fields.text("renamed_from"),
            policies=self._policies(fields),
        )
        if own.name == flat.identifier:
            attribute = self._identifier(attribute, fields)
        flags.check(attribute, fields, self.faults)
        return attribute

    def _policies(self, fields: Fields) -> dict[Action, str]:
        policies = fields.map("policies")
        if policies is None:
            return {}
        said = grammar.check(policies, grammar.POLICIES, "policies", self.faults)
        return rules.policies(rules.by_action(said.entries, self.faults), self.faults)

    def _default(self, fields: Fields, type: Type) -> Any:
        node = fields.node("default")
        return UNSET if node is None else default_of(node, type, self.faults)

    def _on_delete(self, fields: Fields) -> OnDelete:
        word = fields.text("on_delete") or "restrict"
        for known in ON_DELETE:
            if word == known:
                return known
        self.faults.no_choice(fields.at("on_delete"), "on_delete", word, ON_DELETE)
        return "restrict"

    def _identifier(self, attribute: Attribute, fields: Fields) -> Attribute:
        """An identifier is never null, and a uuid is made where none is given."""
        for flag in ("write_only", "readonly"):
            if fields.flag(flag):
                self.faults.add(fields.at(flag), f"an identifier cannot be {flag}")
        if fields.text("on_delete") == "set_null":
            self.faults.add(fields.at("on_delete"), "an identifier cannot be set to null")
        filled = any(name in fields for name in grammar.FILLERS)
        return replace(
            attribute,
            required=True,
            unique=False,
            generate=attribute.generate or (isinstance(attribute.type, Uuid) and not filled),
        )

    def _default_from(self, flat: Flat, attribute: Attribute, others: Mapping[str, Attribute]) -> None:
        name = attribute.default_from
        if name is None:
            return
        place = flat.attributes[attribute.name].fields.at("default_from")
        source = others.get(name)
        if source is None:
            if name not in flat.attributes:
                self.faults.unknown(place, "attribute", name, others)
        elif source is attribute or source.default_from is not None:
            self.faults.add(place, f"the value of '{name}' is itself taken from another attribute")
        elif source.type != attribute.type:
            self.faults.add(place, f"'{name}' is of another type or has other bounds")

    def _renamed_from(self, fields: Fields, attribute: Attribute, others: Mapping[str, Declared]) -> None:
        if attribute.renamed_from in others:
            self.faults.add(fields.at("renamed_from"), f"'{attribute.renamed_from}' is still an attribute of this object")

    def _members(self, attributes: Map) -> tuple[Attribute, ...]:
        members = []
        for name, own in declared(attributes, grammar.MEMBER, self.faults).items():
            type = self.types.of(own.fields)
            if type is not None:
                members.append(self._member(name, own.place, own.fields, type))
        return tuple(members)

    def _member(self, name: str, place: Place, fields: Fields, type: Type) -> Attribute:
        attribute = Attribute(
            name,
            type,
            place,
            description=fields.text("description") or "",
            required=fields.flag("required"),
            default=self._default(fields, type),
            on_delete=self._on_delete(fields),
        )
        flags.reaction(attribute, fields, self.faults)
        return attribute
