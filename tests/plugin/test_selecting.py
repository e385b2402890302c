# SPDX-License-Identifier: Apache-2.0
"""From a list in Neutron's words to what drivers are asked for."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from gluon.kv.memory import MemoryKv
from gluon.model.schema import BindingState
from gluon.plugin.selecting import Selection, just_now, known, select
from gluon.plugin.showing import Showing, StandIn, Subnet
from tests.backends.test_catalogue import following, put
from tests.plugin.test_showing import PORT, STOCK

PLACE = StandIn("n", (Subnet(ip_network("10.0.0.0/8"), "s4"),))
SHOWN: dict[str, Any] = {
    "id": "p",
    "status": "ACTIVE",
    "binding:vif_type": "ovs",
    "fixed_ips": [{"subnet_id": "s4", "ip_address": "10.0.0.17"}],
    "updated_at": "2026-01-02T03:04:05Z",
}
ALIKE: dict[str, Any] = {"security_groups": [], "tags": [], "port_security_enabled": False, "description": ""}


@pytest.mark.parametrize(
    ("filters", "asked"),
    [
        (None, {}),
        ({}, {}),
        ({"network_id": ["other", "n"]}, {}),
        ({"id": ["a", "b"], "device_id": ["vm", ""]}, {"id": ("a", "b"), "device_id": ("vm", None)}),
        ({"binding:host_id": ["h"]}, {"host_id": ("h",)}),
        ({"binding:host_id": "h"}, {"host_id": ("h",)}),
        ({"device_owner": ["network:dhcp", "compute:nova", ""]}, {"device_owner": ("compute:nova", None)}),
        ({"mac_address": ["FA-16-3E-00-00-01", "no"]}, {"mac_address": ("fa:16:3e:00:00:01",)}),
        ({"admin_state_up": ["True", True, "0"]}, {"admin_state_up": (True, False)}),
        ({"tenant_id": ["t", "u"], "project_id": ["u"]}, {"tenant_id": ("u",)}),
        ({"binding:vnic_type": ["direct", "macvtap", "vdpa"]}, {"vnic_type": ("direct", "sriov", "macvtap", "vdpa")}),
    ],
)
def test_what_drivers_filter_by(filters: dict[str, Any] | None, asked: dict[str, Any]) -> None:
    found = select(filters, PLACE)
    assert found == Selection(asked) and found.exact


def test_a_tenant_sees_its_own() -> None:
    assert select({}, PLACE, "t") == Selection({"tenant_id": ("t",)})
    assert select({"tenant_id": ["t", "u"]}, PLACE, "t") == Selection({"tenant_id": ("t",)})
    assert select({"project_id": ["u"]}, PLACE, "t") is None


@pytest.mark.parametrize(
    "filters",
    [
        {"network_id": ["other"]},
        {"network_id": []},
        {"mac_address": ["no"]},
        {"binding:vnic_type": ["virtual", "whole-dev"]},
        {"id": []},
        {"device_owner": ["network:router_gateway"]},
        {"device_owner": ["network:router_interface_distributed"], "fixed_ips": {"subnet_id": ["s4"]}},
        {"fixed_ips": {"subnet_id": ["theirs"]}},
        {"fixed_ips": {"subnet_id": "theirs", "ip_address": ["10.0.0.17"]}},
    ],
)
def test_nothing_of_gluons(filters: dict[str, Any]) -> None:
    assert select(filters, PLACE) is None


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"fixed_ips": {"ip_address": ["10.0.0.17", "x"]}}, True),
        ({"fixed_ips": {"ip_address": ["10.0.0.1"]}}, False),
        ({"fixed_ips": {"ip_address_substr": [".17"], "subnet_id": ["s4"]}}, True),
        ({"fixed_ips": {"subnet_id": ["s4", "s6"], "ip_address": "10.0.0.17"}}, True),
        ({"fixed_ips": {"subnet_id": "s4"}}, True),
        ({"status": ["ACTIVE"]}, True),
        ({"status": ["DOWN"]}, False),
        ({"binding:vif_type": ["unbound", "ovs"]}, True),
        ({"binding:vif_type": "ovs"}, True),
        ({"changed_since": ["2026-01-02T03:04:05"]}, True),
        ({"changed_since": ["2026-01-02T03:04:06"]}, False),
    ],
)
def test_what_is_left_to_look_at(filters: dict[str, Any], fits: bool) -> None:
    found = select(filters, PLACE)
    assert found is not None and not found.exact
    assert found.fits(SHOWN) is fits


@pytest.mark.parametrize(
    ("filters", "fit"),
    [
        ({"security_groups": ["sg"]}, False),
        ({"allowed_address_pairs": {"ip_address": ["10.0.0.1"]}}, False),
        ({"tags": ["a"]}, False),
        ({"tags-any": ["a"]}, False),
        ({"not-tags": ["a"]}, True),
        ({"not-tags-any": ["a"]}, True),
        ({"port_security_enabled": ["False"]}, True),
        ({"port_security_enabled": ["true"]}, False),
        ({"port_security_enabled": [False]}, True),
        ({"port_security_enabled": False}, True),
        ({"description": [""]}, True),
        ({"description": ["x"]}, False),
        ({"of_no_port": ["x"]}, False),
    ],
)
def test_what_all_have_alike_is_decided_without_a_look(filters: dict[str, Any], fit: bool) -> None:
    """So a list of those is none of Gluon's, or pages of drivers are pages."""
    assert select(filters, PLACE, alike=lambda: ALIKE) == (Selection({}) if fit else None)


