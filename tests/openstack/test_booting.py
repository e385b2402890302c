# SPDX-License-Identifier: Apache-2.0
"""A real Nova boots machines on Gluon's ports, waits for them to be plugged, moves and deletes them."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gluon.kv.contract import Kv
from gluon.particle import keys
from gluon.parts.openstack import servers
from gluon.parts.openstack.api import ApiRefused
from gluon.parts.openstack.users import ADMIN, OPERATOR, OWNER, STRANGER

from .stacks import SERVED, UNSERVED, Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

PORT = "ProtonBasePort"
FIRST, SECOND = SERVED


def bound(stack: Stack, port: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """State, host and device of a port as its Proton has them."""
    found = stack.proton("GET", f"/ports/{port['id']}")
    return found["binding_state"], found["host_id"], found["device_id"]


async def running(stack: Stack, name: str, port: dict[str, Any]) -> str:
    """The id of a machine that runs on this port, on the first host."""
    server = await servers.boot(stack.api(OPERATOR), name, [port["id"]], host=FIRST)
    assert server["status"] == "ACTIVE", server
    assert bound(stack, port) == ("BOUND", FIRST, server["id"])
    return str(server["id"])


async def test_a_machine_boots_and_is_deleted(stack: Stack, port: dict[str, Any]) -> None:
    server = await running(stack, "one", port)
    assert await addresses(stack, server) == ["10.0.0.5"]
    assert stack.shown(port["id"])["status"] == "ACTIVE"
    await servers.delete(stack.api(OWNER), server)
    assert bound(stack, port) == ("UNBOUND", None, None)


async def test_ports_are_named_after_machines_by_nova_and_gluons_take_no_name(stack: Stack, port: dict[str, Any]) -> None:
    """By the binding itself, or by the user who boots, where the network has a domain."""
    admin = stack.api(ADMIN)
    loaded = {extension["alias"] for extension in admin.get("network", "/v2.0/extensions")["extensions"]}
    assert "dns-integration" in loaded
    admin.put("network", f"/v2.0/networks/{stack.network}", {"network": {"dns_domain": "example.org."}})
    try:
        server = await running(stack, "named", port)
        assert stack.shown(port["id"])["dns_name"] == ""
        await servers.delete(stack.api(OWNER), server)
    finally:
        admin.put("network", f"/v2.0/networks/{stack.network}", {"network": {"dns_domain": ""}})
    assert bound(stack, port) == ("UNBOUND", None, None)


async def test_a_port_that_is_deleted_in_its_service_while_a_machine_has_it(stack: Stack) -> None:
    """Nova hears of it, and does not wait until it looks after its machines by itself."""
    service = await asyncio.to_thread(stack.service)
    port = await asyncio.to_thread(stack.port, service, "10.0.0.6", "short")
    server = await running(stack, "bereft", port)
    assert await addresses(stack, server) == ["10.0.0.6"]
    await asyncio.to_thread(stack.remove, port["id"])
    # Nova of 2026.1 forgets the port at an event about its address, if that comes once the port has gone.
    parted = f"Neutron deleted interface {port['id']}; detaching it|{port['id']} from network info_cache.* Removing"
    async with asyncio.timeout(30):
        while port["id"] not in told_gone(stack):
            await asyncio.sleep(0.2)
        while not re.search(parted, (stack.cloud.folder / f"{FIRST}.log").read_text()):
            await asyncio.sleep(0.2)
        while await addresses(stack, server):
            await asyncio.sleep(0.2)
    assert (await servers.show(stack.api(OWNER), server))["status"] == "ACTIVE"
    await servers.delete(stack.api(OWNER), server)
    stack.proton("DELETE", f"/vpns/{service}")


def told_gone(stack: Stack) -> set[str]:
    """The ports of which Nova has taken in that they are deleted."""
    said = (stack.cloud.folder / "neutron.log").read_text()
    return set(re.findall(r"'network-vif-deleted', 'tag': '([^']+)', 'status': 'completed', 'code': 200", said))


async def test_nobody_unplugs_a_port_of_neutrons_own_by_one_of_the_same_id(stack: Stack, own: dict[str, Any]) -> None:
    server = await servers.boot(stack.api(OPERATOR), "aimed-at", [own["id"]], host=FIRST)
    assert server["status"] == "ACTIVE", server
    other = str(uuid.uuid4())
    plugged = {"tenant_id": stack.tenant, "device_id": server["id"], "device_owner": "compute:nova"}
    both = [stack.proton("POST", "/ports", {"id": id, **plugged})["id"] for id in (own["id"], other)]
    await asyncio.to_thread(stack.until_known, other)
    for id in both:
        stack.proton("DELETE", f"/ports/{id}")
    async with asyncio.timeout(30):
        while other not in told_gone(stack):
            await asyncio.sleep(0.2)
    assert own["id"] not in told_gone(stack)
    await servers.delete(stack.api(OWNER), server["id"])


async def test_an_address_that_changes_while_the_machine_runs(stack: Stack, port: dict[str, Any]) -> None:
    """In the API of its service, where Neutron has no part in it."""
    server = await running(stack, "renumbered", port)
    stack.proton("PATCH", f"/vpnbindings/{port['id']}", {"ipaddress": "10.0.0.99"})
    async with asyncio.timeout(30):
        while await addresses(stack, server) != ["10.0.0.99"]:
            await asyncio.sleep(0.2)
    await servers.delete(stack.api(OWNER), server)


async def addresses(stack: Stack, server: str) -> list[str]:
    """Those of a machine, as Nova shows them."""
    shown = await servers.show(stack.api(OWNER), server)
    return [address["addr"] for address in shown["addresses"].get("gluon", ())]


async def test_a_machine_is_moved_to_another_host(stack: Stack, port: dict[str, Any]) -> None:
    server = await running(stack, "mover", port)
    moved = await servers.migrate(stack.api(ADMIN), server, host=SECOND)
    assert moved["status"] == "ACTIVE", moved
    assert bound(stack, port) == ("BOUND", SECOND, server)
    await servers.delete(stack.api(OWNER), server)


async def test_a_machine_is_shelved_and_taken_up_elsewhere(stack: Stack, port: dict[str, Any]) -> None:
    """On the shelf it keeps its port, which is on no host."""
    server = await running(stack, "shelved", port)
    shelved = await servers.shelve(stack.api(OWNER), server)
    assert shelved["status"] == "SHELVED_OFFLOADED", shelved
    assert bound(stack, port) == ("UNBOUND", None, server)
    assert stack.shown(port["id"])["binding:vif_type"] == "unbound"
    taken = await servers.unshelve(stack.api(ADMIN), server, host=SECOND)
    assert (taken["status"], taken["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", SECOND), taken
    assert bound(stack, port) == ("BOUND", SECOND, server)
    await servers.delete(stack.api(OWNER), server)
    assert bound(stack, port) == ("UNBOUND", None, None)


async def test_a_machine_that_is_to_be_moved_while_it_runs_stays(stack: Stack, port: dict[str, Any]) -> None:
    server = await running(stack, "stayer", port)
    asked = await servers.migrate_live(stack.api(ADMIN), server, host=SECOND)
    assert (asked["status"], asked["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", FIRST), asked
    assert bound(stack, port) == ("BOUND", FIRST, server)
    await servers.delete(stack.api(OWNER), server)


async def test_a_machine_whose_host_has_failed_is_built_anew_elsewhere(stack: Stack, port: dict[str, Any]) -> None:
    """And keeps its port there when the host that had it comes back."""
    admin = stack.api(ADMIN)
    server = await running(stack, "survivor", port)
    compute = stack.cloud.process(FIRST)
    await compute.kill()
    await servers.mark_down(admin, FIRST, True)
    evacuated = await servers.evacuate(admin, server, host=SECOND)
    assert (evacuated["status"], evacuated["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", SECOND), evacuated
    assert bound(stack, port) == ("BOUND", SECOND, server)
    await stack.cloud.start(compute.program)
    await until_cleaned_up(stack, server)
    await servers.mark_down(admin, FIRST, False)
    assert bound(stack, port) == ("BOUND", SECOND, server)
    await servers.delete(stack.api(OWNER), server)


async def until_cleaned_up(stack: Stack, server: str) -> None:
    """Return when the host that came back has removed what was left of the machine there."""
    path = f"/os-migrations?instance_uuid={server}"
    async with asyncio.timeout(60):
        while True:
            (found,) = stack.api(ADMIN).get("compute", path)["migrations"]
            if found["status"] == "completed":
                return
            await asyncio.sleep(0.2)


async def test_a_host_that_nobody_serves(stack: Stack, port: dict[str, Any]) -> None:
    """Nova says of which port the binding failed; the answer that it had, and Neutron's log, say why."""
    server = await servers.boot(stack.api(OPERATOR), "lost", [port["id"]], host=UNSERVED, forced=True)
    assert server["status"] == "ERROR"
    assert f"Binding failed for port {port['id']}" in server["fault"]["message"]
    assert bound(stack, port) == ("UNBOUND", None, None)
    said = (stack.cloud.folder / "neutron.log").read_text()
    assert f"port {port['id']} is not bound on host {UNSERVED}: no controller answered for host {UNSERVED} in time" in said
    await servers.delete(stack.api(OWNER), server["id"])


