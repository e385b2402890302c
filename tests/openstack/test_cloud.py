# SPDX-License-Identifier: Apache-2.0
"""The lab is an OpenStack as its users know it: what later tests rely on, shown on ordinary ports of ML2."""

import asyncio

import pytest

from gluon.parts.openstack import servers
from gluon.parts.openstack.api import ApiRefused
from gluon.parts.openstack.users import ADMIN, GLUON, OPERATOR, OWNER, STRANGER

from .stacks import SERVED

pytestmark = pytest.mark.asyncio(loop_scope="session")


def shown(cloud, user, port):
    return cloud.api(user).get("network", f"/v2.0/ports/{port}")["port"]


async def test_a_server_boots_on_an_ordinary_port_and_is_deleted(cloud, own):
    server = await servers.boot(cloud.api(OWNER), "one", [own["id"]])
    assert server["status"] == "ACTIVE"
    bound = shown(cloud, ADMIN, own["id"])
    assert bound["binding:host_id"] in cloud.computes
    assert (bound["binding:vif_type"], bound["status"], bound["device_id"]) == ("ovs", "ACTIVE", server["id"])

    await servers.delete(cloud.api(OWNER), server["id"])
    unbound = shown(cloud, ADMIN, own["id"])
    assert (unbound["binding:host_id"], unbound["status"], unbound["device_id"]) == ("", "DOWN", "")


async def test_an_operator_says_on_which_host(cloud, own):
    for host in SERVED:
        server = await servers.boot(cloud.api(OPERATOR), f"on-{host}", [own["id"]], host=host)
        assert server["status"] == "ACTIVE"
        assert shown(cloud, ADMIN, own["id"])["binding:host_id"] == host
        await servers.delete(cloud.api(OWNER), server["id"])


async def test_a_server_moves_to_another_host_and_its_port_with_it(cloud, own):
    server = await servers.boot(cloud.api(OPERATOR), "mover", [own["id"]], host="compute-1")
    moved = await servers.migrate(cloud.api(ADMIN), server["id"], host="compute-2")
    assert (moved["status"], moved["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "compute-2")
    bound = shown(cloud, ADMIN, own["id"])
    assert (bound["binding:host_id"], bound["binding:vif_type"], bound["status"]) == ("compute-2", "ovs", "ACTIVE")
    await servers.delete(cloud.api(OWNER), server["id"])


async def test_a_boot_waits_until_neutron_says_that_its_port_is_plugged(cloud, own):
    agents = cloud.process("neutron-rpc-server").daemon
    agents.pause()
    try:
        server = await servers.ask(cloud.api(OWNER), "patient", [own["id"]])
        async with asyncio.timeout(30):
            while not shown(cloud, ADMIN, own["id"])["binding:host_id"]:
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)  # longer than a boot takes from here on when nothing is awaited
        assert (await servers.show(cloud.api(OWNER), server))["status"] == "BUILD"
        assert shown(cloud, ADMIN, own["id"])["status"] == "DOWN"
    finally:
        agents.resume()
    assert (await servers.until_settled(cloud.api(OWNER), server))["status"] == "ACTIVE"
    await servers.delete(cloud.api(OWNER), server)


async def test_a_port_of_another_project_is_not_seen_and_not_booted_on(cloud, own):
    stranger = cloud.api(STRANGER)
    assert stranger.get("network", "/v2.0/ports")["ports"] == []
    with pytest.raises(ApiRefused) as refusal:
        stranger.get("network", f"/v2.0/ports/{own['id']}")
    assert refusal.value.status == 404
    with pytest.raises(ApiRefused) as refusal:
        await servers.boot(stranger, "thief", [own["id"]])
    assert refusal.value.status == 400
    assert stranger.get("compute", "/servers")["servers"] == []


async def test_a_service_user_has_no_more_than_the_role_of_a_service(cloud):
    rows = cloud.client(ADMIN).read("role", "assignment", "list", "--user", GLUON.name, "--names")
    assert [row["Role"].partition("@")[0] for row in rows] == ["service"]


async def test_every_service_is_in_the_catalogue(cloud):
    cloud.publish({"gluon-test": "http://127.0.0.1:9"})
    rows = cloud.client(ADMIN).read("catalog", "list")
    assert {row["Type"] for row in rows} == {"identity", "network", "compute", "placement", "image", "gluon-test"}
