# SPDX-License-Identifier: Apache-2.0
"""What is not to be had of a port of Gluon's: a real Neutron says so plainly, and changes nothing.

This Neutron has more than the lab's: services that hang on ports, and ``delete_port = pass``.
"""

import asyncio
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import pytest_asyncio

from gluon.parts.openstack.api import ApiRefused
from gluon.parts.openstack.cloud import Cloud, Extent
from gluon.parts.openstack.users import ADMIN, NOVA, OWNER, STRANGER
from gluon.parts.site import Site

from .conftest import RELEASE
from .stacks import Stack, refused, stand_in, succeeds, until

HOST = "compute-1"

#: What Neutron lets an administrator set on a port, and no service of Gluon's has.
FOREIGN: dict[str, Any] = {
    "allowed_address_pairs": [{"ip_address": "10.0.0.9"}],
    "security_groups": [str(uuid.uuid4())],
    "port_security_enabled": True,
    "qos_policy_id": str(uuid.uuid4()),
    "fixed_ips": [{"ip_address": "10.0.0.7"}],
    "dns_name": "web",
    "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400"}],
    "description": "mine",
    "numa_affinity_policy": "preferred",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "site").mkdir()
    async with Site(folder / "site") as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 20}})
        await site.start_shim(HOST)
        options = {
            "DEFAULT": {"service_plugins": "qos,router,trunk"},
            "ml2": {"extension_drivers": "port_security,qos,dns"},
            "gluon": {"etcd_endpoints": site.etcd.endpoint, "proton_endpoints": server.url, "delete_port": "pass"},
        }
        where = folder / "cloud"
        async with Cloud(
            where, release=RELEASE, extent=Extent.NEUTRON, core_plugin="gluon", computes=(), neutron=options
        ) as cloud:
            yield Stack(site, server, cloud, await asyncio.to_thread(stand_in, cloud.api(ADMIN)))


@pytest.fixture
def made(stack: Stack) -> Iterator[dict[str, Any]]:
    """A port of Gluon's without a service, known to Neutron; the test may remove it."""
    port = create(stack)
    yield port
    if stack.proton("GET", f"/ports?id={port['id']}")["ports"]:
        stack.proton("DELETE", f"/ports/{port['id']}")


def create(stack: Stack) -> dict[str, Any]:
    port: dict[str, Any] = stack.proton("POST", "/ports", {"tenant_id": stack.tenant, "name": "web"})
    until(lambda: succeeds(lambda: stack.shown(port["id"])))
    return port


def path(port: dict[str, Any], more: str = "") -> str:
    return f"/v2.0/ports/{port['id']}{more}"


def change(stack: Stack, port: dict[str, Any], values: dict[str, Any], user: Any = ADMIN) -> dict[str, Any]:
    changed: dict[str, Any] = stack.api(user).put("network", path(port), {"port": values})["port"]
    return changed


def stored(stack: Stack, port: dict[str, Any]) -> dict[str, Any]:
    """As its own service has it, with its revision: nobody changed it where that is as it was."""
    found: dict[str, Any] = stack.proton("GET", f"/ports/{port['id']}")
    return found


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_changed(stack: Stack, made: dict[str, Any]) -> None:
    before, shown = stored(stack, made), stack.shown(made["id"])
    assert FOREIGN.keys() <= shown.keys(), "this Neutron has them all"
    with pytest.raises(ApiRefused) as caught:
        change(stack, made, {**FOREIGN, "device_owner": "network:dhcp", "name": "changed"})
    assert caught.value.status == 400
    for name in FOREIGN:
        assert f"{name}: cannot be set on a port of Gluon's" in caught.value.body
    assert "device_owner: 'network:dhcp' cannot be" in caught.value.body
    assert stored(stack, made) == before and stack.shown(made["id"]) == shown
    assert change(stack, made, {name: shown[name] for name in FOREIGN}) == shown, "what is as it was is no change"


def test_an_owner_is_told_the_same_where_neutrons_policy_lets_it(stack: Stack, made: dict[str, Any]) -> None:
    before = stored(stack, made)
    statuses = {}
    for name, value in FOREIGN.items():
        with pytest.raises(ApiRefused) as caught:
            change(stack, made, {name: value}, OWNER)
        statuses[name] = caught.value.status
    of_the_network = dict.fromkeys(("allowed_address_pairs", "port_security_enabled", "fixed_ips"), 403)
    assert statuses == dict.fromkeys(FOREIGN, 400) | of_the_network, "that is for the network's owner"
    assert stored(stack, made) == before


def test_a_name_that_nova_gives_is_passed_over(stack: Stack, made: dict[str, Any]) -> None:
    """Nova names each port that it binds after its machine; a user who names one is told that it cannot be."""
    before, shown = stored(stack, made), stack.shown(made["id"])
    assert change(stack, made, {"dns_name": "web-1"}, NOVA) == shown and stored(stack, made) == before
    refused(400, "dns_name: cannot be set on a port of Gluon's", lambda: change(stack, made, {"dns_name": "web-1"}))


