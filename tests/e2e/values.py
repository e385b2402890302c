# SPDX-License-Identifier: Apache-2.0
"""Values for the attributes of any model, so that one story can be told of all of them."""

import uuid
from typing import Any, assert_never

from gluon.model.schema import Attribute, Object, Proton, Role
from gluon.model.types import Boolean, Enum, Format, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

TENANT = "0123456789abcdef0123456789abcdef"

_OF_FORMAT = {
    Format.DATE_TIME: "2026-01-02T03:04:05.000000Z",
    Format.JSON: '{"a": 1}',
    Format.IPV4: "192.0.2.7",
    Format.IPV6: "2001:db8::7",
    Format.IP: "192.0.2.8",
    Format.CIDR: "192.0.2.0/24",
    Format.MAC: "fa:16:3e:00:00:07",
    Format.URI: "https://example.org/x",
    Format.EMAIL: "someone@example.org",
    Format.HOSTNAME: "host.example.org",
    Format.ROUTE_TARGET: "65000:7",
    Format.ROUTE_DISTINGUISHER: "65000:7",
}


def needed(proton: Proton, obj: Object, made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A body that creates ``obj``: what must be given, and every reference that can be."""
    body: dict[str, Any] = {}
    for attribute in obj.attributes:
        if attribute.readonly:
            continue
        if attribute.name == "tenant_id":
            body["tenant_id"] = TENANT
        elif isinstance(attribute.type, Reference):
            target = next((t for t in attribute.type.targets if t in made), None)
            if target is not None:
                body[attribute.name] = made[target][proton.by_name[target].identifier.name]
        elif attribute.required:
            body[attribute.name] = value(attribute.type, made, proton)
    return body


def value(type_: Type, made: dict[str, dict[str, Any]], proton: Proton) -> Any:  # noqa: PLR0911 - one line a type
    """Some value of the type."""
    match type_:
        case Integer():
            return max(type_.min, 1)
        case Number():
            return type_.min or 1.5
        case String():
            return _OF_FORMAT[type_.format] if type_.format else "text"[: type_.length]
        case Boolean():
            return True
        case Uuid():
            return str(uuid.uuid4())
        case Enum():
            return type_.values[0]
        case Reference():
            target = next(t for t in type_.targets if t in made)
            return made[target][proton.by_name[target].identifier.name]
        case List():
            return [value(type_.items, made, proton)] * max(type_.min_items, 1)
        case Structure():
            return {a.name: value(a.type, made, proton) for a in type_.attributes if a.required}
        case Json():
            return {"key": [1, True, None]}
        case _:
            assert_never(type_)


def changeable(obj: Object) -> Attribute | None:
    """A plain text attribute that a client may change."""
    texts = (a for a in obj.attributes if isinstance(a.type, String) and not a.type.format and not a.type.pattern)
    mine = (a for a in texts if a is not obj.identifier and not (a.readonly or a.immutable or a.unique or a.write_only))
    return next((a for a in mine if a.name not in ("tenant_id", "device_id", "host_id", "vif_type", "status")), None)


def made_by_clients(proton: Proton) -> list[Object]:
    """The objects in an order in which they can be created; the default interface comes with its port."""
    return [obj for obj in proton.order if obj.role is not Role.INTERFACE]
