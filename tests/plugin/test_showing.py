# SPDX-License-Identifier: Apache-2.0
"""From a port of a Proton to what Neutron shows."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from gluon.backends.ports import Address, Port
from gluon.model.schema import BindingState
from gluon.plugin.showing import Showing, StandIn, Subnet, binding

V4 = Subnet(ip_network("0.0.0.0/1"), "s4")
V6 = Subnet(ip_network("2000::/3"), "s6")
STOCK: dict[str, Any] = {
    "id": "",
    "name": "",
    "network_id": "",
    "tenant_id": "",
    "project_id": "",
    "mac_address": "",
    "admin_state_up": True,
    "status": "",
    "device_id": "",
    "device_owner": "",
    "fixed_ips": [],
    "security_groups": [],
    "tags": [],
    "description": "",
    "binding:host_id": "",
    "binding:vif_type": "",
    "binding:vif_details": {},
    "binding:profile": {},
    "binding:vnic_type": "",
    "qos_policy_id": None,
    "created_at": "",
    "updated_at": "",
    "revision_number": 0,
}
PORT = Port(
    service="net-l3vpn",
    id="p",
    tenant_id="t",
    name="web",
    mac_address="fa:16:3e:00:00:01",
    admin_state_up=True,
    status="ACTIVE",
    vnic_type="normal",
    mtu=1500,
    device_id="vm",
    device_owner="compute:nova",
    host_id="h1",
    vif_type="ovs",
    vif_details={"bridge_name": "br"},
    profile={"a": 1},
    binding_state=BindingState.BOUND,
    binding_reason="",
    binding_controller="c",
    created_at="2026-01-02T03:04:05.678901Z",
    updated_at="2026-01-02T03:04:05Z",
    revision=7,
    addresses=(Address("10.0.0.1", "p"), Address("2001:db8::1", "p"), Address("10.0.0.1", "q"), Address("10.0.0.2", "q")),
)


def test_a_bound_port() -> None:
    shown = Showing(StandIn("n", (V4, V6)), STOCK).shown(PORT)
    assert shown == {
        **STOCK,
        **{"id": "p", "name": "web", "network_id": "n", "tenant_id": "t", "project_id": "t", "mac_address": "fa:16:3e:00:00:01"},
        **{"status": "ACTIVE", "device_id": "vm", "device_owner": "compute:nova", "revision_number": 7},
        "fixed_ips": [
            {"subnet_id": "s4", "ip_address": "10.0.0.1"},
            {"subnet_id": "s6", "ip_address": "2001:db8::1"},
            {"subnet_id": "s4", "ip_address": "10.0.0.2"},
        ],
        **{"binding:host_id": "h1", "binding:vif_type": "ovs", "binding:vif_details": {"bridge_name": "br"}},
        **{"binding:profile": {"a": 1}, "binding:vnic_type": "normal"},
        **{"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z"},
    }


@pytest.mark.parametrize(
    ("state", "vif_type", "shown"),
    [(BindingState.FAILED, "", "binding_failed"), (BindingState.UNBOUND, "", "unbound"), (BindingState.BINDING, "", "unbound")],
)
def test_a_port_without_a_vif(state: BindingState, vif_type: str, shown: str) -> None:
    port = replace(PORT, binding_state=state, vif_type=vif_type)
    assert Showing(StandIn("n", ()), STOCK).shown(port)["binding:vif_type"] == shown


def test_why_a_bind_failed() -> None:
    port = replace(PORT, binding_state=BindingState.FAILED, binding_reason="no room", vif_type="", vif_details={})
    assert Showing(StandIn("n", ()), STOCK).shown(port)["binding:vif_details"] == {"reason": "no room"}


def test_the_one_binding() -> None:
    showing = Showing(StandIn("n", ()), STOCK)
    assert binding(showing.shown(replace(PORT, host_id=""))) is None
    shown = {"host": "h1", "status": "ACTIVE", "vif_type": "ovs", "vif_details": {"bridge_name": "br"}}
    assert binding(showing.shown(PORT)) == {**shown, "vnic_type": "normal", "profile": {"a": 1}}


def test_exactly_the_keys_that_this_neutron_has() -> None:
    stock = {"id": "", "trunk_details": {}, "tags": []}
    showing = Showing(StandIn("n", (V4,)), stock)
    first = showing.shown(replace(PORT, status="STRANGE"))
    assert first == {"id": "p", "trunk_details": {}, "tags": []}
    first["tags"].append("changed by whoever was given it")
    assert showing.shown(PORT)["tags"] == []


def test_a_port_is_no_device_of_neutrons_whatever_its_service_says() -> None:
    shown = Showing(StandIn("n", ()), STOCK).shown
    owners = ("network:router_gateway", "network:dhcp", "compute:nova", "networker", "")
    assert [shown(replace(PORT, device_owner=owner))["device_owner"] for owner in owners] == ["", "", *owners[2:]]


def test_the_kind_of_device_in_a_word_that_nova_knows() -> None:
    shown = Showing(StandIn("n", ()), STOCK).shown(replace(PORT, vnic_type="sriov"))
    assert shown["binding:vnic_type"] == "direct"


def test_what_has_no_subnet_or_no_word_in_neutron() -> None:
    shown = Showing(StandIn("n", (V6,)), STOCK).shown(replace(PORT, status="TESTING"))
    assert shown["fixed_ips"] == [{"subnet_id": "s6", "ip_address": "2001:db8::1"}]
    assert shown["status"] == "DOWN"


def test_the_narrowest_subnet() -> None:
    narrow = Subnet(ip_network("10.0.0.0/8"), "narrow")
    place = StandIn("n", (V4, narrow, V6))
    assert [place.subnet(a) for a in ("10.0.0.1", "11.0.0.1", "200.0.0.1", "2001:db8::1", "fe80::1")] == [
        "narrow",
        "s4",
        None,
        "s6",
        None,
    ]
