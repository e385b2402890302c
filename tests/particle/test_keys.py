# SPDX-License-Identifier: Apache-2.0
"""Every key that is made is taken apart into the same parts, whatever an identifier holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon.particle import keys
from gluon.particle.keys import ObjectKey

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


@given(names, names, ids, ids)
def test_keys_come_apart_into_their_parts(proton, name, id, controller):
    assert keys.parse_object(keys.object(proton, name, id)) == ObjectKey(proton, name, id)
    assert keys.parse_controller(keys.answer(proton, name, id)) == ObjectKey(proton, name, id)
    assert keys.parse_controller(keys.report(proton, name, id, controller)) == ObjectKey(proton, name, id, controller)
    assert keys.parse_port(keys.port(id)) == id


@given(names, names, ids, ids)
def test_keys_stand_below_their_prefix_and_are_plain_ascii(proton, name, id, controller):
    assert keys.object(proton, name, id).startswith(keys.objects(proton))
    assert keys.answer(proton, name, id).startswith(keys.controllers(proton))
    assert keys.report(proton, name, id, controller).startswith(keys.answer(proton, name, id) + "/")
    for key in (keys.object(proton, name, id), keys.report(proton, name, id, controller), keys.port(id), keys.shim(proton, id)):
        assert key.isascii() and key.isprintable() and " " not in key


@given(ids, ids)
def test_different_ids_have_different_keys(one, other):
    assert (keys.object("p", "O", one) == keys.object("p", "O", other)) == (one == other)
    assert (keys.port(one) == keys.port(other)) == (one == other)


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_none(key):
    for parse in (keys.parse_object, keys.parse_controller, keys.parse_port):
        parse(key)


@pytest.mark.parametrize(
    ("id", "encoded"),
    [
        ("0d0e8a2e-5f7c-4b8e-9f61-0e6f6f0c9a11", "0d0e8a2e-5f7c-4b8e-9f61-0e6f6f0c9a11"),
        ("64512:100", "64512:100"),
        ("10.0.0.0/24", "10.0.0.0%2F24"),
        ("a b%", "a%20b%25"),
        ("ü", "%C3%BC"),
    ],
)
def test_only_what_must_be_is_encoded(id, encoded):
    assert keys.object("net-l3vpn", "VpnInstance", id) == f"/proton/net-l3vpn/VpnInstance/{encoded}"


@pytest.mark.parametrize("key", ["", "/", "/proton", "/proton/p/O", "/proton/p/O/i/x", "proton/p/O/i", "/gluon/port/1"])
def test_other_keys_are_no_objects(key):
    assert keys.parse_object(key) is None


@pytest.mark.parametrize("key", ["", "/controller/p/O", "/controller/p/O/i/c/x", "/proton/p/O/i", "x/controller/p/O/i"])
def test_other_keys_are_no_answers(key):
    assert keys.parse_controller(key) is None


def test_the_layout_is_the_contract():
    assert keys.sync("net-l3vpn") == "/gluon/sync/net-l3vpn"
    assert keys.shim("net-l3vpn", "odl 1") == "/gluon/shim/net-l3vpn/odl%201"
    assert keys.leader("d") == "/gluon/leader/d"
    assert keys.doorbell("d") == "/gluon/doorbell/d"
    assert keys.parse_port("/proton/p/O/i") is None
