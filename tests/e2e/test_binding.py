# SPDX-License-Identifier: Apache-2.0
"""Binds with real parts: foreign shims, answers that come late or are stale, binds that nobody answers."""

import asyncio
import json
import time
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gluon.client.errors import Problem
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.particle import keys
from gluon.parts.site import Site

PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"
EXAMPLES = Path(__file__).parents[2] / "examples"
#: Longer than any answer takes, and than a slow machine stands still.
PATIENT = {"api": {"bind_timeout": 20}}
OVS = {"vif_type": "ovs", "vif_details": {"port_filter": False}, "controller": "foreign"}


@pytest.fixture
async def site(tmp_path, database):
    async with Site(tmp_path, database=database) as running:
        yield running


class Ports:
    """The collection, from the event loop."""

    def __init__(self, url):
        self._url = url

    async def _call(self, verb, *args, **kwargs):
        def call():
            with Client(self._url) as client:
                return getattr(Collection(client, PORTS), verb)(*args, **kwargs)

        return await asyncio.to_thread(call)

    async def create(self, **values):
        return (await self._call("create", {"tenant_id": TENANT, **values})).json()

    async def update(self, id, *, wait=None, **values):
        return await self._call("update", id, values, wait=wait)

    async def show(self, id):
        return (await self._call("show", id)).json()

    async def delete(self, id):
        await self._call("delete", id)


def answer_key(id):
    return keys.answer("net-l3vpn", "ProtonBasePort", id)


async def registered(site, id, binding_id=None):
    """What /gluon/port says once it has a binding (another than ``binding_id``)."""

    async def look():
        kv = await site.kv.get(keys.port(id))
        found = json.loads(kv.value)["binding_id"] if kv else None
        return found if found not in (None, binding_id) else None

    return await site.until(look, "the registration to take the binding")


async def until_state(site, ports, id, state):
    async def look():
        port = await ports.show(id)
        return port if port["binding_state"] == state else None

    return await site.until(look, f"the port to be {state}")


