# SPDX-License-Identifier: Apache-2.0
"""The commands document as typed values: a Document has Nouns (objects), a Noun has Options (attributes).

Only what is asked for is read, so that one command of a large Proton costs no more than one of a small one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VERBS = ("list", "create", "show", "update", "delete")


class Malformed(ValueError):
    """This is not a commands document."""


@dataclass(frozen=True, slots=True)
class Value:
    """How a value looks: ``type`` is integer, number, string, boolean, list or object."""

    type: str
    format: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    length: int | None = None
    references: tuple[str, ...] = ()
    items: Value | None = None
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One attribute as an option. ``verbs`` says for which of create, update and list."""

    name: str
    value: Value
    verbs: tuple[str, ...] = ()
    help: str = ""
    required: bool = False
    secret: bool = False
    default: Any = None
    filled: str = ""


@dataclass(frozen=True, slots=True)
class Noun:
    """One object of the API. ``includes``: what is shown with it where that is asked for."""

    name: str
    plural: str
    path: str
    identifier: str
    description: str
    binds: bool
    parent: str | None
    fields: tuple[str, ...]
    includes: tuple[str, ...]
    columns: tuple[str, ...]
    options: tuple[Option, ...]

    def options_of(self, verb: str) -> Iterator[Option]:
        """The options that a verb takes."""
        return (o for o in self.options if verb in o.verbs)


class Document:
    """The commands of one version of a Proton."""

    def __init__(self, document: Any) -> None:
        """Raises ``Malformed`` where the outline is wrong; a noun's inside is looked at when it is read."""
        try:
            self.proton = str(document["proton"])
            self.version = str(document["version"])
            self.description = str(document["description"])
            self._objects: Mapping[str, Any] = {str(o["name"]): o for o in document["objects"]}
        except (KeyError, TypeError) as error:
            raise Malformed(str(error)) from None

    @property
    def names(self) -> tuple[str, ...]:
        """The nouns."""
        return tuple(self._objects)

    def description_of(self, name: str) -> str:
        """What a noun is for."""
        return str(self._objects[name].get("description", ""))

    def noun(self, name: str) -> Noun:
        """Read one noun. Raises ``KeyError`` where there is none of this name, ``Malformed``."""
        found = self._objects[name]
        try:
            return _noun(found)
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed(str(error)) from None


def _noun(found: Mapping[str, Any]) -> Noun:
    parent = found.get("parent")
    return Noun(
        name=found["name"],
        plural=found["plural"],
        path=found["path"],
        identifier=found["identifier"],
        description=found["description"],
        binds=found.get("binds", False),
        parent=parent["key"] if parent else None,
        fields=tuple(found["fields"]),
        includes=tuple(found.get("includes", ())),
        columns=tuple(found["columns"]),
        options=tuple(map(_option, found["options"])),
    )


def _option(found: Mapping[str, Any]) -> Option:
    return Option(
        name=found["name"],
        value=_value(found),
        verbs=tuple(found["verbs"]),
        help=found.get("help", ""),
        required=found.get("required", False),
        secret=found.get("secret", False),
        default=found.get("default"),
        filled=found.get("filled", ""),
    )


def _value(found: Mapping[str, Any]) -> Value:
    return Value(
        type=found["type"],
        format=found.get("format", ""),
        choices=tuple(found.get("choices", ())),
        low=found.get("min"),
        high=found.get("max"),
        length=found.get("length"),
        references=tuple(found.get("references", ())),
        items=_value(found["items"]) if "items" in found else None,
        attributes=tuple(a["name"] for a in found.get("attributes", ())),
    )
