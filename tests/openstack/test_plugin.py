# SPDX-License-Identifier: Apache-2.0
"""Gluon's ports in a real Neutron, as an administrator, their owner and a stranger meet them."""

import urllib.request
import uuid
from typing import Any

from gluon.parts.openstack.users import ADMIN, NOVA, OWNER, STRANGER

from .stacks import Stack, refused, succeeds, until

HOST = "compute-1"


def path(port: dict[str, Any], more: str = "") -> str:
    return f"/v2.0/ports/{port['id']}{more}"


def show(stack: Stack, port: dict[str, Any], user: Any = ADMIN) -> dict[str, Any]:
    return stack.shown(port["id"], user)


def change(stack: Stack, port: dict[str, Any], user: Any = ADMIN, **values: Any) -> dict[str, Any]:
    body = {name.replace("__", ":"): value for name, value in values.items()}
    changed: dict[str, Any] = stack.api(user).put("network", path(port), {"port": body})["port"]
    return changed


def listed(stack: Stack, query: str = "", user: Any = OWNER) -> list[str]:
    return [port["id"] for port in stack.api(user).get("network", f"/v2.0/ports{query}")["ports"]]


def test_who_sees_a_port(stack: Stack, port: dict[str, Any], own: dict[str, Any]) -> None:
    shown = show(stack, port, OWNER)
    assert (shown["name"], shown["project_id"], shown["network_id"]) == ("web", stack.tenant, stack.network)
    assert [ip["ip_address"] for ip in shown["fixed_ips"]] == ["10.0.0.5"]
    assert shown.keys() == own.keys(), "exactly what ports have in this Neutron"
    assert show(stack, port)["binding:vif_type"] == "unbound"
    refused(404, "PortNotFound", lambda: show(stack, port, STRANGER))
    assert set(listed(stack)) == {port["id"], own["id"]}
    assert listed(stack, user=STRANGER) == []


def test_what_no_port_of_gluons_can_have_is_no_trouble(stack: Stack, port: dict[str, Any], own: dict[str, Any]) -> None:
    every = set(listed(stack))
    assert every == {port["id"], own["id"]}
    for name in ("name", "device_id", "device_owner", "binding:host_id", "mac_address", "status"):
        assert listed(stack, f"?{name}={'x' * 256}", ADMIN if name == "binding:host_id" else OWNER) == [], name
    for query in (
        "limit=999999999",
        "limit=1000&sort_key=name&sort_dir=asc",
        "marker=0&limit=5",
        "sort_key=id&sort_dir=desc&limit=10001",
    ):
        assert set(listed(stack, f"?{query}")) == every, query
    many = "&".join(f"id={uuid.uuid4()}" for _ in range(80))
    assert listed(stack, f"?{many}&id={port['id']}") == [port["id"]]


def test_lists_by_filters_and_pages(stack: Stack, port: dict[str, Any], own: dict[str, Any]) -> None:
    both = sorted((port["id"], own["id"]))
    assert listed(stack, "?name=web") == [port["id"]] and listed(stack, "?name=own") == [own["id"]]
    assert listed(stack, f"?network_id={stack.network}") == [port["id"]]
    assert listed(stack, "?fixed_ips=ip_address%3D10.0.0.5") == [port["id"]]
    assert listed(stack, "?device_id=nobody") == []
    first = listed(stack, "?limit=1")
    assert first + listed(stack, f"?limit=1&marker={first[0]}") == both
    assert listed(stack, f"?limit=1&marker={both[1]}") == []
    assert listed(stack, f"?limit=5&marker={both[1]}&page_reverse=True") == [both[0]]
    assert listed(stack, "?sort_key=id&sort_dir=desc") == listed(stack, "?sort_key=id&sort_dir=desc&limit=2") == both[::-1]
    assert listed(stack, f"?sort_key=id&sort_dir=desc&limit=1&marker={both[1]}") == both[:1]
    assert listed(stack, "?sort_key=name&sort_dir=desc&limit=2") == [port["id"], own["id"]]
    assert listed(stack, f"?sort_key=name&sort_dir=desc&limit=2&marker={port['id']}") == [own["id"]]


def test_a_port_is_bound_and_unbound_as_nova_does_it(stack: Stack, port: dict[str, Any]) -> None:
    machine = str(uuid.uuid4())
    bound = change(stack, port, binding__host_id=HOST, device_id=machine, device_owner="compute:nova")
    assert (bound["binding:vif_type"], bound["status"], bound["binding:host_id"]) == ("ovs", "ACTIVE", HOST)
    assert listed(stack, f"?device_id={machine}") == [port["id"]]
    nova = stack.api(NOVA)
    (binding,) = nova.get("network", path(port, "/bindings"))["bindings"]
    assert (binding["host"], binding["vif_type"], binding["status"]) == (HOST, "ovs", "ACTIVE")
    refused(404, "PortBindingNotFound", lambda: nova.get("network", path(port, "/bindings/elsewhere")))
    refused(404, "PortBindingNotFound", lambda: nova.delete("network", path(port, "/bindings/elsewhere")))
    refused(400, "one host at a time", lambda: nova.delete("network", path(port, f"/bindings/{HOST}")))
    refused(400, "mac_address", lambda: change(stack, port, mac_address="fa:16:3e:00:00:09"))
    unbound = change(stack, port, binding__host_id=None, device_id="", device_owner="")
    assert (unbound["binding:vif_type"], unbound["status"], unbound["device_id"]) == ("unbound", "DOWN", "")
    assert listed(stack, f"?device_id={machine}") == []


