# SPDX-License-Identifier: Apache-2.0
"""Prints a Proton version as an OpenAPI 3.1 document: every route with its parameters, bodies and answers.

The paths are the route table's and the schemas ``gluon.particle.schemas``'s; here they are only put together. Pure: the document
is made of plain dicts and lists, ready to be encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gluon.model.schema import Action, Object, Proton
from gluon.particle import schemas
from gluon.particle.openapi_components import ETAG, Node, components, json_answer, problems, ref
from gluon.particle.routes import Route, prefix, routes

VERSION: Final = "3.1.0"
_LIST_PARAMETERS: Final = ("limit", "marker")
#: On ports, what else is no filter.
_INCLUDE: Final = "include"


def openapi(proton: Proton) -> Node:
    """The document; deterministic, so that its bytes can carry an ETag."""
    about: Node = {"title": proton.name, "version": proton.version}
    if proton.info.description:
        about["description"] = proton.info.description
    contact = {key: proton.info.author[key] for key in ("name", "url", "email") if proton.info.author.get(key)}
    if contact:
        about["contact"] = contact
    return {
        "openapi": VERSION,
        "info": about,
        "jsonSchemaDialect": schemas.DIALECT,
        "servers": [{"url": "/"}],
        "tags": [_tag(obj) for obj in proton.objects],
        "paths": _paths(proton),
        "components": components(proton),
    }


def _tag(obj: Object) -> Node:
    return {"name": obj.api.plural_name, **({"description": obj.description} if obj.description else {})}


def _paths(proton: Proton) -> Node:
    paths: Node = {route.template: _path(route) for route in routes(proton)}
    for path, name, summary in (
        ("", "resources", "What there is in this version"),
        ("/commands.json", "commands", "The model as protonclient reads it"),
        ("/openapi.json", "openapi", "This document"),
    ):
        answers = {"200": json_answer(f"{summary}.", {"type": "object"})}
        paths[prefix(proton) + path] = {"get": {"operationId": name, "summary": summary, "responses": answers}}
    return paths


def _path(route: Route) -> Node:
    """A path item: what holds for the path, then each method."""
    operations: Node = {method.lower(): _OPERATION[action](route) for method, action in route.actions.items()}
    for method, operation in operations.items():
        operation["operationId"] = _operation_id(route, method)
        operation["tags"] = [route.object.api.plural_name]
    parameters = list(_path_parameters(route))
    return ({"parameters": parameters} if parameters else {}) | operations


def _operation_id(route: Route, method: str) -> str:
    """One name for each operation of the document: ``ports.list``, ``ports.interfaces.create``."""
    verb = {"get": "show" if route.member else "list", "post": "create", "put": "update"}.get(method, method)
    plurals = [obj.api.plural_name for obj in (route.parent, route.object) if obj is not None]
    return ".".join([*plurals, verb])


def _path_parameters(route: Route) -> Iterator[Node]:
    if route.parent is not None:
        yield _in_path(f"{route.parent.api.name}_id", route.parent)
    if route.member:
        yield _in_path("id", route.object)


def _in_path(name: str, obj: Object) -> Node:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"The {obj.identifier.name} of the {obj.api.name}.",
        "schema": schemas.type_schema(obj.identifier.type),
    }


def _list(route: Route) -> Node:
    obj = route.object
    parameters = [ref("parameters", name) for name in _LIST_PARAMETERS] + _include(obj)
    taken = (*_LIST_PARAMETERS, _INCLUDE) if obj.is_port else _LIST_PARAMETERS
    filters = [
        {
            "name": a.name,
            "in": "query",
            "description": f"Only those with this {a.name}, or any of several; empty for those without.",
            "style": "form",
            "explode": True,
            "schema": {"type": "array", "items": schemas.type_schema(a.type), "maxItems": schemas.MAX_VALUES},
        }
        for a in obj.attributes
        if schemas.filterable(a) and a.name not in taken
    ]
    return {
        "summary": f"List {obj.api.plural_name}",
        "parameters": parameters + filters,
        "responses": {
            "200": json_answer("A page of the list.", ref("schemas", f"{obj.name}.Page")),
            **problems("Invalid", *(("Missing",) if route.parent else ()), "Unavailable"),
        },
    }


def _create(route: Route) -> Node:
    obj = route.object
    location = {"Location": {"description": "Where the new object is.", "schema": {"type": "string", "format": "uri-reference"}}}
    made = json_answer(f"The new {obj.api.name}.", ref("schemas", obj.name), location | ETAG)
    responses = {"201": made} | _waiting(obj, location | ETAG)
    missing = ("Missing",) if route.parent else ()
    return {
        "summary": f"Create a new {obj.api.name}",
        "parameters": [*_prefer(obj), *_include(obj)],
        "requestBody": _body(f"{obj.name}.{'CreateNested' if route.parent else 'Create'}"),
        "responses": responses | problems("Invalid", *missing, "Conflict", "TooLarge", "Unsupported", "Unavailable"),
    }


def _get(route: Route) -> Node:
    obj = route.object
    unchanged = {"description": "Not changed since the revision that If-None-Match names.", "headers": ETAG}
    return {
        "summary": f"Show one {obj.api.name}",
        "parameters": [ref("parameters", "If-None-Match"), *_include(obj)],
        "responses": {
            "200": json_answer(f"The {obj.api.name}.", ref("schemas", obj.name), ETAG),
            "304": unchanged,
            **problems(*(("Invalid",) if obj.is_port else ()), "Missing", "Unavailable"),
        },
    }


def _update(route: Route) -> Node:
    obj = route.object
    responses = {"200": json_answer(f"The {obj.api.name} as it now is.", ref("schemas", obj.name), ETAG)} | _waiting(obj, ETAG)
    return {
        "summary": f"Change what the body names of one {obj.api.name}",
        "parameters": [ref("parameters", "If-Match"), *_prefer(obj), *_include(obj)],
        "requestBody": _body(f"{obj.name}.Update"),
        "responses": responses | problems("Invalid", "Missing", "Conflict", "Stale", "TooLarge", "Unsupported", "Unavailable"),
    }


def _delete(route: Route) -> Node:
    return {
        "summary": f"Delete one {route.object.api.name}",
        "parameters": [ref("parameters", "If-Match")],
        "responses": {"204": {"description": "It is gone."}} | problems("Missing", "Conflict", "Stale", "Unavailable"),
    }


_OPERATION: Final[Mapping[Action, Callable[[Route], Node]]] = {
    "list": _list,
    "create": _create,
    "get": _get,
    "update": _update,
    "delete": _delete,
}


_CUT_SHORT: Final[Node] = {
    "Retry-After": {
        "description": "0 where the server is being stopped: sent again, the same values have the next one wait for the answer.",
        "schema": {"type": "integer"},
    }
}


def _include(obj: Object) -> list[Node]:
    names = list(schemas.included(obj))
    include: Node = {
        "name": _INCLUDE,
        "in": "query",
        "description": "What else to show. One object with anything included has no ETag.",
        "style": "form",
        "explode": True,
        "schema": {"type": "array", "items": {"type": "string", "enum": names}},
    }
    return [include] if names else []


def _prefer(obj: Object) -> list[Node]:
    return [ref("parameters", "Prefer")] if obj.is_port else []


def _waiting(obj: Object, headers: Node) -> Node:
    """What a bind answers that no controller answered in time."""
    if not obj.is_port:
        return {}
    detail = "Committed; no controller has answered the bind yet (binding_state is BINDING)."
    return {"202": json_answer(detail, ref("schemas", obj.name), headers | _CUT_SHORT)}


def _body(schema: str) -> Node:
    return {"required": True, "content": {"application/json": {"schema": ref("schemas", schema)}}}
