# SPDX-License-Identifier: Apache-2.0
"""Identifiers and filters as they stand in URLs."""

from __future__ import annotations

import pytest

from gluon.errors import Invalid, Missing
from gluon.particle.documents import documents

ID = "0d0e8a2e-5f7c-4b8e-9f61-0e6f6f0c9a11"


@pytest.fixture(scope="session")
def small_documents(small):
    return documents(small)


@pytest.mark.parametrize(
    ("name", "text", "id"),
    [
        ("Port", ID, ID),
        ("Port", ID.upper(), ID),
        ("Counter", "7", 7),
        ("Counter", "-7", -7),
        ("Counter", "0", 0),
        ("Word", "10.0.0.0/24 %", "10.0.0.0/24 %"),
    ],
)
def test_an_identifier_has_its_type_and_canonical_form(small_documents, name, text, id):
    assert small_documents[name].parse_id(text) == id


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Port", ""),
        ("Port", "1"),
        ("Port", ID + "0"),
        ("Port", "\0"),
        ("Counter", ""),
        ("Counter", "07"),
        ("Counter", "+7"),
        ("Counter", "7.0"),
        ("Counter", "7_0"),
        ("Counter", "\u0667"),
        ("Counter", "9" * 5000),
        ("Counter", str(2**31)),
        ("Word", ""),
        ("Word", "a" * 21),
        ("Word", "a\0"),
        ("Word", "\ud800"),
    ],
)
def test_what_no_object_can_be_called_is_missing(small_documents, name, text):
    with pytest.raises(Missing) as raised:
        small_documents[name].parse_id(text)
    assert len(raised.value.detail.encode()) < 200


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("id", ID.upper(), ID),
        ("name", "a b", "a b"),
        ("name", "", None),
        ("mac_address", "52-54-00-AB-CD-EF", "52:54:00:ab:cd:ef"),
        ("admin_state_up", "true", True),
        ("admin_state_up", "False", False),
        ("status", "DOWN", "DOWN"),
        ("mtu", "1500", 1500),
        ("mtu", "", None),
        ("project_id", "t", "t"),
        ("binding_state", "BOUND", "BOUND"),
    ],
)
def test_a_filter_has_the_type_of_its_attribute(small_documents, name, text, value):
    (found,) = small_documents["Port"].parse_filter(name, [text])
    assert found == value
    assert type(found) is type(value)


def test_each_value_of_a_filter_is_read(small_documents):
    port = small_documents["Port"]
    assert port.parse_filter("id", [ID.upper(), "", ID]) == [ID, None, ID]
    with pytest.raises(Invalid) as raised:
        port.parse_filter("mtu", ["1", "big", "2", "1500", "huge"])
    assert [fault.detail for fault in raised.value.faults] == [
        "filter 'mtu': must be between 68 and 2147483647",
        "filter 'mtu': must be an integer",
    ]


def test_numbers_are_compared_as_numbers(small_documents):
    assert small_documents["Peering"].parse_filter("order", ["1e3"]) == [1000.0]
    for text in ("nan", "inf", "1e400", "0x1", "1_0", " 1"):
        with pytest.raises(Invalid):
            small_documents["Peering"].parse_filter("order", [text])


@pytest.mark.parametrize(
    ("name", "text", "detail"),
    [
        ("mac_adress", "x", "lists cannot be filtered by 'mac_adress': did you mean 'mac_address'?"),
        ("profile", "x", "lists cannot be filtered by 'profile'"),
        ("mtu", "big", "filter 'mtu': must be an integer"),
        ("mtu", "1", "filter 'mtu': must be between 68 and 2147483647"),
        ("admin_state_up", "yes", "filter 'admin_state_up': must be true or false"),
        ("status", "UP", "filter 'status': must be one of ACTIVE, DOWN"),
        ("name", "a\0", "filter 'name': must not hold NUL"),
    ],
)
def test_what_cannot_be_asked_is_refused(small_documents, name, text, detail):
    with pytest.raises(Invalid) as raised:
        small_documents["Port"].parse_filter(name, [text])
    assert [(fault.pointer, fault.detail) for fault in raised.value.faults] == [("", detail)]


def test_secrets_are_no_filters(small_documents):
    peering = small_documents["Peering"]
    assert "password" not in peering.filters
    with pytest.raises(Invalid):
        peering.parse_filter("password", ["s3cret"])


def test_long_names_are_refused_shortly(small_documents):
    with pytest.raises(Invalid) as raised:
        small_documents["Port"].parse_filter("n" * 10_000, ["x"])
    assert len(raised.value.detail) < 200