def watched(site):
    """How many watches there are in etcd: before a server runs, none but what a test has started."""
    with urllib.request.urlopen(f"{site.etcd.endpoint}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("etcd_debugging_mvcc_watcher_total"))


@asynccontextmanager
async def shell_shim(site):
    """The example, which watches once this is entered; to be started before the server."""
    log = site.folder / "shell.log"
    with log.open("wb") as output:
        shim = await asyncio.create_subprocess_exec(
            "setsid", str(EXAMPLES / "shell_shim.sh"), site.etcd.endpoint, stdout=output, stderr=output
        )
    try:
        await site.until(lambda: asyncio.to_thread(watched, site), "etcdctl's watch, of which it says nothing itself")
        yield
    finally:
        await (await asyncio.create_subprocess_exec("kill", "--", f"-{shim.pid}")).wait()
        await shim.wait()


async def test_ten_lines_of_shell_are_a_shim(site):
    async with shell_shim(site):
        server = await site.start_server(settings=PATIENT)
        ports = Ports(server.url)
        port = await ports.create()
        response = await ports.update(port["id"], host_id="shell-1", device_id="vm-1")
    bound = response.json()
    assert response.status == 200
    assert (bound["binding_state"], bound["vif_type"], bound["binding_controller"]) == ("BOUND", "ovs", "shell")
    assert bound["vif_details"] == {"port_filter": False}
    assert bound["status"] == "ACTIVE"


async def test_a_bind_that_nobody_answers_is_202_after_8_s_and_its_late_answer_is_stored(site):
    server = await site.start_server()
    ports = Ports(server.url)
    port = await ports.create()
    start = time.monotonic()
    response = await ports.update(port["id"], host_id="nowhere", device_id="vm-1")
    assert response.status == 202
    assert time.monotonic() - start >= 8.0
    assert response.json()["binding_state"] == "BINDING"
    await site.kv.put(answer_key(port["id"]), json.dumps(OVS).encode())
    bound = await until_state(site, ports, port["id"], "BOUND")
    assert bound["binding_controller"] == "foreign"


async def test_what_a_foreign_shim_left_from_an_earlier_binding_is_not_taken(site):
    server = await site.start_server(settings=PATIENT)
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    first = asyncio.create_task(ports.update(id, host_id="a", device_id="vm-1"))
    one = await registered(site, id)
    await site.kv.put(answer_key(id), json.dumps(OVS).encode())
    assert (await first).json()["binding_state"] == "BOUND"
    await ports.update(id, host_id=None, device_id=None)
    assert (await ports.update(id, wait=1, host_id="b", device_id="vm-2")).status == 202
    await registered(site, id, one)
    # A server that starts now reads the same old answer, and does not take it either.
    await server.stop()
    server = await site.start_server()
    ports = Ports(server.url)
    await ports.update(id, name="still waiting")
    port = await ports.show(id)
    assert (port["binding_state"], port["vif_type"]) == ("BINDING", None)
    # A new put of the very same value is an answer to this binding.
    await site.kv.put(answer_key(id), json.dumps(OVS).encode())
    assert (await until_state(site, ports, id, "BOUND"))["host_id"] == "b"


async def test_an_answer_that_names_an_earlier_binding_is_not_taken(site):
    server = await site.start_server(settings={"api": {"bind_timeout": 1}})
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    await ports.update(id, host_id="a", device_id="vm-1")
    earlier = await registered(site, id)
    await ports.update(id, host_id="b", device_id="vm-1")
    now = await registered(site, id, earlier)
    await site.kv.put(answer_key(id), json.dumps(OVS | {"binding_id": earlier}).encode())
    await asyncio.sleep(0.5)
    assert (await ports.show(id))["binding_state"] == "BINDING"
    await site.kv.put(answer_key(id), json.dumps(OVS | {"binding_id": now}).encode())
    await until_state(site, ports, id, "BOUND")


async def test_a_late_answer_that_came_while_no_server_ran_is_stored(site):
    server = await site.start_server(settings={"api": {"bind_timeout": 0.2}})
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    await ports.update(id, host_id="a", device_id="vm-1")
    await registered(site, id)
    await server.child.kill()
    await site.kv.put(answer_key(id), json.dumps(OVS).encode())
    server = await site.start_server()
    await until_state(site, Ports(server.url), id, "BOUND")


async def test_a_refused_bind_is_failed_with_its_reason_and_a_later_success_replaces_it(site):
    server = await site.start_server(settings=PATIENT)
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    asking = asyncio.create_task(ports.update(id, host_id="a", device_id="vm-1"))
    binding = await registered(site, id)
    failed = {"vif_type": "binding_failed", "reason": "no such bridge", "controller": "foreign", "binding_id": binding}
    await site.kv.put(answer_key(id), json.dumps(failed).encode())
    response = await asking
    assert response.status == 200
    assert (response.json()["binding_state"], response.json()["binding_reason"]) == ("FAILED", "no such bridge")
    await site.kv.put(answer_key(id), json.dumps(OVS | {"binding_id": binding}).encode())
    await until_state(site, ports, id, "BOUND")
    await site.kv.put(answer_key(id), json.dumps(failed).encode())
    await asyncio.sleep(0.5)
    assert (await ports.show(id))["binding_state"] == "BOUND"


async def test_a_bind_that_is_overtaken_or_whose_port_is_deleted_is_409(site):
    server = await site.start_server(settings=PATIENT)
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    first = asyncio.create_task(ports.update(id, host_id="a", device_id="vm-1"))
    one = await registered(site, id)
    second = asyncio.create_task(ports.update(id, host_id="b", device_id="vm-1"))
    with pytest.raises(Problem) as caught:
        await first
    assert caught.value.status == 409
    await registered(site, id, one)
    await ports.delete(id)
    with pytest.raises(Problem) as caught:
        await second
    assert caught.value.status == 409


async def test_a_port_moves_from_one_shim_to_another(site):
    server = await site.start_server(settings=PATIENT)
    one = await site.start_shim("compute-1")
    await site.start_shim("compute-2")
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    assert (await ports.update(id, host_id="compute-1", device_id="vm")).json()["binding_controller"] == "compute-1"
    assert (await ports.update(id, host_id="compute-2", device_id="vm")).json()["binding_controller"] == "compute-2"

    async def unbound():
        return "unbind_port" in one.output()

    await site.until(unbound, "the first shim to unbind", one)
    answer = json.loads((await site.kv.get(answer_key(id))).value)
    assert answer["controller"] == "compute-2"
    assert (await ports.show(id))["binding_controller"] == "compute-2"


async def test_a_server_that_stops_answers_the_binds_that_wait(site):
    server = await site.start_server(settings=PATIENT)
    ports = Ports(server.url)
    id = (await ports.create())["id"]
    asking = asyncio.create_task(ports.update(id, host_id="nowhere", device_id="vm-1"))
    await registered(site, id)
    start = time.monotonic()
    await server.stop()
    answer = await asking
    assert (answer.status, answer.headers["Retry-After"]) == (202, "0")
    assert time.monotonic() - start < 18  # it did not sit out the 20 s