def test_kinds_of_devices_are_in_neutrons_words(stack: Stack, made: dict[str, Any]) -> None:
    assert change(stack, made, {"binding:vnic_type": "direct-physical"})["binding:vnic_type"] == "direct-physical"
    assert stored(stack, made)["vnic_type"] == "whole-dev"
    stack.proton("PATCH", f"/ports/{made['id']}", {"vnic_type": "sriov"})
    assert stack.shown(made["id"])["binding:vnic_type"] == "direct"
    before = stored(stack, made)
    assert change(stack, made, {"binding:vnic_type": "direct"})["binding:vnic_type"] == "direct"
    words = "'vdpa' cannot be: on a port of Gluon's it is one of normal, direct, macvtap, direct-physical"
    refused(400, words, lambda: change(stack, made, {"binding:vnic_type": "vdpa"}))
    assert stored(stack, made) == before


def test_a_port_is_no_device_of_neutrons_whatever_its_service_says(stack: Stack, made: dict[str, Any]) -> None:
    stack.proton("PATCH", f"/ports/{made['id']}", {"device_owner": "network:router_gateway", "device_id": str(uuid.uuid4())})
    assert stack.shown(made["id"])["device_owner"] == ""
    assert stack.listed("device_owner=network:router_gateway", ADMIN) == []


def test_tags(stack: Stack, made: dict[str, Any]) -> None:
    owner = stack.api(OWNER)
    for method, more, body in (
        ("GET", "", None),
        ("GET", "/a", None),
        ("PUT", "/a", {}),
        ("PUT", "", {"tags": ["a"]}),
        ("DELETE", "/a", None),
        ("DELETE", "", None),
    ):
        ask = (method, "network", path(made, f"/tags{more}"), body)
        refused(400, "is a port of Gluon's: Neutron keeps nothing about it", lambda ask=ask: owner.request(*ask))


def test_bindings(stack: Stack, made: dict[str, Any]) -> None:
    nova = stack.api(NOVA)
    values = {"binding": {"vnic_type": "normal"}}
    assert nova.get("network", path(made, "/bindings")) == {"bindings": []}
    refused(404, "PortBindingNotFound", lambda: nova.put("network", path(made, f"/bindings/{HOST}"), values))
    refused(404, "PortBindingNotFound", lambda: nova.put("network", path(made, f"/bindings/{HOST}/activate")))
    change(stack, made, {"binding:host_id": HOST, "device_id": "vm", "device_owner": "compute:nova"})
    before = stored(stack, made)
    refused(400, "one host at a time", lambda: nova.put("network", path(made, f"/bindings/{HOST}"), values))
    refused(400, "one host at a time", lambda: nova.put("network", path(made, f"/bindings/{HOST}/activate")))
    refused(400, "one host at a time", lambda: nova.post("network", path(made, "/bindings"), {"binding": {"host": "other"}}))
    assert stored(stack, made) == before


def test_what_else_in_neutron_hangs_on_ports(stack: Stack, port: dict[str, Any]) -> None:
    before = stored(stack, port)
    admin, id = stack.api(ADMIN), port["id"]

    def new(what: str, **values: Any) -> str:
        found: str = admin.post("network", f"/v2.0/{what}s", {what: {"tenant_id": stack.tenant, **values}})[what]["id"]
        return found

    outside = new("network", **{"router:external": True})
    new("subnet", network_id=outside, ip_version=4, cidr="192.0.2.0/24")
    router, address = new("router"), new("floatingip", floating_network_id=outside)
    within = new("network")
    own = new("port", network_id=within)
    trunk = new("trunk", port_id=own)
    subport = {"port_id": id, "segmentation_type": "vlan", "segmentation_id": 5}
    try:
        interface = f"/v2.0/routers/{router}/add_router_interface"
        refused(400, "no device of Neutron's own", lambda: admin.put("network", interface, {"port_id": id}))
        assert admin.get("network", f"/v2.0/ports?device_id={router}")["ports"] == []
        associate = {"floatingip": {"port_id": id}}
        refused(404, "not reachable", lambda: admin.put("network", f"/v2.0/floatingips/{address}", associate))
        refused(404, "PortNotFound", lambda: new("trunk", port_id=id))
        add = f"/v2.0/trunks/{trunk}/add_subports"
        refused(404, "PortNotFound", lambda: admin.put("network", add, {"sub_ports": [subport]}))
        assert stored(stack, port) == before
    finally:
        for what in (f"trunks/{trunk}", f"ports/{own}", f"networks/{within}", f"floatingips/{address}", f"routers/{router}"):
            admin.delete("network", f"/v2.0/{what}")
        admin.delete("network", f"/v2.0/networks/{outside}")


