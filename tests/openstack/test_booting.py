# SPDX-License-Identifier: Apache-2.0
"""A real Nova boots machines on Gluon's ports, waits for them to be plugged, moves and deletes them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from gluon.kv.contract import Kv
from gluon.particle import keys
from gluon.parts.openstack import servers
from gluon.parts.openstack.api import ApiRefused
from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.users import ADMIN, OPERATOR, OWNER, STRANGER
from gluon.parts.site import Site

from .stacks import Stack, stand_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

PORT = "ProtonBasePort"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Gluon serves compute-1 and compute-2; nobody serves compute-3."""
    folder = tmp_path_factory.mktemp("booting")
    (folder / "site").mkdir()
    async with Site(folder / "site") as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 3}})
        for host in ("compute-1", "compute-2"):
            await site.start_shim(host)
        gluon = {"etcd_endpoints": site.etcd.endpoint, "proton_endpoints": server.url}
        hosts = ("compute-1", "compute-2", "compute-3", "compute-4")
        plugin = "gluon.plugin.plugin.GluonPlugin"
        async with Cloud(folder / "cloud", core_plugin=plugin, computes=hosts, neutron={"gluon": gluon}) as cloud:
            yield Stack(site, server, cloud, await asyncio.to_thread(stand_in, cloud.api(ADMIN)))


@pytest_asyncio.fixture(loop_scope="module")
async def port(stack: Stack) -> AsyncIterator[str]:
    service = await asyncio.to_thread(stack.service)
    made = await asyncio.to_thread(stack.port, service, "10.0.0.5")
    yield made["id"]
    await asyncio.to_thread(stack.remove, made["id"])


async def test_a_machine_boots_and_is_deleted(stack: Stack, port: str) -> None:
    server = await servers.boot(stack.api(OPERATOR), "one", [port], host="compute-1")
    assert server["status"] == "ACTIVE", server
    assert [address["addr"] for address in server["addresses"]["gluon"]] == ["10.0.0.5"]
    bound = stack.proton("GET", f"/ports/{port}")
    assert (bound["binding_state"], bound["host_id"], bound["device_id"]) == ("BOUND", "compute-1", server["id"])
    assert stack.shown(port)["status"] == "ACTIVE"
    await servers.delete(stack.api(OWNER), server["id"])
    unbound = stack.proton("GET", f"/ports/{port}")
    assert (unbound["binding_state"], unbound["host_id"], unbound["device_id"]) == ("UNBOUND", None, None)


async def test_a_machine_is_moved_to_another_host(stack: Stack, port: str) -> None:
    server = await servers.boot(stack.api(OPERATOR), "mover", [port], host="compute-1")
    assert server["status"] == "ACTIVE", server
    for host in ("compute-3", "compute-4"):
        stack.api(ADMIN).put("compute", *_disabled(stack, host, True))
    moved = await servers.migrate(stack.api(ADMIN), server["id"])
    assert moved["status"] == "ACTIVE", moved
    bound = stack.proton("GET", f"/ports/{port}")
    assert (bound["binding_state"], bound["host_id"]) == ("BOUND", "compute-2")
    await servers.delete(stack.api(OWNER), server["id"])
    for host in ("compute-3", "compute-4"):
        stack.api(ADMIN).put("compute", *_disabled(stack, host, False))


def _disabled(stack: Stack, host: str, disabled: bool) -> tuple[str, Any]:
    found = stack.api(ADMIN).get("compute", f"/os-services?host={host}&binary=nova-compute")["services"][0]
    assert found["host"] == host
    return "/os-services/" + ("disable" if disabled else "enable"), {"host": host, "binary": "nova-compute"}


async def test_a_host_that_nobody_serves(stack: Stack, port: str) -> None:
    server = await servers.boot(stack.api(OPERATOR), "lost", [port], host="compute-3")
    assert server["status"] == "ERROR"
    assert stack.proton("GET", f"/ports/{port}")["binding_state"] == "UNBOUND"
    await servers.delete(stack.api(OWNER), server["id"])


async def test_a_boot_waits_until_the_controller_says_that_its_port_is_plugged(stack: Stack, port: str) -> None:
    """The shim of compute-4 answers at once that the port is bound, and seconds later that it is up."""
    async with _slow_shim(stack.site.kv, port) as plug:
        server = await servers.ask(stack.api(OPERATOR), "patient", [port], host="compute-4")
        async with asyncio.timeout(30):
            while stack.proton("GET", f"/ports/{port}")["binding_state"] != "BOUND":
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        assert (await servers.show(stack.api(OWNER), server))["status"] == "BUILD"
        plug.set()
        assert (await servers.until_settled(stack.api(OWNER), server))["status"] == "ACTIVE"
    await servers.delete(stack.api(OWNER), server)


@asynccontextmanager
async def _slow_shim(kv: Kv, port: str) -> AsyncIterator[asyncio.Event]:
    """A shim of another make: it answers with status DOWN, and with ACTIVE once the event is set."""
    plug = asyncio.Event()

    async def answer() -> None:
        key, answer_key = keys.object("net-l3vpn", PORT, port), keys.answer("net-l3vpn", PORT, port)
        async for batch in kv.watch(key):
            for event in batch.events:
                wanted = json.loads(event.kv.value or b"{}")
                if wanted.get("host_id") != "compute-4" or wanted.get("binding_state") != "BINDING":
                    continue
                value = {"vif_type": "ovs", "vif_details": {}, "controller": "compute-4", "binding_id": wanted["binding_id"]}
                await kv.put(answer_key, json.dumps({**value, "status": "DOWN"}).encode())
                await plug.wait()
                await kv.put(answer_key, json.dumps({**value, "status": "ACTIVE"}).encode())

    task = asyncio.create_task(answer())
    try:
        yield plug
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_port_of_another_project(stack: Stack, port: str) -> None:
    with pytest.raises(ApiRefused, match="could not be found") as refusal:
        await servers.ask(stack.api(STRANGER), "thief", [port])
    assert refusal.value.status == 400


async def test_many_at_once(stack: Stack) -> None:
    service = await asyncio.to_thread(stack.service)
    ports = [await asyncio.to_thread(stack.port, service, f"10.0.1.{n}", f"many-{n}") for n in range(1, 51)]
    booted = await asyncio.gather(
        *(
            servers.boot(stack.api(OPERATOR), port["name"], [port["id"]], host=f"compute-{n % 2 + 1}")
            for n, port in enumerate(ports)
        )
    )
    assert [server["status"] for server in booted] == ["ACTIVE"] * len(ports)
    for start in range(0, len(booted), 10):  # each looks five times a second whether its server is gone
        await asyncio.gather(*(servers.delete(stack.api(OWNER), server["id"]) for server in booted[start : start + 10]))
    for port in ports:
        assert stack.proton("GET", f"/ports/{port['id']}")["binding_state"] == "UNBOUND"
        await asyncio.to_thread(stack.remove, port["id"])
