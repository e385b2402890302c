# SPDX-License-Identifier: Apache-2.0
"""Models of the classic language load unchanged, with the shipped base objects and with their own."""

from pathlib import Path

import pytest

from gluon.model.compile import compile_file, compile_text
from gluon.model.schema import Role
from gluon.model.types import Enum, Format, Integer, Json, Reference, String, Uuid

MODEL = Path(__file__).parent / "classic" / "campus.yaml"


@pytest.fixture(scope="module", params=["its own base", "the shipped base"])
def campus(request):
    return compile_file(MODEL) if request.param == "its own base" else compile_text(MODEL.read_text())


def test_versions_are_texts(campus):
    assert (campus.name, campus.version, campus.info.author["email"]) == ("campus", "1.0", "net@example.org")


def test_roles(campus):
    roles = {obj.name: obj.role for obj in campus.objects}
    assert roles == {
        "Plug": Role.PORT,
        "Wire": Role.INTERFACE,
        "Lan": Role.SERVICE,
        "Membership": Role.SERVICE_BINDING,
        "Tag": Role.PLAIN,
    }


def test_untyped_pointers_refer_to_whatever_holds_the_role(campus):
    binding = campus.by_name["Membership"]
    assert binding.by_name["service_id"].type == Reference(("Lan",), Uuid())
    assert binding.by_name["interface_id"].type == Reference(("Wire",), Uuid())
    assert campus.by_name["Wire"].by_name["port_id"].type == Reference(("Plug",), Uuid())


def test_the_inherited_identifier_stays_and_more_are_unique_together(campus):
    binding = campus.by_name["Membership"]
    assert binding.identifier.name == "interface_id"
    assert binding.unique == (("interface_id", "service_id"),)


def test_parents(campus):
    assert campus.by_name["Plug"].api.parent is None
    assert (campus.by_name["Wire"].api.parent, campus.by_name["Wire"].api.parent_key) == ("Plug", "port_id")


def test_plural_names(campus):
    assert sorted(campus.by_plural) == ["lans", "memberships", "plugs", "tags", "wires"]


def test_types(campus):
    of = campus.by_name["Membership"].by_name
    assert of["subnet_prefix"].type == Integer("int32", 1, 31)
    assert of["vlan"].type == Integer("int32", 1, 4094)
    assert of["mac"].type == String(255, format=Format.MAC)
    assert campus.by_name["Tag"].by_name["kind"].type == Enum(("on", "off", "1.10"))


def test_quoted_booleans(campus):
    tag = campus.by_name["Tag"]
    assert tag.identifier.name == "Value"
    assert tag.by_name["kind"].required


def test_json_in_the_strings_of_a_port_is_json(campus):
    port = campus.port
    assert port is not None
    assert port.by_name["profile"].type == port.by_name["vif_details"].type == Json()


def test_policies(campus):
    assert campus.by_name["Plug"].policies == {
        "create": "rule:admin_or_network_owner",
        "get": "rule:owner",
        "list": "rule:admin_or_owner",
        "update": "rule:admin_or_network_owner",
        "delete": "rule:admin_or_network_owner",
    }
