# SPDX-License-Identifier: Apache-2.0
"""Gluon's drivers with real parts: servers, shims, etcd; two Protons at once, one with nouns that nobody knows."""

import asyncio
import threading
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gluon.backends.arbiter import Arbiter
from gluon.backends.errors import NotFound, Refused, Unavailable
from gluon.backends.ports import Address
from gluon.backends.registrations import Registrations
from gluon.backends.servers import ProtonServers
from gluon.client.errors import Problem
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.site import Site

MODELS = Path(__file__).parents[1] / "models"
TENANT = "0123456789abcdef0123456789abcdef"
L3VPN = "/proton/net-l3vpn/v1.0"
RENAMED = "/proton/renamed/v2.10"
#: Where the ports of each Proton are.
PORTS = {"net-l3vpn": f"{L3VPN}/ports", "renamed": f"{RENAMED}/sockets"}
#: A server for binds that are answered or overtaken, and one for those that nobody answers.
PATIENT, IMPATIENT = ({"api": {"bind_timeout": seconds}} for seconds in (20, 0.5))
BOTH = pytest.mark.parametrize("proton", PORTS)


@pytest.fixture
async def site(tmp_path):
    async with Site(tmp_path, models=MODELS) as running:
        yield running


def create(url, path, **values):
    with Client(url) as client:
        return Collection(client, path).create({"tenant_id": TENANT, **values}).json()


def requests(url):
    """How many requests about Protons the server has answered."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("gluon_api_requests_total{") and "/proton" in line)


def handlers(proton):
    return {"shim": {"handlers": f"{proton}:net-l3vpn-dummy"}}


@BOTH
async def test_a_port_is_bound_shown_moved_and_deleted(site, proton):
    server = await site.start_server(settings=PATIENT)
    for host in ("compute-1", "compute-2"):
        await site.start_shim(host, settings=handlers(proton), ready=proton == site.proton)
    if proton != site.proton:
        await site.until(lambda: site.kv.get(f"/gluon/shim/{proton}/compute-2"), "the shims")
    id = create(server.url, PORTS[proton])["id"]

    def story():
        with ProtonServers([server.url]) as servers:
            driver = Arbiter(servers).owner(id)
            bound = driver.bind(id, "compute:nova", "zone", "vm-1", "compute-1", {"pci": "0:1"})
            assert (driver.proton, bound.service, bound.binding_state) == (proton, proton, "BOUND")
            assert (bound.binding_controller, bound.status, bound.profile) == ("compute-1", "ACTIVE", {"pci": "0:1"})
            assert bound.vif_type and bound == driver.port(id)
            assert driver.bind(id, "compute:nova", "zone", "vm-1", "compute-2").binding_controller == "compute-2"
            assert [port.id for port in driver.ports({"host_id": ["compute-2"]}).ports] == [id]
            assert driver.ports({"host_id": ["compute-1"]}).ports == ()
            unbound = driver.unbind(id)
            assert (unbound.binding_state, unbound.host_id, unbound.device_id, unbound.vif_type) == ("UNBOUND", "", "", "")
            driver.delete(id)
            with pytest.raises(NotFound):
                driver.port(id)

    await asyncio.to_thread(story)


async def test_addresses_come_with_a_page_of_ports_in_one_request(site):
    server = await site.start_server(settings=PATIENT)
    await site.start_shim("compute-1")
    vpn = create(server.url, f"{L3VPN}/vpns")["id"]
    bound = {"service_id": vpn, "subnet_prefix": 24, "gateway": "192.0.2.1"}
    ids = []
    for n in range(2, 32):
        ids.append(create(server.url, PORTS["net-l3vpn"], id=str(uuid.UUID(int=n)))["id"])
        create(server.url, f"{L3VPN}/vpnbindings", interface_id=ids[-1], ipaddress=f"192.0.2.{n}", **bound)
    extra = create(server.url, f"{L3VPN}/interfaces", port_id=ids[0], segmentation_type="vlan", segmentation_id=7)["id"]
    create(server.url, f"{L3VPN}/vpnbindings", interface_id=extra, service_id=vpn, ipv6_address="2001:db8::7", ipv6_prefix=64)
    with ProtonServers([server.url]) as servers:
        driver = Arbiter(servers).driver("net-l3vpn")
        first = await asyncio.to_thread(driver.port, ids[0])
        before = requests(server.url)
        page = await asyncio.to_thread(driver.ports, {"tenant_id": [TENANT]})
        assert requests(server.url) == before + 1
        assert [port.id for port in page.ports] == ids and page.ports[0] == first
        assert first.addresses == (Address("192.0.2.2", ids[0], 24, "192.0.2.1"), Address("2001:db8::7", extra, 64))
        assert [port.addresses[0].address for port in page.ports] == [f"192.0.2.{n}" for n in range(2, 32)]
        assert (await asyncio.to_thread(driver.bind, ids[0], "", "", "vm", "compute-1")).addresses == first.addresses
        found = await asyncio.to_thread(driver.ports, {"id": [*ids[3:5], str(uuid.uuid4())], "binding_state": ["UNBOUND"]})
        assert [port.id for port in found.ports] == ids[3:5]


async def test_addresses_of_other_nouns(site):
    server = await site.start_server()
    overlay = create(server.url, f"{RENAMED}/overlays", label="o")["id"]
    id = create(server.url, PORTS["renamed"])["id"]
    create(server.url, f"{RENAMED}/memberships", interface_id=id, service_id=overlay, ipaddress="2001:db8::1")
    with ProtonServers([server.url]) as servers:
        port = await asyncio.to_thread(Arbiter(servers).port, id)
        assert port.addresses == (Address("2001:db8::1", id),)


async def test_one_id_is_one_port_of_one_proton(site):
    """A second Proton's port of the same id is refused by the server, and the driver of the first goes on."""
    server = await site.start_server()
    id = str(uuid.uuid4())
    create(server.url, PORTS["renamed"], id=id)
    with pytest.raises(Problem) as raised:
        create(server.url, PORTS["net-l3vpn"], id=id)
    assert raised.value.status == 409
    with ProtonServers([server.url]) as servers:
        assert (await asyncio.to_thread(Arbiter(servers).port, id)).service == "renamed"