def test_a_host_that_nobody_serves(stack: Stack, port: dict[str, Any]) -> None:
    failed = change(stack, port, binding__host_id="nowhere", device_id=str(uuid.uuid4()), device_owner="compute:nova")
    assert failed["binding:vif_type"] == "binding_failed"
    assert failed["binding:vif_details"]["reason"] == "no controller answered for host nowhere in time"
    assert show(stack, port)["binding:vif_type"] == "unbound"


def test_what_may_be_changed(stack: Stack, port: dict[str, Any]) -> None:
    assert change(stack, port, OWNER, name="db", admin_state_up=False)["name"] == "db"
    assert stack.proton("GET", f"/ports/{port['id']}")["name"] == "db"
    refused(400, "description: cannot be set", lambda: change(stack, port, OWNER, description="x"))
    refused(404, "PortNotFound", lambda: change(stack, port, STRANGER, name="x"))
    refused(409, "deleted where it was made", lambda: stack.api(OWNER).delete("network", path(port)))
    refused(404, "PortNotFound", lambda: stack.api(STRANGER).delete("network", path(port)))
    for ask in (
        lambda: stack.api(OWNER).get("network", path(port, "/tags")),
        lambda: stack.api(OWNER).put("network", path(port, "/tags/a"), {}),
        lambda: stack.api(NOVA).post("network", path(port, "/bindings"), {"binding": {"host": "compute-2"}}),
    ):
        refused(400, "is a port of Gluon's", ask)
    for more in ("/tags", "/tags/a"):
        refused(400, "is a port of Gluon's", lambda more=more: stack.api(ADMIN).get("network", path(port, more)))
        refused(404, "PortNotFound", lambda more=more: stack.api(STRANGER).get("network", path(port, more)))
        refused(404, "PortNotFound", lambda more=more: stack.api(STRANGER).put("network", path(port, more), {"tags": ["a"]}))


def test_nova_deletes_a_port_that_it_takes_for_its_own(stack: Stack, port: dict[str, Any]) -> None:
    """It is the machine that goes."""
    change(stack, port, binding__host_id=HOST, device_id=str(uuid.uuid4()), device_owner="compute:nova")
    tokens = {"X-Auth-Token": stack.api(OWNER).token, "X-Service-Token": stack.api(NOVA).token}
    request = urllib.request.Request(f"{stack.cloud.layout.catalogue['network']}{path(port)}", headers=tokens, method="DELETE")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 204
    assert stack.proton("GET", f"/ports/{port['id']}")["binding_state"] == "UNBOUND"
    refused(409, "deleted where it was made", lambda: stack.api(NOVA).delete("network", path(port)))


def test_the_network_that_stands_for_gluon(stack: Stack, port: dict[str, Any]) -> None:
    admin = stack.api(ADMIN)
    subnet = admin.get("network", f"/v2.0/subnets?network_id={stack.network}")["subnets"][0]["id"]
    refused(409, "NetworkInUse", lambda: admin.delete("network", f"/v2.0/networks/{stack.network}"))
    refused(409, "SubnetInUse", lambda: admin.delete("network", f"/v2.0/subnets/{subnet}"))
    make = {"port": {"network_id": stack.network}}
    refused(400, "stands for Gluon's ports", lambda: stack.api(OWNER).post("network", "/v2.0/ports", make))


def test_another_network_of_the_name(stack: Stack, port: dict[str, Any]) -> None:
    stranger = stack.api(STRANGER)
    made = stranger.post("network", "/v2.0/networks", {"network": {"name": "gluon"}})["network"]["id"]
    assert show(stack, port)["network_id"] == stack.network
    stranger.delete("network", f"/v2.0/networks/{made}")


def test_a_port_that_goes(stack: Stack) -> None:
    made = stack.proton("POST", "/ports", {"tenant_id": stack.tenant})
    until(lambda: succeeds(lambda: show(stack, made)))
    stack.proton("DELETE", f"/ports/{made['id']}")
    until(lambda: not succeeds(lambda: show(stack, made)))
    refused(404, "PortNotFound", lambda: show(stack, made))


def test_an_id_that_neutron_has_already(stack: Stack, own: dict[str, Any]) -> None:
    """Whoever makes a port in a Proton chooses its id, and takes no port of Neutron's away by that."""
    other = stack.api(STRANGER).project_id
    stack.proton("POST", "/ports", {"id": own["id"], "tenant_id": other, "name": "trap"})
    beside = stack.proton("POST", "/ports", {"tenant_id": other})
    until(lambda: succeeds(lambda: show(stack, beside)))
    assert show(stack, own, OWNER)["name"] == "own"
    refused(404, "PortNotFound", lambda: show(stack, own, STRANGER))
    assert listed(stack, f"?id={own['id']}", ADMIN) == [own["id"]]
    for id in (own["id"], beside["id"]):
        stack.proton("DELETE", f"/ports/{id}")
