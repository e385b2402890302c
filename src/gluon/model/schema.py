# SPDX-License-Identifier: Apache-2.0
"""A compiled model: frozen nouns that everything downstream reads and nothing writes.

    Proton ── Object ── Attribute ── Type
                └─ Api, Role, policies

Behaviour hangs on ``Role`` and on the attributes of the base objects, never on the name of an object or a path.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gluon.model.types import ACTIONS, UNSET, Action, Attribute, OnDelete, Place, Reference, Unset

__all__ = [
    "ACTIONS",
    "BINDING_ATTRIBUTES",
    "BINDING_ID",
    "BOOKKEEPING",
    "ROLE_OF_BASE",
    "UNSET",
    "Action",
    "Api",
    "Attribute",
    "BindingState",
    "Info",
    "Object",
    "OnDelete",
    "Place",
    "Proton",
    "Role",
    "Unset",
]


class Role(enum.Enum):
    """What an object is, through what it extends."""

    PORT = "port"
    INTERFACE = "interface"
    SERVICE = "service"
    SERVICE_BINDING = "service binding"
    PLAIN = "plain"


#: The base objects that give a role to whatever extends them.
ROLE_OF_BASE: Final[Mapping[str, Role]] = {
    "BasePort": Role.PORT,
    "BaseInterface": Role.INTERFACE,
    "BaseService": Role.SERVICE,
    "BaseServiceBinding": Role.SERVICE_BINDING,
}

#: Kept by the server on every object; no model may use these names. All are in each stored record.
BOOKKEEPING: Final = ("revision", "generation", "incarnation", "created_at", "updated_at")
#: Readonly attributes that the compiler appends to every port, after the model's own (they are in ``Object.attributes``).
BINDING_ATTRIBUTES: Final = ("binding_state", "binding_reason", "binding_controller")
#: Kept on every port beside its attributes: in the record and in etcd, not in the API.
BINDING_ID: Final = "binding_id"


class BindingState(enum.StrEnum):
    """Where a port's binding stands (attribute ``binding_state``)."""

    UNBOUND = "UNBOUND"
    BINDING = "BINDING"
    BOUND = "BOUND"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Api:
    """How an object appears in the API. ``name`` is singular (the CLI's noun), ``plural_name`` the path segment.

    ``parent`` is the name of the parent object, ``parent_key`` the attribute here that refers to it.
    """

    name: str
    plural_name: str
    parent: str | None = None
    parent_key: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """An API object. Compared and hashed by identity: one compiled model has one of each."""

    proton: str
    name: str
    role: Role
    api: Api
    identifier: Attribute
    attributes: tuple[Attribute, ...]
    policies: Mapping[Action, str]
    unique: tuple[tuple[str, ...], ...]
    place: Place
    description: str = ""
    by_name: Mapping[str, Attribute] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {a.name: a for a in self.attributes})

    @property
    def is_port(self) -> bool:
        """Whether this is the object that Gluon binds."""
        return self.role is Role.PORT

    def references(self) -> tuple[Attribute, ...]:
        """The attributes that are themselves references (not the lists of references)."""
        return tuple(a for a in self.attributes if isinstance(a.type, Reference))


@dataclass(frozen=True, slots=True)
class Info:
    """Who made a model, as its ``info`` says."""

    name: str
    version: str
    description: str = ""
    author: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Proton:
    """A compiled model: the APIs of one networking service in one version.

    ``objects`` are the API objects in the order of the file. ``order`` lists the same in the order of references: what an
    object refers to comes before it (objects that refer to one another in a circle keep the order of the file).
    """

    name: str
    version: str
    info: Info
    objects: tuple[Object, ...]
    order: tuple[Object, ...]
    by_name: Mapping[str, Object] = field(init=False, repr=False)
    by_plural: Mapping[str, Object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {o.name: o for o in self.objects})
        object.__setattr__(self, "by_plural", {o.api.plural_name: o for o in self.objects})

    def having(self, role: Role) -> tuple[Object, ...]:
        """The objects of a role."""
        return tuple(o for o in self.objects if o.role is role)

    @property
    def port(self) -> Object | None:
        """The object that holds the role of port, if any."""
        return next(iter(self.having(Role.PORT)), None)

    @property
    def interface(self) -> Object | None:
        """The object that holds the role of interface, if any."""
        return next(iter(self.having(Role.INTERFACE)), None)
