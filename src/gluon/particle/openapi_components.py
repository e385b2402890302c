# SPDX-License-Identifier: Apache-2.0
"""What the operations of an OpenAPI document share: schemas, parameters, headers and the answers to what cannot be done.

An object Port has the schemas ``Port``, ``Port.Create``, ``Port.Update`` and ``Port.Page``; with a parent also
``Port.CreateNested``. No object's name holds a dot, so that no two can meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gluon.model.schema import Object, Proton, Role
from gluon.particle import schemas

Node = dict[str, Any]

#: The headers of an answer that shows one object.
ETAG: Final[Node] = {"ETag": {"$ref": "#/components/headers/ETag"}}

#: Status and description of each answer that is a problem, by the name of its component.
_PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "Invalid": ("400", "The request is wrong; errors lists everything that is."),
    "Missing": ("404", "There is no such object, or none that the asker may see."),
    "Conflict": ("409", "Something that is there stands in the way; the detail names it."),
    "Stale": ("412", "The object changed since the client read it."),
    "TooLarge": ("413", "The body or a value is over its limit."),
    "Unsupported": ("415", "The body is not JSON."),
    "Unavailable": ("503", "The database cannot be asked now, or the outcome is not known."),
    "Problem": ("default", "Any other problem."),
}
_TEXT: Final[Node] = {"type": "string"}
#: RFC 9457, with a list of everything that is wrong and the id under which the server logged the request.
_PROBLEM: Final[Node] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {
                        "type": "string",
                        "format": "json-pointer",
                        "description": "Where in the body; empty for all of it.",
                    },
                    "detail": _TEXT,
                },
                "required": ["pointer", "detail"],
            },
        },
        "request_id": _TEXT,
    },
    "required": ["title", "status", "detail", "errors", "request_id"],
}


def ref(kind: str, name: str) -> Node:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_answer(description: str, schema: Node, headers: Node | None = None) -> Node:
    """An answer that is JSON."""
    content = {"application/json": {"schema": schema}}
    return {"description": description, **({"headers": headers} if headers else {}), "content": content}


def problems(*names: str) -> Node:
    """The answers of an operation that are problems, by status; any operation may have others."""
    return {_PROBLEMS[name][0]: ref("responses", name) for name in (*names, "Problem")}


def components(proton: Proton) -> Node:
    """Everything that the operations refer to."""
    content = {"application/problem+json": {"schema": _PROBLEM}}
    etag = {
        "description": "The revision of the object.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$', "examples": ['"7"']},
    }
    return {
        "schemas": {name: schema for obj in proton.objects for name, schema in _schemas(proton, obj).items()},
        "parameters": {parameter["name"]: parameter for parameter in _parameters()},
        "headers": {"ETag": etag},
        "responses": {name: {"description": text, "content": content} for name, (_, text) in _PROBLEMS.items()},
    }


def _schemas(proton: Proton, obj: Object) -> Node:
    own = {
        obj.name: _shown(proton, obj),
        f"{obj.name}.Create": schemas.create(obj),
        f"{obj.name}.Update": schemas.update(obj),
        f"{obj.name}.Page": _page(obj),
    }
    if obj.api.parent_key is not None:
        own[f"{obj.name}.CreateNested"] = schemas.create(obj, (obj.api.parent_key,))
    return own


def _shown(proton: Proton, obj: Object) -> Node:
    """An object in answers; a port with what may be included."""
    shown = schemas.full(obj)
    kinds = [ref("schemas", binding.name) for binding in proton.having(Role.SERVICE_BINDING)]
    for name in schemas.included(obj):
        shown["properties"][name] = {
            "type": "array",
            "description": f"What its interfaces are bound to, where the request says include={name}.",
            **({"items": {"anyOf": kinds}} if kinds else {"maxItems": 0}),
            "readOnly": True,
        }
    return shown


def _page(obj: Object) -> Node:
    link = {
        "type": "object",
        "properties": {"rel": {"const": "next"}, "href": {"type": "string", "format": "uri-reference"}},
        "required": ["rel", "href"],
    }
    links = {"type": "array", "items": link, "description": "Where the list goes on; absent on the last page."}
    items = {"type": "array", "items": ref("schemas", obj.name)}
    return {
        "type": "object",
        "properties": {obj.api.plural_name: items, "links": links},
        "required": [obj.api.plural_name],
    }


def _parameters() -> list[Node]:
    etags = "Entity tags, or *."
    return [
        _parameter("limit", "query", "At most so many on a page.", {"type": "integer", "minimum": 1}),
        _parameter("marker", "query", "The identifier after which the page begins.", _TEXT),
        _parameter("If-Match", "header", f"Only if the object is at this revision. {etags}", _TEXT),
        _parameter("If-None-Match", "header", f"Only if the object is not at this revision any more. {etags}", _TEXT),
        _parameter("Prefer", "header", "wait=n: wait at most n seconds for the answer to a bind (RFC 7240).", _TEXT),
    ]


def _parameter(name: str, place: str, description: str, schema: Node) -> Node:
    return {"name": name, "in": place, "description": description, "schema": schema}
