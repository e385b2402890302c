# SPDX-License-Identifier: Apache-2.0
"""From a list in Neutron's words to what drivers are asked for."""

from typing import Any

import pytest

from gluon.kv.memory import MemoryKv
from gluon.plugin.selecting import Selection, just_now, known, select
from gluon.plugin.showing import StandIn
from tests.backends.test_catalogue import following, put

PLACE = StandIn("n", ())
SHOWN: dict[str, Any] = {
    "id": "p",
    "status": "ACTIVE",
    "binding:vif_type": "ovs",
    "fixed_ips": [{"subnet_id": "s4", "ip_address": "10.0.0.17"}],
    "security_groups": [],
    "tags": [],
    "updated_at": "2026-01-02T03:04:05Z",
    "port_security_enabled": False,
}


@pytest.mark.parametrize(
    ("filters", "asked"),
    [
        (None, {}),
        ({}, {}),
        ({"network_id": ["other", "n"]}, {}),
        ({"id": ["a", "b"], "device_id": ["vm", ""]}, {"id": ("a", "b"), "device_id": ("vm", None)}),
        ({"binding:host_id": ["h"]}, {"host_id": ("h",)}),
        ({"mac_address": ["FA-16-3E-00-00-01", "no"]}, {"mac_address": ("fa:16:3e:00:00:01",)}),
        ({"admin_state_up": ["True", True, "0"]}, {"admin_state_up": (True, False)}),
        ({"tenant_id": ["t", "u"], "project_id": ["u"]}, {"tenant_id": ("u",)}),
        ({"binding:vnic_type": ["direct", "macvtap", "vdpa"]}, {"vnic_type": ("direct", "sriov", "macvtap")}),
    ],
)
def test_what_drivers_filter_by(filters: dict[str, Any] | None, asked: dict[str, Any]) -> None:
    found = select(filters, PLACE)
    assert found == Selection(asked) and found.exact


def test_a_tenant_sees_its_own() -> None:
    assert select({}, PLACE, "t") == Selection({"tenant_id": ("t",)})
    assert select({"tenant_id": ["t", "u"]}, PLACE, "t") == Selection({"tenant_id": ("t",)})
    assert select({"project_id": ["u"]}, PLACE, "t") is None


@pytest.mark.parametrize("filters", [{"network_id": ["other"]}, {"network_id": []}, {"mac_address": ["no"]}, {"id": []}])
def test_nothing_of_gluons(filters: dict[str, Any]) -> None:
    assert select(filters, PLACE) is None


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"fixed_ips": {"ip_address": ["10.0.0.17", "x"]}}, True),
        ({"fixed_ips": {"ip_address": ["10.0.0.1"]}}, False),
        ({"fixed_ips": {"ip_address_substr": [".17"], "subnet_id": ["s4"]}}, True),
        ({"fixed_ips": {"subnet_id": ["s6"]}}, False),
        ({"status": ["ACTIVE"]}, True),
        ({"status": ["DOWN"]}, False),
        ({"binding:vif_type": ["unbound", "ovs"]}, True),
        ({"security_groups": ["sg"]}, False),
        ({"tags": ["a"]}, False),
        ({"tags-any": ["a"]}, False),
        ({"not-tags": ["a"]}, True),
        ({"not-tags-any": ["a"]}, True),
        ({"port_security_enabled": ["False"]}, True),
        ({"port_security_enabled": ["true"]}, False),
        ({"port_security_enabled": [False]}, True),
        ({"changed_since": ["2026-01-02T03:04:05"]}, True),
        ({"changed_since": ["2026-01-02T03:04:06"]}, False),
        ({"description": [""]}, True),
        ({"description": ["x"]}, False),
    ],
)
def test_what_is_left_to_look_at(filters: dict[str, Any], fits: bool) -> None:
    found = select(filters, PLACE)
    assert found is not None and not found.exact
    assert found.fits(SHOWN) is fits


@pytest.mark.parametrize(
    ("asked", "certain", "perhaps"),
    [
        ({}, ["blue", "green"], []),
        ({"id": ("a", "c", "d")}, ["blue"], []),
        ({"tenant_id": ("t",)}, ["blue", "green"], []),
        ({"tenant_id": ("v",)}, [], []),
        ({"device_id": ("vm",)}, ["blue"], []),
        ({"device_id": ("other",)}, [], []),
        ({"device_id": (None,)}, ["blue", "green"], []),
        ({"device_id": ("vm",), "tenant_id": ("t",)}, ["blue"], ["blue", "green"]),
        ({"device_id": ("other",), "tenant_id": ("t",)}, [], ["blue", "green"]),
        ({"device_id": ("other",), "tenant_id": ("v",)}, [], []),
        ({"device_id": ("other",), "tenant_id": ("t",), "id": ("a",)}, ["blue"], []),
    ],
)
async def test_which_protons_are_asked(asked: dict[str, Any], certain: list[str], perhaps: list[str]) -> None:
    kv = MemoryKv()
    await put(kv, "a", device_id="vm")
    await put(kv, "b", service="green")
    async with following(kv) as catalogue:
        assert (known(catalogue, Selection(asked)), just_now(catalogue, Selection(asked))) == (certain, perhaps)