async def test_the_registrations_in_etcd_say_whose_a_port_is(site):
    server = await site.start_server()
    registrations = Registrations(site.kv)
    following = asyncio.create_task(registrations.run())
    made = {proton: create(server.url, path)["id"] for proton, path in PORTS.items()}

    async def registered():
        return all(map(registrations.find, made.values()))

    await site.until(registered, "the registrations")
    with ProtonServers([server.url]) as servers:
        arbiter = Arbiter(servers, registrations)
        for proton, id in made.items():
            assert (await asyncio.to_thread(arbiter.port, id)).service == proton
        with pytest.raises(NotFound):
            arbiter.port(str(uuid.uuid4()))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_bind_that_nobody_answers_or_another_overtakes(site):
    server, impatient = await asyncio.gather(site.start_server(settings=PATIENT), site.start_server(settings=IMPATIENT))
    id = create(server.url, PORTS["net-l3vpn"])["id"]
    with ProtonServers([server.url]) as servers, ProtonServers([impatient.url]) as others:
        driver = Arbiter(servers).driver("net-l3vpn")
        first = asyncio.create_task(asyncio.to_thread(driver.bind, id, "", "", "vm", "nowhere"))

        async def waits():
            return (await asyncio.to_thread(driver.port, id)).host_id == "nowhere"

        await site.until(waits, "the first bind")
        second = await asyncio.to_thread(Arbiter(others).driver("net-l3vpn").bind, id, "", "", "vm", "elsewhere")
        assert (second.binding_state, second.host_id) == ("BINDING", "elsewhere")
        with pytest.raises(Refused) as raised:
            await first
        assert raised.value.status == 409
        with pytest.raises(Refused) as raised:
            await asyncio.to_thread(driver.update, id, {"mtu": 1, "colour": "blue"})
        assert {fault.pointer for fault in raised.value.faults} == {"/mtu", "/colour"}


async def test_a_server_that_dies_costs_no_request_that_can_be_made_elsewhere(site):
    one, two = await site.start_server(settings=PATIENT), await site.start_server(settings=PATIENT)
    await site.start_shim("compute-1")
    ids = [create(one.url, PORTS["net-l3vpn"])["id"] for _ in range(20)]
    with ProtonServers([one.url, two.url]) as servers, ThreadPoolExecutor(8) as threads:
        driver = Arbiter(servers).driver("net-l3vpn")
        assert driver.port(ids[0]).id == ids[0]
        stop, failed = threading.Event(), []

        def read(id):
            while not stop.is_set():
                try:
                    assert driver.port(id).id == id
                except Unavailable as error:
                    failed.append(error)

        readers = [threads.submit(read, id) for id in ids[:4]]
        await asyncio.sleep(0.3)
        await one.child.kill()
        bound = [await asyncio.to_thread(driver.bind, id, "", "", "vm", "compute-1") for id in ids]
        stop.set()
        for reader in readers:
            reader.result()
        assert {port.binding_state for port in bound} == {"BOUND"} and not failed


async def test_a_proton_that_is_added_later_has_a_driver_without_a_restart(site, tmp_path):
    (tmp_path / "models").mkdir()
    before = await site.start_server(settings={"DEFAULT": {"model_path": tmp_path / "models"}})
    with ProtonServers([before.url]) as servers:
        arbiter = Arbiter(servers)
        assert "renamed" not in arbiter.protons().names
        with pytest.raises(Unavailable, match="there is no Proton 'renamed'"):
            arbiter.driver("renamed").ports({})
        await before.stop()
        server = await site.start_server(port=before.port)
        id = create(server.url, PORTS["renamed"])["id"]
        assert (await asyncio.to_thread(arbiter.port, id)).service == "renamed"
        assert (await asyncio.to_thread(arbiter.driver("renamed").ports, {})).ports[0].id == id