async def test_a_boot_waits_until_the_controller_says_that_its_port_is_plugged(stack: Stack, port: dict[str, Any]) -> None:
    """A shim answers at once that the port is bound, and seconds later that it is up."""
    async with _slow_shim(stack.site.kv, port["id"]) as plug:
        server = await servers.ask(stack.api(OPERATOR), "patient", [port["id"]], host=UNSERVED)
        async with asyncio.timeout(30):
            while bound(stack, port)[0] != "BOUND":
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
                if wanted.get("host_id") != UNSERVED or wanted.get("binding_state") != "BINDING":
                    continue
                value = {"vif_type": "ovs", "vif_details": {}, "controller": UNSERVED, "binding_id": wanted["binding_id"]}
                await kv.put(answer_key, json.dumps({**value, "status": "DOWN"}).encode())
                await plug.wait()
                await kv.put(answer_key, json.dumps({**value, "status": "ACTIVE"}).encode())

    task = asyncio.create_task(answer())
    try:
        yield plug
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_port_of_another_project(stack: Stack, port: dict[str, Any]) -> None:
    with pytest.raises(ApiRefused, match="could not be found") as refusal:
        await servers.ask(stack.api(STRANGER), "thief", [port["id"]])
    assert refusal.value.status == 400


async def test_many_at_once(stack: Stack) -> None:
    service = await asyncio.to_thread(stack.service)
    ports = [await asyncio.to_thread(stack.port, service, f"10.0.1.{n}", f"many-{n}") for n in range(1, 51)]
    booted = await asyncio.gather(
        *(servers.boot(stack.api(OPERATOR), port["name"], [port["id"]], host=SERVED[n % 2]) for n, port in enumerate(ports))
    )
    assert [server for server in booted if server["status"] != "ACTIVE"] == []
    await asyncio.gather(*(servers.delete(stack.api(OWNER), server["id"]) for server in booted))
    for port in ports:
        assert stack.proton("GET", f"/ports/{port['id']}")["binding_state"] == "UNBOUND"
        await asyncio.to_thread(stack.remove, port["id"])
