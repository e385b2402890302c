# SPDX-License-Identifier: Apache-2.0
"""Values for the attributes of any model, for tests that know no model."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final, assert_never

from gluon.model.schema import UNSET, Attribute, Object
from gluon.model.types import Boolean, Enum, Format, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

_FORMATS: Final[Mapping[Format, str]] = {
    Format.DATE_TIME: "2030-01-01T00:00:00.{n:06d}Z",
    Format.JSON: '{{"n": {n}}}',
    Format.IPV4: "10.0.{h}.{l}",
    Format.IPV6: "2001:db8::{n:x}",
    Format.IP: "10.1.{h}.{l}",
    Format.CIDR: "10.{l}.{h}.0/24",
    Format.MAC: "02:00:00:00:{h:02x}:{l:02x}",
    Format.URI: "http://example.org/{n}",
    Format.EMAIL: "user{n}@example.org",
    Format.HOSTNAME: "host-{n}.example.org",
    Format.ROUTE_TARGET: "64512:{n}",
    Format.ROUTE_DISTINGUISHER: "64512:{n}",
}

#: Identifiers of objects that are there, by kind.
Known = Mapping[str, list[str]]


def example(obj: Object, known: Known, number: int) -> dict[str, Any]:
    """Attributes of the ``number``th object of a kind: what must be given, a name, and references to what is known.

    What has a default is left to it.
    """
    values: dict[str, Any] = {}
    for attribute in obj.attributes:
        pointing = isinstance(attribute.type, Reference) and any(known.get(kind) for kind in attribute.type.targets)
        if attribute.name == obj.identifier.name or _needed(attribute) or attribute.name == "name" or pointing:
            values[attribute.name] = some(attribute.type, known, number)
    return values


def _needed(attribute: Attribute) -> bool:
    return attribute.required and attribute.default is UNSET


def some(type: Type, known: Known, number: int) -> Any:  # noqa: PLR0911 - a case for each type
    """A value of this type, another one for another number where the type has room."""
    match type:
        case Integer():
            return type.min + number % (type.max - type.min + 1)
        case Number():
            return float(type.min or 0)
        case Boolean():
            return bool(number % 2)
        case String():
            form = "text-{n}" if type.format is None else _FORMATS[type.format]
            return form.format(n=number, h=number // 256 % 256, l=number % 256)[: type.length]
        case Uuid():
            return str(uuid.UUID(int=number))
        case Enum():
            return type.values[number % len(type.values)]
        case Reference():
            ids = [id for kind in type.targets for id in known.get(kind, ())]
            return ids[number % len(ids)] if ids else some(type.key, known, number)
        case List():
            return [some(type.items, known, number)]
        case Structure():
            return {a.name: some(a.type, known, number) for a in type.attributes}
        case Json():
            return {"number": number}
        case _:
            assert_never(type)
