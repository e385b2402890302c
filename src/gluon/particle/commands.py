# SPDX-License-Identifier: Apache-2.0
"""The commands document: all that protonclient must know of a Proton to talk about it, as plain JSON.

Served at ``/proton/<proton>/v<version>/commands.json`` and kept by the client, so that the client needs neither model nor code.

    {"proton", "version", "description", "path",
     "objects": [{"name", "plural", "path", "identifier", "description",
                  "binds"?: true, "role"?: port|interface|service|service_binding, "parent"?: {"name", "key"},
                  "fields": [what an answer shows], "columns": [those of a table], "includes"?: [what it shows where asked to],
                  "options": [{"name", "verbs": [create|update|list], "help"?, "required"?, "secret"?, "default"?, "filled"?,
                               "type", "format"?, "choices"?, "min"?, "max"?, "length"?, "pattern"?, "references"?,
                               "items"?, "attributes"?}]}]}

What has nothing to say is left out. ``type`` is the JSON type of the value: integer, number, string, boolean, list, object.
``verbs`` says where an option goes: into the body of create and update, or as a filter of list.
This printer must know neither how the client shows these things nor how the server routes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from gluon.model.schema import UNSET, Attribute, Object, Proton, Role
from gluon.model.types import (
    DEFAULT_LENGTH,
    INT32,
    INT64,
    Boolean,
    Enum,
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
from gluon.particle.schemas import included

#: Shown with each object besides its attributes.
_KEPT_BY_SERVER = ("created_at", "updated_at", "revision")
#: What a reader of a table of ports looks for; attributes of the base port, so every port has them.
_PORT_COLUMNS = ("mac_address", "host_id", "device_id", "binding_state", "vif_type")
_TABLE_COLUMNS = 6


def commands(proton: Proton) -> dict[str, Any]:
    """The commands document of one version of a Proton."""
    path = f"/proton/{proton.name}/v{proton.version}"
    return {
        "proton": proton.name,
        "version": proton.version,
        "description": proton.info.description,
        "path": path,
        "objects": [_object(proton, o, path) for o in proton.objects],
    }


def _object(proton: Proton, obj: Object, path: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": obj.api.name,
        "plural": obj.api.plural_name,
        "path": f"{path}/{obj.api.plural_name}",
        "identifier": obj.identifier.name,
        "description": obj.description,
        "fields": [a.name for a in obj.attributes if not a.write_only] + list(_KEPT_BY_SERVER),
        "columns": _columns(obj),
        "options": [_option(proton, obj, a) for a in obj.attributes],
    }
    if obj.is_port:
        described["binds"] = True
    if includes := included(obj):
        described["includes"] = list(includes)
    if obj.role is not Role.PLAIN:
        described["role"] = obj.role.value.replace(" ", "_")
    if obj.api.parent is not None:
        described["parent"] = {"name": proton.by_name[obj.api.parent].api.name, "key": obj.api.parent_key}
    return described


def _columns(obj: Object) -> list[str]:
    """What a table of a list shows: what tells the objects apart comes first, what is long or the same everywhere never."""
    names = [obj.identifier.name]
    names += [n for n in ("name", *(_PORT_COLUMNS if obj.role is Role.PORT else ())) if n in obj.by_name]
    if obj.role is Role.PORT:
        return names
    telling = [a for a in obj.attributes if not a.write_only and a.name not in (*names, "tenant_id", "description")]
    flat = [a.name for a in telling if not isinstance(a.type, Json | Structure)]
    first = [a.name for a in telling if a.name in flat and (a.required or isinstance(a.type, Reference))]
    return list(dict.fromkeys([*names, *first, *flat]))[:_TABLE_COLUMNS]


def _option(proton: Proton, obj: Object, attribute: Attribute) -> dict[str, Any]:
    return {
        "name": attribute.name,
        "verbs": list(_verbs(obj, attribute)),
        **_said_of(attribute),
        **_value(proton, attribute.type),
    }


def _verbs(obj: Object, attribute: Attribute) -> Iterator[str]:
    if not attribute.readonly:
        yield "create"
        if not attribute.immutable and attribute is not obj.identifier:
            yield "update"
    if not attribute.write_only and not isinstance(attribute.type, List | Structure | Json):
        yield "list"


def _said_of(attribute: Attribute) -> dict[str, Any]:
    """What an attribute says beside its type; only what there is."""
    said: dict[str, Any] = {}
    if attribute.description:
        said["help"] = attribute.description
    if attribute.required and not _is_filled(attribute):
        said["required"] = True
    if attribute.write_only:
        said["secret"] = True
    if attribute.default is not UNSET and attribute.default is not None:
        said["default"] = attribute.default
    if attribute.allocate:
        said["filled"] = "a free value"
    elif attribute.generate:
        said["filled"] = "generated"
    elif attribute.default_from:
        said["filled"] = f"that of {attribute.default_from}"
    return said


def _is_filled(attribute: Attribute) -> bool:
    """Whether there is a value where none is given; then nobody must give one."""
    has_default = attribute.default is not UNSET and attribute.default is not None
    return has_default or attribute.allocate or attribute.generate or attribute.default_from is not None


def _value(proton: Proton, type: Type) -> dict[str, Any]:  # noqa: PLR0911 - one line for each type
    """How a value looks."""
    match type:
        case Integer(min=low, max=high):
            return {"type": "integer", **_bounds(low, high)}
        case Number(min=lowest, max=highest):
            return {"type": "number", **_bounds(lowest, highest)}
        case String():
            return _string(type)
        case Boolean():
            return {"type": "boolean"}
        case Uuid():
            return {"type": "string", "format": "uuid"}
        case Enum(values=values):
            return {"type": "string", "choices": list(values)}
        case Reference(targets=targets, key=key):
            return {**_value(proton, key), "references": [proton.by_name[t].api.name for t in targets]}
        case List(items=items):
            return {"type": "list", "items": _value(proton, items)}
        case Structure(attributes=attributes):
            return {
                "type": "object",
                "attributes": [{"name": a.name, **_said_of(a), **_value(proton, a.type)} for a in attributes],
            }
        case Json():
            return {"type": "object"}
        case _:
            assert_never(type)


def _string(type: String) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "string"}
    if type.format is not None:
        value["format"] = type.format.value
    if type.length != DEFAULT_LENGTH:
        value["length"] = type.length
    if type.pattern is not None:
        value["pattern"] = type.pattern
    return value


def _bounds(low: float | None, high: float | None) -> dict[str, Any]:
    """The bounds that a model set; those of the format say nothing to a user."""
    bounds: dict[str, Any] = {}
    if low is not None and low not in (INT32[0], INT64[0]):
        bounds["min"] = low
    if high is not None and high not in (INT32[1], INT64[1]):
        bounds["max"] = high
    return bounds
