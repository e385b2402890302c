# SPDX-License-Identifier: Apache-2.0
"""The commands document: what a model says of its commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gluon.cli.nouns import VERBS, Document
from gluon.cli.parsing import command_parser
from gluon.errors import Invalid
from gluon.model.compile import compile_text
from gluon.model.schema import Proton
from gluon.particle.commands import commands
from gluon.particle.documents import documents
from tests.cli.conftest import MODEL


@pytest.fixture(scope="module")
def document(proton: Proton) -> dict[str, Any]:
    return json.loads(json.dumps(commands(proton)))


def noun(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(o for o in document["objects"] if o["name"] == name)


def options(document: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {option["name"]: option for option in noun(document, name)["options"]}


def test_says_what_it_is_of(document: dict[str, Any]) -> None:
    outline = {name: value for name, value in document.items() if name != "objects"}
    assert outline == {"proton": "toy", "version": "1.0", "description": "Things to try", "path": "/proton/toy/v1.0"}


def test_an_object(document: dict[str, Any]) -> None:
    strand = noun(document, "strand")
    assert (strand["plural"], strand["path"], strand["identifier"]) == ("strands", "/proton/toy/v1.0/strands", "id")
    assert strand["parent"] == {"name": "plug", "key": "port_id"}
    assert "binds" not in strand
    assert noun(document, "plug")["binds"] is True
    assert [noun(document, name).get("role") for name in ("plug", "strand", "gadget")] == ["port", "interface", None]


def test_the_options(document: dict[str, Any]) -> None:
    found = options(document, "gadget")
    assert found["size"] == {
        **{"name": "size", "verbs": ["create", "update", "list"], "help": "How big", "required": True},
        **{"type": "integer", "min": 1, "max": 9},
    }
    assert found["colours"]["items"] == {"type": "string", "choices": ["red", "green", "grey"]}
    assert found["plug_id"] == {
        **{"name": "plug_id", "verbs": ["create", "update", "list"]},
        **{"type": "string", "format": "uuid", "references": ["plug"]},
    }
    assert found["parts"]["items"] == {"type": "object", "attributes": [{"name": "name", "required": True, "type": "string"}]}
    assert found["weight"] == {"name": "weight", "verbs": ["create", "update", "list"], "type": "number"}


@pytest.mark.parametrize(
    ("name", "attribute", "verbs"),
    [
        ("gadget", "id", ["create", "list"]),
        ("gadget", "serial", ["create", "list"]),
        ("gadget", "secret", ["create", "update"]),
        ("gadget", "more", ["create", "update"]),
        ("plug", "binding_state", ["list"]),
        ("strand", "port_id", ["create", "list"]),
    ],
)
def test_where_an_option_goes(document: dict[str, Any], name: str, attribute: str, verbs: list[str]) -> None:
    assert options(document, name)[attribute]["verbs"] == verbs


def test_what_ports_can_be_shown_with(document: dict[str, Any]) -> None:
    """Unless that is an attribute's name."""
    assert {o["name"]: o["includes"] for o in document["objects"] if "includes" in o} == {"plug": ["service_bindings"]}
    own = MODEL.replace("attributes: {}", "attributes: {service_bindings: {type: string}}", 1)
    assert not [o for o in commands(compile_text(own))["objects"] if "includes" in o]


def test_what_is_filled_in_is_not_required(document: dict[str, Any]) -> None:
    plug = options(document, "plug")
    required = [name for name, option in plug.items() if option.get("required")]
    assert required == ["tenant_id"]
    assert plug["mac_address"]["filled"] == "generated"
    assert plug["mtu"]["default"] == 1500


def test_a_secret_is_shown_nowhere(document: dict[str, Any]) -> None:
    gadget = noun(document, "gadget")
    assert "secret" not in gadget["fields"]
    assert "secret" not in gadget["columns"]
    assert options(document, "gadget")["secret"]["secret"] is True


def test_columns_are_few_and_shown(document: dict[str, Any]) -> None:
    for described in document["objects"]:
        assert described["columns"][0] == described["identifier"]
        assert len(described["columns"]) <= 7
        assert len(set(described["columns"])) == len(described["columns"])
        assert set(described["columns"]) <= set(described["fields"])


def test_filters_are_those_of_the_server(proton: Proton, document: dict[str, Any]) -> None:
    for obj in proton.objects:
        of_server = documents(proton)[obj.name]
        for name, option in options(document, obj.api.name).items():
            if "list" in option["verbs"]:
                assert of_server.parse_filter(name, [""]) == [None]
            else:
                with pytest.raises(Invalid):
                    of_server.parse_filter(name, [""])


def test_every_command_of_any_model_has_help(proton: Proton) -> None:
    odd = compile_text(
        """\
file_version: "1.0"
info: {name: odd, version: "2"}
objects:
  Thing:
    api: {name: order-item, plural_name: order-items}
    attributes:
      key: {type: string, primary: true, pattern: "^%s$", description: "50%"}
      help: {type: string}
      limit: {type: integer, format: int64}
      marker: {type: Thing}
      all: {type: boolean, default: false}
      column: {type: list, items: Thing}
      wait: {type: string, default: "%"}
      id: {type: integer, allocate: true, min: 1, max: 5}
"""
    )
    for model in (proton, odd):
        read = Document(json.loads(json.dumps(commands(model))))
        for name in read.names:
            for verb in VERBS:
                assert f"{name}-{verb}" in command_parser("x", read.noun(name), verb).format_help()
