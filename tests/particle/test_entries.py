# SPDX-License-Identifier: Apache-2.0
"""The values in etcd: every attribute and what shims need beside them, as real JSON types."""

from __future__ import annotations

import json

from gluon.particle.entries import Entries

BOOKKEEPING = {
    "revision": 7,
    "generation": 3,
    "incarnation": "5d0c",
    "created_at": "2026-11-21T02:00:00.000000Z",
    "updated_at": "2026-11-21T02:00:01.000000Z",
}


def record(obj, **values):
    filled = {**dict.fromkeys(obj.by_name), **values, **BOOKKEEPING}
    return {**filled, "binding_id": "b-1"} if obj.is_port else filled


def test_a_port_is_written_with_its_binding(small):
    port = small.port
    stored = record(port, id="p-1", tenant_id="t", mtu=1500, admin_state_up=False, profile={"a": [1, None]})
    value = json.loads(Entries(small).encode(port, stored))
    assert list(value) == [*port.by_name, "revision", "generation", "incarnation", "binding_id"]
    assert value["mtu"] == 1500 and value["admin_state_up"] is False and value["profile"] == {"a": [1, None]}
    assert value["name"] is None and value["binding_id"] == "b-1" and value["revision"] == 7


def test_secrets_are_written_and_times_are_not(small):
    peering = small.by_name["Peering"]
    value = json.loads(Entries(small).encode(peering, record(peering, id="x", password="s3cret", order=0.5)))
    assert value["password"] == "s3cret" and value["order"] == 0.5 and "class" in value and "__init__" in value
    assert not {"created_at", "updated_at", "binding_id"} & value.keys()


def test_equal_records_have_equal_bytes(small):
    stored = record(small.port, id="p-1", tenant_id="t")
    entries = Entries(small)
    assert entries.encode(small.port, stored) == entries.encode(small.port, dict(reversed(stored.items())))


def test_a_port_is_registered_with_its_owner(small):
    stored = record(small.port, id="p-1", tenant_id="t")
    value = json.loads(Entries(small).registration(stored, "http://proton.example:2705"))
    assert value == {"tenant_id": "t", "service": "small", "url": "http://proton.example:2705", "binding_id": "b-1"}
