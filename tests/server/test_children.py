# SPDX-License-Identifier: Apache-2.0
"""Nested routes: the parent is what the path says, and only its own children are there."""

import uuid

import pytest

from tests.server.conftest import L3VPN, TENANT, THINGS

PORTS = f"{L3VPN}/ports"


@pytest.fixture
async def ports(call):
    return [(await call("POST", PORTS, {"tenant_id": TENANT})).json()["id"] for _ in range(2)]


async def test_the_parent_comes_from_the_path(call, ports):
    mine, other = ports
    made = await call(
        "POST", f"{PORTS}/{mine}/interfaces", {"tenant_id": TENANT, "segmentation_type": "vlan", "segmentation_id": 7}
    )
    assert made.status == 201
    id = made.json()["id"]
    assert made.json()["port_id"] == mine
    assert made.headers["location"] == f"{L3VPN}/interfaces/{id}"
    for at in (f"{PORTS}/{mine}/interfaces/{id}", f"{L3VPN}/interfaces/{id}"):
        assert (await call("GET", at)).json() == made.json()
    for method, values in (("GET", None), ("PATCH", {"name": "x"}), ("PUT", {"name": "x"}), ("DELETE", None)):
        (await call(method, f"{PORTS}/{other}/interfaces/{id}", values)).problem(404)
        if method != "GET":
            (await call(method, f"{PORTS}/{other}/interfaces/{id}", values, headers={"If-Match": '"8", "9"'})).problem(404)
    assert (await call("PATCH", f"{PORTS}/{mine}/interfaces/{id}", {"name": "x"})).json()["name"] == "x"
    assert (await call("DELETE", f"{PORTS}/{mine}/interfaces/{id}")).status == 204


async def test_lists_hold_the_parents_own(call, ports):
    for port in ports:
        listed = (await call("GET", f"{PORTS}/{port}/interfaces")).json()["interfaces"]
        assert [interface["port_id"] for interface in listed] == [port]
    assert len((await call("GET", f"{L3VPN}/interfaces")).json()["interfaces"]) == 2


async def test_a_body_that_says_otherwise(call, ports):
    mine, other = ports
    for values in ({"tenant_id": TENANT, "port_id": other}, {"tenant_id": TENANT, "port_id": str(uuid.uuid4())}):
        assert (await call("POST", f"{PORTS}/{mine}/interfaces", values)).pointers(400) == {"/port_id"}
    same = {"tenant_id": TENANT, "port_id": mine, "segmentation_type": "vlan", "segmentation_id": 9}
    assert (await call("POST", f"{PORTS}/{mine}/interfaces", same)).status == 201
    assert (await call("PATCH", f"{PORTS}/{mine}/interfaces/{mine}", {"port_id": other})).pointers(400) == {"/port_id"}
    (await call("GET", f"{PORTS}/{mine}/interfaces?port_id={other}")).problem(400)
    assert (await call("GET", f"{PORTS}/{mine}/interfaces?port_id={mine}")).status == 200


@pytest.mark.parametrize("parent", [str(uuid.UUID(int=1)), "x", "%00", "a%2Fb"])
async def test_a_parent_that_is_not_there(call, parent):
    for path in (f"{PORTS}/{parent}/interfaces", f"{PORTS}/{parent}/interfaces/{parent}"):
        (await call("GET", path)).problem(404)
    (await call("POST", f"{PORTS}/{parent}/interfaces", {"tenant_id": TENANT})).problem(404)
    assert (await call("GET", f"{L3VPN}/interfaces")).json() == {"interfaces": []}


async def test_several_children_and_their_children_one_level_deep(call):
    await call("POST", f"{THINGS}/things", {"label": "a/b"})
    assert (await call("POST", f"{THINGS}/things/a%2Fb/sensors", {"number": 1})).json()["thing"] == "a/b"
    note = (await call("POST", f"{THINGS}/things/a%2Fb/notes", {"name": "n"})).json()
    assert note["about"] == "a/b"
    reading = await call("POST", f"{THINGS}/sensors/1/readings", {"value": 2.5})
    assert (reading.status, reading.json()["sensor"]) == (201, 1)
    (await call("GET", f"{THINGS}/things/a%2Fb/sensors/1/readings")).problem(404)
    for plural in ("sensors", "notes"):
        assert len((await call("GET", f"{THINGS}/things/a%2Fb/{plural}")).json()[plural]) == 1
