# SPDX-License-Identifier: Apache-2.0
"""What the roles ask of the objects that hold them, and what the compiler adds to a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gluon.model.faults import Faults
from gluon.model.inheritance import Flat
from gluon.model.schema import (
    BINDING_ATTRIBUTES,
    BINDING_ID,
    ROLE_OF_BASE,
    UNSET,
    Attribute,
    BindingState,
    Object,
    Place,
    Role,
)
from gluon.model.types import Enum, String

#: What Gluon reads and writes of an object that holds a role.
NEEDED: Final[Mapping[Role, tuple[str, ...]]] = MappingProxyType(
    {
        Role.PORT: ("tenant_id", "name", "device_id", "host_id", "status", "vif_type", "vif_details"),
        Role.INTERFACE: ("port_id",),
        Role.SERVICE_BINDING: ("interface_id", "service_id"),
    }
)
#: What a default interface is given when its port is created.
GIVEN_TO_INTERFACE: Final = ("tenant_id", "name", "port_id", "segmentation_type", "segmentation_id")
#: Roles that one object at most may hold.
SINGLE: Final = (Role.PORT, Role.INTERFACE)

BASE_OF_ROLE: Final[Mapping[Role, str]] = MappingProxyType({role: base for base, role in ROLE_OF_BASE.items()})


def reserved(role: Role) -> tuple[str, ...]:
    """The names of attributes that the compiler or the store add to an object of this role."""
    return (*BINDING_ATTRIBUTES, BINDING_ID) if role is Role.PORT else ()


def binding_attributes(place: Place) -> tuple[Attribute, ...]:
    """Where a port's binding stands: readonly attributes of every port."""
    states = Enum(tuple(state.value for state in BindingState))
    state, reason, controller = BINDING_ATTRIBUTES
    return (
        Attribute(
            state,
            states,
            place,
            "Whether the port is bound to its host",
            required=True,
            default=BindingState.UNBOUND.value,
            readonly=True,
        ),
        Attribute(reason, String(1024), place, "Why the last bind failed", readonly=True),
        Attribute(controller, String(), place, "The controller that bound the port", readonly=True),
    )


def check(objects: Sequence[Object], flats: Mapping[str, Flat], faults: Faults) -> None:
    """Note what the objects lack that their roles ask for."""
    holders: dict[Role, list[Object]] = {}
    for obj in objects:
        holders.setdefault(obj.role, []).append(obj)
        for name in NEEDED.get(obj.role, ()):
            if name not in flats[obj.name].attributes:
                faults.add(obj.place, f"'{obj.name}' extends {BASE_OF_ROLE[obj.role]}, which then needs the attribute '{name}'")
    for role in SINGLE:
        for second in holders.get(role, [])[1:]:
            first = holders[role][0].name
            faults.add(second.place, f"a second object that extends {BASE_OF_ROLE[role]}: '{first}' does already")
    for interface in holders.get(Role.INTERFACE, ()):
        for port in holders.get(Role.PORT, ()):
            _default_interface(interface, port, faults)


def _default_interface(interface: Object, port: Object, faults: Faults) -> None:
    """The default interface is made with its port, so nothing else of it may have to be given."""
    if interface.identifier.type != port.identifier.type:
        faults.add(
            interface.identifier.place,
            f"'{interface.name}' and '{port.name}' have identifiers of different types: a port's default interface has its id",
        )
    for a in interface.attributes:
        filled = a.default is not UNSET or a.default_from or a.allocate or a.generate
        if a.required and not filled and a is not interface.identifier and a.name not in GIVEN_TO_INTERFACE:
            faults.add(a.place, f"'{a.name}' is required without a default: the default interface of a port could not be made")
