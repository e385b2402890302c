# SPDX-License-Identifier: Apache-2.0
"""The JSON Schemas agree with what is taken and shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluon.errors import Invalid
from gluon.model.schema import BOOKKEEPING
from gluon.particle import schemas
from gluon.particle.documents import documents
from tests.particle.test_documents import bodies
from tests.particle.validation import errors


@pytest.fixture(scope="session")
def small_documents(small):
    return documents(small)


@pytest.mark.parametrize("name", ["Port", "Peering", "Interface"])
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_taken_fits_its_schema(small_documents, name, data):
    """Schemas may say less (formats are for people, other spellings are longer), so they may only be wider than the decoder."""
    document = small_documents[name]
    text = data.draw(bodies(document))
    for decode, schema in ((document.decode_create, document.create_schema), (document.decode_update, document.update_schema)):
        try:
            values = decode(text)
        except Invalid:
            continue
        assert list(errors(schema, values, {})) == []


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        ({}, "anyOf"),
        ({"tenant_id": "t", "mtu": 1}, "/mtu: minimum"),
        ({"tenant_id": "t", "mtu": "1500"}, "/mtu: type"),
        ({"tenant_id": "t", "status": "UP"}, "/status: enum"),
        ({"tenant_id": "t", "admin_state_up": None}, "/admin_state_up: type"),
        ({"tenant_id": "t", "unknown": 1}, "additionalProperties"),
        ({"tenant_id": "t" * 65}, "/tenant_id: maxLength"),
    ],
)
def test_what_is_refused_is_outside_of_its_schema(small_documents, body, keyword):
    document = small_documents["Port"]
    with pytest.raises(Invalid):
        document.decode_create(json.dumps(body).encode())
    assert [error for error in errors(document.create_schema, body, {}) if keyword in error]


def test_either_name_of_a_tenant_will_do(small_documents):
    schema = small_documents["Port"].create_schema
    assert not list(errors(schema, {"project_id": "t"}, {})) and not list(errors(schema, {"tenant_id": "t"}, {}))


def test_what_is_shown_fits_its_schema(small_documents):
    document = small_documents["Peering"]
    record = dict.fromkeys(document.object.by_name) | {"id": "x", "tenant_id": "t", "password": "s", "class": "a", "hops": []}
    record |= dict.fromkeys(BOOKKEEPING, "x") | {"revision": 1}
    shown = json.loads(document.encode(record))
    assert list(errors(document.schema, shown, {})) == []
    assert shown.keys() == document.schema["properties"].keys()


def test_attributes_say_what_they_are(small):
    peering = schemas.update(small.by_name["Peering"])["properties"]
    assert peering["password"]["writeOnly"] is True
    assert peering["class"] == {
        "type": ["string", "null"],
        "maxLength": 12,
        "pattern": "^[a-z|]+$",
        "description": "A word of Python | and a pipe",
    }
    assert peering["interface_id"]["format"] == "uuid" and "Interface" in peering["interface_id"]["description"]
    assert peering["hops"]["items"]["required"] == ["address"]
    port = schemas.full(small.port)["properties"]
    assert port["binding_state"]["readOnly"] is True and port["binding_state"]["enum"][-1] is None
    assert port["mtu"]["default"] == 1500
    assert "password" not in schemas.full(small.by_name["Peering"])["properties"]


def test_a_parent_in_the_path_need_not_be_in_the_body(small):
    interface = small.by_name["Interface"]
    assert "port_id" in schemas.create(interface)["required"]
    assert "port_id" not in schemas.create(interface, ("port_id",)).get("required", [])
