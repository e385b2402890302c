# SPDX-License-Identifier: Apache-2.0
"""Attributes and the types that they can have: a closed union. A structure's type holds attributes again, so both live here.

Every printer walks it with ``match … case _: assert_never(t)``, so that a new type is a type error until each of them knows it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Action = Literal["create", "get", "list", "update", "delete"]
ACTIONS: Final[tuple[Action, ...]] = ("create", "get", "list", "update", "delete")
OnDelete = Literal["restrict", "cascade", "set_null"]

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
DEFAULT_LENGTH = 255


class Format(enum.Enum):
    """What a string must look like; ``gluon.model.formats`` checks each and brings it into canonical form."""

    DATE_TIME = "date-time"
    JSON = "json"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    IP = "ip"
    CIDR = "cidr"
    MAC = "mac"
    URI = "uri"
    EMAIL = "email"
    HOSTNAME = "hostname"
    ROUTE_TARGET = "route-target"
    ROUTE_DISTINGUISHER = "route-distinguisher"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number. ``min`` and ``max`` are always set: at least to the bounds of the format."""

    format: Literal["int32", "int64"] = "int32"
    min: int = INT32[0]
    max: int = INT32[1]


@dataclass(frozen=True, slots=True)
class Number:
    """An IEEE 754 double; never NaN or infinite."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class String:
    """Text of at most ``length`` code points, without NUL. ``pattern`` is searched for as ``gluon.model.patterns`` says."""

    length: int = DEFAULT_LENGTH
    pattern: str | None = None
    format: Format | None = None


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Uuid:
    """A UUID; canonical is lower case with dashes (RFC 9562)."""


@dataclass(frozen=True, slots=True)
class Enum:
    """One of a few words."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to another object's identifier.

    ``targets`` names the API objects it may point to, sorted: one, or several where the model points to a base object that
    several extend. ``key`` is the type of their identifier (the same for all of them; never itself a Reference).
    """

    targets: tuple[str, ...]
    key: Uuid | String | Integer | Enum


@dataclass(frozen=True, slots=True)
class List:
    """Values in a kept order. With ``unique`` no two objects of the kind may hold the same item."""

    items: Type
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """A typed object inside an attribute."""

    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Json:
    """A free JSON object."""


Scalar = Integer | Number | String | Boolean | Uuid | Enum | Reference
Type = Integer | Number | String | Boolean | Uuid | Enum | Reference | List | Structure | Json


class Unset(enum.Enum):
    """The type of ``UNSET``: no default is given (``None`` could be one)."""

    UNSET = enum.auto()


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model file something stands. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an object or a structure.

    At most one of ``default``, ``default_from`` (another attribute of the object whose value is taken), ``allocate`` (an
    integer: a free value between min and max, unique) and ``generate`` (a uuid, or a MAC address, is made) says what
    the value is where none is given; with none of the four it is null.
    """

    name: str
    type: Type
    place: Place
    description: str = ""
    required: bool = False
    default: Any | Unset = UNSET
    default_from: str | None = None
    allocate: bool = False
    generate: bool = False
    unique: bool = False
    immutable: bool = False
    readonly: bool = False
    write_only: bool = False
    on_delete: OnDelete = "restrict"
    renamed_from: str | None = None
    policies: Mapping[Action, str] = field(default_factory=dict)