def only_at(stack: Stack, revision: int, method: str, port: dict[str, Any], body: Any = None) -> tuple[int, Any]:
    """Status and document of Neutron's answer to a change that is meant for this revision of the port."""
    url = f"{stack.cloud.layout.catalogue['network']}{path(port)}"
    head = {
        "X-Auth-Token": stack.api(OWNER).token,
        "Content-Type": "application/json",
        "If-Match": f"revision_number={revision}",
    }
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, head, method=method), timeout=30) as answer:
            return int(answer.status), json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def test_another_revision_than_the_one_that_is_meant(stack: Stack, made: dict[str, Any]) -> None:
    def status(method: str, revision: int, body: Any = None) -> int:
        return only_at(stack, revision, method, made, body)[0]

    revision = stack.shown(made["id"])["revision_number"]
    name, nothing = {"port": {"name": "changed"}}, {"port": {"name": "web"}}
    assert status("PUT", revision + 1, name) == 412 == status("DELETE", revision + 1)
    assert status("PUT", revision + 1, nothing) == 412, "also where nothing would change"
    assert stored(stack, made)["name"] == "web"
    assert status("PUT", revision, name) == 200
    assert status("DELETE", revision) == 412, "it is another one by now"


def test_of_many_who_mean_one_revision_one_changes_the_port(stack: Stack, made: dict[str, Any]) -> None:
    """Between the moment that Neutron has looked at the port and its change, too."""
    with ThreadPoolExecutor(8) as threads:
        for turn in range(5):
            revision = stack.shown(made["id"])["revision_number"]
            bodies = [{"port": {"name": f"{turn}-{n}"}} for n in range(8)]
            answers = list(threads.map(lambda body, at=revision: only_at(stack, at, "PUT", made, body), bodies))
            (done,) = (document["port"] for status, document in answers if status == 200)
            refusals = [(status, document["NeutronError"]["type"]) for status, document in answers if status != 200]
            assert refusals == [(412, "RevisionNumberConstraintFailed")] * 7
            assert stored(stack, made)["name"] == done["name"]


def test_a_port_is_deleted_in_its_service_where_neutron_passes_that_on(stack: Stack, made: dict[str, Any]) -> None:
    owner = stack.api(OWNER)
    service = stack.service()
    binding = {"tenant_id": stack.tenant, "interface_id": made["id"], "service_id": service}
    stack.proton("POST", "/vpnbindings", binding)
    refused(404, "PortNotFound", lambda: stack.api(STRANGER).delete("network", path(made)))
    refused(409, "still referred to by vpnbinding", lambda: owner.delete("network", path(made)))
    stack.proton("DELETE", f"/vpnbindings/{made['id']}")
    owner.delete("network", path(made))
    assert stack.proton("GET", f"/ports?id={made['id']}")["ports"] == []
    refused(404, "PortNotFound", lambda: owner.delete("network", path(made)))
    stack.proton("DELETE", f"/vpns/{service}")


def test_ports_that_vanish_while_they_are_changed(stack: Stack) -> None:
    bodies = ({"name": "db"}, {"binding:host_id": HOST, "device_id": "vm"}, {"binding:host_id": "nowhere", "device_id": "vm"})
    ports = [create(stack) for _ in range(6)]

    def until_refused(n: int) -> ApiRefused:
        for turn in range(10_000):
            body = bodies[n % 3] | ({"name": f"db-{turn}"} if "name" in bodies[n % 3] else {})
            try:
                change(stack, ports[n], body)
            except ApiRefused as refusal:
                return refusal
        raise AssertionError("the port has not gone")

    with ThreadPoolExecutor(len(ports)) as pool:
        ends = [pool.submit(until_refused, n) for n in range(len(ports))]
        until(lambda: all(stored(stack, port)["revision"] > port["revision"] for port in ports))
        for port in ports:
            stack.proton("DELETE", f"/ports/{port['id']}")
    for end in ends:
        answer = end.result()
        waiting = answer.status == 409 and "was deleted while it was being bound" in answer.body
        assert answer.status == 404 or waiting, answer


@pytest.mark.asyncio(loop_scope="module")
async def test_a_port_that_has_gone_before_neutron_hears_of_it(stack: Stack) -> None:
    port = await asyncio.to_thread(create, stack)
    await stack.site.etcd.kill()

    def gone() -> None:
        stack.proton("DELETE", f"/ports/{port['id']}")
        for values in ({"name": "x"}, {"binding:host_id": HOST, "device_id": "vm"}, {"description": "x"}):
            refused(404, "PortNotFound", lambda values=values: change(stack, port, values))
        refused(404, "PortNotFound", lambda: stack.shown(port["id"]))
        refused(404, "PortNotFound", lambda: stack.api(ADMIN).delete("network", path(port)))
        assert stack.api(ADMIN).get("network", f"/v2.0/ports?id={port['id']}") == {"ports": []}

    try:
        await asyncio.to_thread(gone)
    finally:
        await stack.site.etcd.start()
