# SPDX-License-Identifier: Apache-2.0
"""What follows from the roles of port, interface and service binding; nested routes."""

from __future__ import annotations

import uuid

import pytest

from gluon.errors import Conflict, Invalid, Missing
from gluon.model.schema import Proton
from gluon.store.opening import open_store

from .conftest import Desk
from .models import network, plain


async def test_a_port_comes_with_its_default_interface(desk: Desk) -> None:
    port = await desk.new("Harbour", name="p1")
    quay = await desk.get("Quay", port["id"])
    assert quay is not None
    assert (quay["port_id"], quay["name"], quay["tenant_id"]) == (port["id"], "p1_default", "t1")
    assert (quay["segmentation_type"], quay["segmentation_id"], quay["revision"]) == ("none", 0, 1)
    assert await desk.changes() == [("Harbour", port["id"], 1), ("Quay", port["id"], 1)]


async def test_its_name_fits_the_column(desk: Desk) -> None:
    port = await desk.new("Harbour", name="x" * 255)
    quay = await desk.get("Quay", port["id"])
    assert quay is not None
    assert quay["name"] == "x" * 247 + "_default"
    nameless = await desk.get("Quay", (await desk.new("Harbour"))["id"])
    assert nameless is not None
    assert nameless["name"] == "_default"


async def test_generated_mac_addresses_are_local_and_unicast(desk: Desk) -> None:
    for _ in range(20):
        first = int((await desk.new("Harbour"))["mac_address"][:2], 16)
        assert first & 0b11 == 0b10


async def test_half_a_port_is_never_made(desk: Desk) -> None:
    taken = str(uuid.uuid4())
    other = await desk.new("Harbour")
    await desk.make("Quay", id=taken, port_id=other["id"])
    await desk.changes()
    with pytest.raises(Conflict, match="quay"):
        await desk.make("Harbour", id=taken)
    assert await desk.get("Harbour", taken) is None
    assert await desk.changes() == []


async def test_deleting_a_port_removes_its_interfaces(desk: Desk) -> None:
    port = await desk.new("Harbour")
    quay = await desk.new("Quay", port_id=port["id"])
    await desk.changes()
    await desk.drop("Harbour", port["id"])
    assert await desk.get("Quay", quay["id"]) is None
    assert await desk.get("Quay", port["id"]) is None
    changes = await desk.changes()
    assert {c[:2] for c in changes} == {("Harbour", port["id"]), ("Quay", port["id"]), ("Quay", quay["id"])}
    assert all(revision is None for *_, revision in changes)


async def test_a_port_in_service_is_not_deleted(desk: Desk) -> None:
    port, vpn = await desk.new("Harbour"), await desk.new("Vpn")
    await desk.make("Berth", interface_id=port["id"], service_id=vpn["id"])
    with pytest.raises(Conflict, match=f"berth '{port['id']}'"):
        await desk.drop("Harbour", port["id"])
    assert await desk.get("Quay", port["id"]) is not None
    await desk.drop("Berth", port["id"])
    await desk.drop("Harbour", port["id"])


async def test_a_bound_port_is_deleted(desk: Desk) -> None:
    port = await desk.new("Harbour", host_id="h", device_id="d")
    await desk.drop("Harbour", port["id"])
    assert await desk.get("Harbour", port["id"]) is None


async def test_the_default_interface_stays_with_its_port(desk: Desk) -> None:
    port, other = await desk.new("Harbour"), await desk.new("Harbour")
    with pytest.raises(Conflict, match="default interface"):
        await desk.drop("Quay", port["id"])
    with pytest.raises(Invalid) as error:
        await desk.change("Quay", port["id"], port_id=other["id"])
    assert [f.pointer for f in error.value.faults] == ["/port_id"]
    quay = await desk.new("Quay", port_id=port["id"])
    await desk.drop("Quay", quay["id"])


async def test_nested_routes(desk: Desk) -> None:
    port, other = await desk.new("Harbour"), await desk.new("Harbour")
    scope, wrong = {"port_id": port["id"]}, {"port_id": other["id"]}
    quay = (await desk.make("Quay", scope=scope)).record
    assert quay["port_id"] == port["id"]
    await desk.make("Quay", scope=scope, port_id=port["id"])
    with pytest.raises(Invalid) as error:
        await desk.make("Quay", scope=scope, port_id=other["id"])
    assert [f.pointer for f in error.value.faults] == ["/port_id"]
    with pytest.raises(Missing, match="harbour"):
        await desk.make("Quay", scope={"port_id": str(uuid.uuid4())})
    with pytest.raises(Missing):
        await desk.change("Quay", quay["id"], scope=wrong, name="x")
    with pytest.raises(Missing):
        await desk.drop("Quay", quay["id"], scope=wrong)
    with pytest.raises(Invalid):
        await desk.change("Quay", quay["id"], scope=scope, port_id=other["id"])
    assert (await desk.change("Quay", quay["id"], scope=scope, name="x")).record["name"] == "x"
    await desk.drop("Quay", quay["id"], scope=scope)


async def test_a_proton_without_ports(connection: str) -> None:
    lone: Proton = plain()
    store = await open_store(connection, [lone])
    desk = Desk(store, lone)
    thing = await desk.new("Thing", number=3)
    await desk.change("Thing", 3, label="x")
    assert (await desk.get("Thing", 3))["label"] == "x"
    assert await desk.changes() == [("Thing", 3, 2)]
    assert (await desk.drop("Thing", thing["number"]))["label"] == "x"
    await store.close()


async def test_ports_without_interfaces(connection: str) -> None:
    lone: Proton = plain(ports=True)
    store = await open_store(connection, [lone])
    desk = Desk(store, lone)
    port = await desk.make("Harbour", host_id="h", device_id="d")
    assert port.waits_for
    await desk.drop("Harbour", port.record["id"])
    await store.close()


async def test_a_port_is_a_port_of_one_proton_only(connection: str) -> None:
    first, second = network(name="net-a"), network(name="net-b")
    store = await open_store(connection, [first, second])
    here, there = Desk(store, first), Desk(store, second)
    port = await here.new("Harbour")
    with pytest.raises(Conflict, match="exists already in net-a") as refused:
        await there.new("Harbour", id=port["id"])
    assert [fault.pointer for fault in refused.value.faults] == ["/id"]
    assert await there.get("Quay", port["id"]) is None
    await here.drop("Harbour", port["id"])
    await there.new("Harbour", id=port["id"])
    await store.close()
