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
from gluon.model.types import Enum, Json, Reference, String, Uuid

#: What Gluon reads and writes of an object that holds a role, and the types with which it can.
NEEDED: Final[Mapping[Role, Mapping[str, tuple[type, ...]]]] = MappingProxyType(
    {
        Role.PORT: {
            "tenant_id": (String, Uuid),
            "name": (String,),
            "device_id": (String, Uuid),
            "host_id": (String,),
            "status": (Enum, String),
            "vif_type": (String,),
            "vif_details": (Json,),
        },
        Role.INTERFACE: {"port_id": (Reference,)},
        Role.SERVICE_BINDING: {"interface_id": (Reference,), "service_id": (Reference,)},
    }
)
#: What the status of a port becomes when it is bound and unbound.
STATUSES: Final = ("ACTIVE", "DOWN")
#: What a default interface is given when its port is created.
GIVEN_TO_INTERFACE: Final = ("tenant_id", "name", "port_id", "segmentation_type", "segmentation_id")
#: Roles that one object at most may hold.
SINGLE: Final = (Role.PORT, Role.INTERFACE)

#: How faults call the types.
TYPE_NAMES: Final[Mapping[type, str]] = MappingProxyType(
    {String: "string", Uuid: "uuid", Enum: "enum", Json: "object without attributes", Reference: "a reference"}
)
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
        _needed(obj, flats[obj.name], faults)
    for role in SINGLE:
        for second in holders.get(role, [])[1:]:
            first = holders[role][0].name
            faults.add(second.place, f"a second object that extends {BASE_OF_ROLE[role]}: '{first}' does already")
    for interface in holders.get(Role.INTERFACE, ()):
        for port in holders.get(Role.PORT, ()):
            _default_interface(interface, port, faults)


def _needed(obj: Object, flat: Flat, faults: Faults) -> None:
    base = BASE_OF_ROLE.get(obj.role)
    for name, kinds in NEEDED.get(obj.role, {}).items():
        attribute = obj.by_name.get(name)
        if name not in flat.attributes:
            faults.add(obj.place, f"'{obj.name}' extends {base}, and so needs an attribute '{name}'")
        elif attribute and not isinstance(attribute.type, kinds):
            wanted = " or ".join(TYPE_NAMES[kind] for kind in kinds)
            faults.add(attribute.place, f"'{name}' of an object that extends {base} must be of type {wanted}")
    status = obj.by_name.get("status") if obj.is_port else None
    if status and isinstance(status.type, Enum) and not {*STATUSES} <= {*status.type.values}:
        faults.add(status.place, f"the status of a port must have the values {' and '.join(STATUSES)}")


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
