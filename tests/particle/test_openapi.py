# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: sound by the rules of OpenAPI 3.1, complete, and true to the route table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gluon.particle.openapi import openapi
from gluon.particle.routes import routes
from tests.particle.validation import errors, resolve

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(params=["small", "l3vpn"])
def proton(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def document(proton):
    return openapi(proton)


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from walk(item)


def operations(document) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item, item[method]


def test_it_has_the_parts_that_a_document_must_have(document, proton):
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == proton.name and document["info"]["version"] == proton.version
    assert document["paths"] and set(document) >= {"openapi", "info", "paths", "components"}
    assert json.loads(json.dumps(document)) == document


def test_every_reference_refers_to_something(document):
    found = [node["$ref"] for node in walk(document) if isinstance(node.get("$ref"), str)]
    assert found
    for pointer in found:
        assert resolve(document, pointer)


def test_every_component_is_used_and_well_named(document):
    used = {node["$ref"] for node in walk(document) if isinstance(node.get("$ref"), str)}
    for kind, components in document["components"].items():
        for name in components:
            assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)
            assert f"#/components/{kind}/{name}" in used


def test_every_route_is_there(document, proton):
    described = {(path, method.upper()) for path, method, _, _ in operations(document)}
    assert described >= {(route.template, method) for route in routes(proton) for method in route.actions}
    assert len(described) == sum(len(route.actions) for route in routes(proton)) + 3


def test_operations_are_sound(document):
    ids = [operation["operationId"] for _, _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for path, method, item, operation in operations(document):
        parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
        resolved = [resolve(document, p["$ref"]) if "$ref" in p else p for p in parameters]
        names = [(p["in"], p["name"]) for p in resolved]
        assert len(set(names)) == len(names)
        assert {name for place, name in names if place == "path"} == set(re.findall(r"\{(\w+)\}", path))
        assert all(p["required"] for p in resolved if p["in"] == "path")
        assert all("schema" in p for p in resolved)
        assert ("requestBody" in operation) == (method in ("post", "put", "patch"))
        assert all(re.fullmatch(r"[1-5]\d\d|default", status) for status in operation["responses"])
        for answer in operation["responses"].values():
            assert "description" in (resolve(document, answer["$ref"]) if "$ref" in answer else answer)


def test_no_names_of_paths_differ_in_their_parameters_only(document):
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]]
    assert len(set(shapes)) == len(shapes)


def test_schemas_are_schemas(document):
    """Every keyword is one that the draft has, and defaults fit."""
    for name, schema in document["components"]["schemas"].items():
        list(errors(schema, {}, document))
        for attribute, property in schema.get("properties", {}).items():
            if "default" in property:
                assert list(errors(property, property["default"], document)) == [], (name, attribute)


def test_problems_are_problem_json(document):
    for _, _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status == "default" or status >= "400":
                content = resolve(document, answer["$ref"])["content"]
                assert list(content) == ["application/problem+json"]
                assert "errors" in content["application/problem+json"]["schema"]["properties"]


def test_binds_may_be_answered_later(document, proton):
    for route in routes(proton):
        item = document["paths"][route.template]
        for method in ("post", "put", "patch"):
            if method in item:
                assert ("202" in item[method]["responses"]) == route.object.is_port
                prefers = {"$ref": "#/components/parameters/Prefer"} in item[method].get("parameters", [])
                assert prefers == route.object.is_port


def test_objects_carry_their_etag(document, proton):
    item = document["paths"][next(r.template for r in routes(proton) if r.member)]
    assert "ETag" in item["get"]["responses"]["200"]["headers"]
    assert item["get"]["responses"]["304"]
    for method in ("put", "patch", "delete"):
        assert {"$ref": "#/components/parameters/If-Match"} in item[method]["parameters"]
        assert "412" in item[method]["responses"]


def test_lists_are_filtered_and_paged(small):
    listing = openapi(small)["paths"]["/proton/small/v1.0/peerings"]["get"]
    names = [p.get("name", p.get("$ref", "").rpartition("/")[2]) for p in listing["parameters"]]
    assert names[:2] == ["limit", "marker"] and "class" in names and "order" in names
    assert not {"password", "hops", "extra"} & set(names)
    for parameter in listing["parameters"][2:]:
        assert parameter["style"] == "form" and parameter["explode"] is True, "a filter may be given several times"
        assert parameter["schema"]["type"] == "array" and "type" in parameter["schema"]["items"]


def test_no_secret_is_shown(small):
    document = openapi(small)
    assert "password" in document["components"]["schemas"]["Peering.Create"]["properties"]
    assert "password" not in document["components"]["schemas"]["Peering"]["properties"]


def test_it_is_the_same_every_time(small):
    assert json.dumps(openapi(small)) == json.dumps(openapi(small))