OTHER = replace(
    PORT,
    id="q",
    tenant_id="u",
    name="db",
    mac_address="fa:16:3e:00:00:02",
    admin_state_up=False,
    status="DOWN",
    vnic_type="macvtap",
    device_id="",
    device_owner="",
    host_id="",
    vif_type="",
    vif_details={},
    profile={},
    binding_state=BindingState.UNBOUND,
    created_at="2026-02-03T04:05:06Z",
    updated_at="2026-02-03T04:05:06Z",
    revision=2,
    addresses=(),
)


def test_what_ports_have_of_their_own_is_not_taken_for_alike() -> None:
    """What may differ between two ports of Gluon's is asked of drivers, or looked at."""
    one, other = (Showing(PLACE, STOCK).shown(port) for port in (PORT, OTHER))
    differ = {name for name in STOCK if one[name] != other[name]}
    assert STOCK.keys() - differ == {"network_id", "security_groups", "tags", "description", "qos_policy_id"}
    for name in differ:
        found = select({name: [one[name]] if name != "fixed_ips" else {}}, PLACE)
        assert found is not None and (found.asked or found.left), name


@pytest.mark.parametrize(
    ("asked", "certain", "perhaps"),
    [
        ({}, ["blue", "green"], []),
        ({"id": ("a", "c", "d")}, ["blue", "green"], []),
        ({"id": ("a", "d")}, ["blue"], []),
        ({"tenant_id": ("t",)}, ["blue", "green"], []),
        ({"tenant_id": ("v",)}, [], []),
        ({"device_id": ("vm",)}, ["blue"], []),
        ({"device_id": ("other",)}, [], []),
        ({"device_id": (None,)}, ["blue", "green"], []),
        ({"device_id": ("vm",), "tenant_id": ("t",)}, ["blue"], ["blue", "green"]),
        ({"device_id": ("other",), "tenant_id": ("t",)}, [], ["blue", "green"]),
        ({"device_id": ("other",), "tenant_id": ("v",)}, [], []),
        ({"device_id": ("other",), "tenant_id": ("t",), "id": ("a",)}, ["blue"], []),
        ({"tenant_id": ("u",)}, ["green"], []),
        ({"tenant_id": ("u", "v")}, ["green"], []),
        ({"tenant_id": ("u",), "id": ("a", "c")}, ["green"], []),
        ({"tenant_id": ("u",), "device_id": ("other",)}, [], ["green"]),
    ],
)
async def test_which_protons_are_asked(asked: dict[str, Any], certain: list[str], perhaps: list[str]) -> None:
    kv = MemoryKv()
    await put(kv, "a", device_id="vm")
    await put(kv, "b", service="green")
    await put(kv, "c", service="green", tenant_id="u")
    async with following(kv) as catalogue:
        assert (known(catalogue, Selection(asked)), just_now(catalogue, Selection(asked))) == (certain, perhaps)
