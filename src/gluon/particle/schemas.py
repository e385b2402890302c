# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas (draft 2020-12) of the objects: for creation, for a change, and as answers show them.

Every printer that describes JSON takes them from here. Keywords and formats are those of the draft; formats that it does not
have keep the model's word, which a validator may ignore.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, assert_never

from gluon.model.schema import UNSET, Attribute, Object
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

Schema = dict[str, Any]

#: Values that a list can be filtered by at once, any of which will do: the identifiers of a page of the default size.
MAX_VALUES: Final = 1000
#: The member of a port's document that a request may have included: what its interfaces are bound to.
SERVICE_BINDINGS: Final = "service_bindings"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIME: Final[Schema] = {"type": "string", "format": "date-time", "readOnly": True}
#: What an answer shows of an object after its attributes. A request may repeat it, as it may repeat any readonly attribute.
BOOKKEEPING: Final[dict[str, Schema]] = {
    "created_at": {**_TIME, "description": "When it was created, in UTC."},
    "updated_at": {**_TIME, "description": "When it last changed, in UTC."},
    "revision": {
        "type": "integer",
        "minimum": 1,
        "readOnly": True,
        "description": "Grows with every visible change; the ETag.",
    },
}


def filled_in(attribute: Attribute) -> bool:
    """Whether the server has a value for an attribute where none is given."""
    return attribute.default is not UNSET or bool(attribute.default_from) or attribute.allocate or attribute.generate


def required(obj: Object) -> frozenset[str]:
    """What the body of a creation must give."""
    return frozenset(
        a.name for a in obj.attributes if (a.required or a is obj.identifier) and not filled_in(a) and not a.readonly
    )


def nullable(obj: Object, attribute: Attribute) -> bool:
    """Whether an attribute of an object may be null."""
    return not attribute.required and attribute.name != obj.identifier.name


def filterable(attribute: Attribute) -> bool:
    """Whether lists can be filtered by an attribute: its values can be written in a URL, and it is no secret."""
    match attribute.type:
        case Integer() | Number() | String() | Boolean() | Uuid() | Enum() | Reference():
            return not attribute.write_only
        case List() | Structure() | Json():
            return False
        case _:
            assert_never(attribute.type)


def included(obj: Object) -> tuple[str, ...]:
    """What a request may have included in the documents of an object: nothing that the model itself calls so."""
    return (SERVICE_BINDINGS,) if obj.is_port and SERVICE_BINDINGS not in obj.by_name else ()


def full(obj: Object) -> Schema:
    """An object as answers show it."""
    shown = [a for a in obj.attributes if not a.write_only]
    properties = {a.name: attribute_schema(a, null=nullable(obj, a)) for a in shown}
    return {
        "type": "object",
        **_described(obj.description),
        "properties": {**properties, **BOOKKEEPING},
        "required": [a.name for a in shown] + list(BOOKKEEPING),
    }


def create(obj: Object, given: Collection[str] = ()) -> Schema:
    """The body of a creation; what is ``given`` by the path it may leave out."""
    schema = update(obj)
    needed = [name for name in obj.by_name if name in required(obj) and name not in given]
    if "project_id" in schema["properties"] and "project_id" not in obj.by_name and "tenant_id" in needed:
        needed.remove("tenant_id")
        schema["anyOf"] = [{"required": ["tenant_id"]}, {"required": ["project_id"]}]
    if needed:
        schema["required"] = needed
    return schema


def update(obj: Object) -> Schema:
    """The body of a change: what it does not name stays as it is, and what is readonly it may repeat."""
    properties = {a.name: attribute_schema(a, null=a.readonly or nullable(obj, a)) for a in obj.attributes}
    properties |= {name: _or_null(schema) for name, schema in BOOKKEEPING.items()}
    if properties[obj.identifier.name]["type"] == "string":
        properties[obj.identifier.name]["minLength"] = 1
    tenant = obj.by_name.get("tenant_id")
    if tenant is not None and "project_id" not in obj.by_name:
        properties["project_id"] = {**type_schema(tenant.type), "description": "Another name for tenant_id."}
    return {"type": "object", **_described(obj.description), "properties": properties, "additionalProperties": False}


def attribute_schema(attribute: Attribute, *, null: bool) -> Schema:
    """The schema of an attribute's value, with what the model says of it."""
    schema = type_schema(attribute.type)
    if null:
        schema = _or_null(schema)
    schema |= _described(attribute.description)
    if attribute.default is not UNSET:
        schema["default"] = attribute.default
    if attribute.readonly:
        schema["readOnly"] = True
    if attribute.write_only:
        schema["writeOnly"] = True
    return schema


def type_schema(type: Type) -> Schema:  # noqa: PLR0911 - one return for each type
    """The schema of a type's values."""
    match type:
        case Integer():
            return {"type": "integer", "format": type.format, "minimum": type.min, "maximum": type.max}
        case Number():
            bounds = {"minimum": type.min, "maximum": type.max}
            return {"type": "number", "format": "double", **{k: v for k, v in bounds.items() if v is not None}}
        case String():
            return _string(type)
        case Boolean():
            return {"type": "boolean"}
        case Uuid():
            return {"type": "string", "format": "uuid"}
        case Enum():
            return {"type": "string", "enum": list(type.values)}
        case Reference():
            return type_schema(type.key) | {"description": "The identifier of: " + ", ".join(type.targets) + "."}
        case List():
            return _list(type)
        case Structure():
            return _structure(type)
        case Json():
            return {"type": "object"}
        case _:
            assert_never(type)


def _string(type: String) -> Schema:
    schema: Schema = {"type": "string", "maxLength": type.length}
    if type.pattern is not None:
        schema["pattern"] = type.pattern
    if type.format is not None:
        schema["format"] = type.format.value
    return schema


def _list(type: List) -> Schema:
    schema: Schema = {"type": "array", "items": type_schema(type.items)}
    if type.min_items:
        schema["minItems"] = type.min_items
    if type.max_items is not None:
        schema["maxItems"] = type.max_items
    return schema


def _structure(type: Structure) -> Schema:
    needed = [a.name for a in type.attributes if a.required and not filled_in(a)]
    schema: Schema = {
        "type": "object",
        "properties": {a.name: attribute_schema(a, null=not a.required) for a in type.attributes},
        "additionalProperties": False,
    }
    return schema | ({"required": needed} if needed else {})


def _or_null(schema: Schema) -> Schema:
    """The same, or null."""
    widened = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        widened["enum"] = [*schema["enum"], None]
    return widened


def _described(text: str) -> Schema:
    return {"description": text} if text else {}
