# SPDX-License-Identifier: Apache-2.0
"""Builds the type of an attribute from its keys, and notes every key that does not fit that type or its neighbours.

{type: integer, min: 1, max: 16777215} ─► Integer("int32", 1, 16777215)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from gluon.model import grammar, patterns
from gluon.model.faults import Faults, nearest
from gluon.model.grammar import Fields
from gluon.model.nodes import Map, as_text
from gluon.model.references import References
from gluon.model.schema import Attribute
from gluon.model.types import (
    DEFAULT_LENGTH,
    INT32,
    INT64,
    Boolean,
    Enum,
    Format,
    Integer,
    Json,
    List,
    Number,
    Reference,
    String,
    Structure,
    Type,
    Uuid,
)

#: Which keys of a type (``grammar.TYPE``) fit which type; all fit beside these: type, description.
FITTING: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "integer": frozenset({"format", "min", "max", "values"}),
        "number": frozenset({"min", "max"}),
        "string": frozenset({"length", "format", "validate", "pattern"}),
        "boolean": frozenset(),
        "uuid": frozenset(),
        "enum": frozenset({"values"}),
        "list": frozenset({"items", "min_items", "max_items"}),
        "object": frozenset({"attributes"}),
    }
)
#: What the classic language's ``validate`` says as a format.
VALIDATE: Final[Mapping[str, Format]] = MappingProxyType(
    {"mac_address": Format.MAC, "ipv4address": Format.IPV4, "ipv6address": Format.IPV6}
)
#: The longest text: the API refuses larger values.
MAX_LENGTH: Final = 2**20

_RANGE: Final = re.compile(r"\s*(-?\d{1,19})\s*-\s*(-?\d{1,19})\s*", re.ASCII)


class Members(Protocol):
    """Builds the members of a structure: the part of ``gluon.model.attributes`` that types need."""

    def __call__(self, attributes: Map) -> tuple[Attribute, ...]: ...


@dataclass(slots=True)
class Types:
    """Builds types. What is wrong is noted; where no type can be told the answer is None."""

    references: References
    faults: Faults
    members: Members
    meant: dict[str, str | None] = field(default_factory=dict)

    def of(self, fields: Fields, *, implied: str | None = None) -> Type | None:
        """The type that these keys describe; ``implied`` is its name where none is given."""
        name = fields.text("type") or implied
        if name is None:
            if "type" not in fields:
                self.faults.add(fields.place, "has no type")
            return None
        fitting = FITTING.get(name)
        if fitting is None and not self.references.known(name):
            if name not in self.meant:
                self.meant[name] = self._meant(name)
            self.faults.add(fields.at("type"), f"unknown type '{name}'", self.meant[name])
            return None
        for key in grammar.TYPE.keys() & fields.entries.keys() - {"type", "description"} - (fitting or frozenset()):
            self.faults.add(fields.entries[key].place, f"{key} does not fit the type {name}")
        return self._built(name, fields)

    def _meant(self, name: str) -> str | None:
        """What a writer of an unknown type most likely meant: with a capital an object, of which most begin with one."""
        objects = (*self.references.flats, *self.references.lost)
        if name[:1].isupper():
            return nearest(name, objects) or nearest(name, FITTING, likeness=0.8)
        return nearest(name, [*FITTING, *objects])

    def _built(self, name: str, fields: Fields) -> Type | None:  # noqa: PLR0911 - one branch for each type
        match name:
            case "integer":
                return self._integer(fields)
            case "number":
                low, high = fields.number("min"), fields.number("max")
                self._ordered(fields, "min", "max", low, high)
                return Number(low, high)
            case "string":
                return self._string(fields)
            case "enum":
                return self._enum(fields)
            case "list":
                return self._list(fields)
            case "boolean":
                return Boolean()
            case "uuid":
                return Uuid()
            case "object":
                members = fields.map("attributes")
                return Json() if members is None else self._structure(fields, members)
            case _:
                return self._reference(name, fields)

    def _reference(self, name: str, fields: Fields) -> Reference | None:
        targets = self.references.targets(name)
        if not targets and not self.references.lost:
            self.faults.add(fields.at("type"), f"refers to '{name}', a base object that no object with an api extends")
        return self.references.reference(targets, fields.at("type")) if targets else None

    def _ordered(self, fields: Fields, low: str, high: str, least: float | None, most: float | None) -> None:
        if least is not None and most is not None and least > most:
            self.faults.add(fields.at(low), f"{low} {least} is over {high} {most}")

    def _integer(self, fields: Fields) -> Integer:
        format = fields.text("format") or "int32"
        if format not in ("int32", "int64"):
            self.faults.no_choice(fields.at("format"), "format of an integer", format, ("int32", "int64"))
        low, high = INT64 if format == "int64" else INT32
        least, most = self._bound(fields, "min", low, high), self._bound(fields, "max", low, high)
        for value in fields.texts("values"):
            match = _RANGE.fullmatch(value.text)
            if match:
                least, most = max(low, int(match[1])), min(high, int(match[2]))
            else:
                self.faults.add(value.place, "values of an integer are a range like '1-31': use min and max")
        self._ordered(fields, "min", "max", least, most)
        least, most = low if least is None else least, high if most is None else most
        return Integer("int64", least, most) if format == "int64" else Integer("int32", least, most)

    def _bound(self, fields: Fields, key: str, low: int, high: int) -> int | None:
        bound = fields.whole(key)
        if bound is None and key in fields:
            self.faults.add(fields.at(key), f"{key} of an integer must be a whole number")
        elif bound is not None and not low <= bound <= high:
            self.faults.add(fields.at(key), f"{key} {bound} is not between {low} and {high}, the bounds of its format")
        return bound

    def _string(self, fields: Fields) -> String:
        length = fields.whole("length")
        if length is not None and not 1 <= length <= MAX_LENGTH:
            self.faults.add(fields.at("length"), f"length must be between 1 and {MAX_LENGTH}")
        pattern = fields.text("pattern")
        if pattern is not None:
            try:
                patterns.compiled(pattern)
            except ValueError as error:
                self.faults.add(fields.at("pattern"), f"not a regular expression: {error}")
                pattern = None
        return String(DEFAULT_LENGTH if length is None else length, pattern, self._format(fields))

    def _format(self, fields: Fields) -> Format | None:
        found = None
        for key, words in (("format", {f.value: f for f in Format}), ("validate", dict(VALIDATE))):
            word = fields.text(key)
            if word is not None and word not in words:
                self.faults.no_choice(fields.at(key), "format of a string", word, words)
            elif word is not None:
                found = words[word]
        if "format" in fields and "validate" in fields:
            self.faults.add(fields.at("validate"), "format and validate both say what the text must look like: keep one")
        return found

    def _enum(self, fields: Fields) -> Enum:
        words = fields.texts("values")
        if not words and "values" not in fields.wrong:
            self.faults.add(fields.at("values"), "an enum needs values: the words it may be")
        values: dict[str, None] = {}
        for word in words:
            if word.text in values:
                self.faults.add(word.place, f"the value '{word.text}' again")
            elif not 1 <= len(word.text) <= DEFAULT_LENGTH:
                self.faults.add(word.place, f"a value of an enum has between 1 and {DEFAULT_LENGTH} characters")
            values[word.text] = None
        return Enum(tuple(values))

    def _list(self, fields: Fields) -> List | None:
        node = fields.node("items")
        if node is None:
            if "items" not in fields:
                self.faults.add(fields.place, "a list needs items: a type, an object's name, or a structure")
            return None
        least, most = fields.whole("min_items"), fields.whole("max_items")
        for key, bound in (("min_items", least), ("max_items", most)):
            if bound is not None and bound < 0:
                self.faults.add(fields.at(key), f"{key} must not be negative")
        self._ordered(fields, "min_items", "max_items", least, most)
        if isinstance(node, Map):
            inner = grammar.check(node, grammar.TYPE, "items", self.faults)
            items = self.of(inner, implied="object" if "attributes" in inner else None)
        elif as_text(node) in ("enum", "list"):
            self.faults.add(node.place, f"items of type {as_text(node)} are written as a map, with the keys of that type")
            return None
        else:
            items = self.of(_named(node, fields))
        return None if items is None else List(items, least or 0, most)

    def _structure(self, fields: Fields, members: Map) -> Structure:
        if not members.entries:
            self.faults.add(fields.at("attributes"), "a structure needs attributes; without the key it is free JSON")
        return Structure(self.members(members))


def _named(node: object, fields: Fields) -> Fields:
    """The keys of an item that is but the name of a type."""
    entry = fields.entries["items"]
    return Fields(entry.value.place, {"type": entry})
