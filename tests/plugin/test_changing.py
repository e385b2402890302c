# SPDX-License-Identifier: Apache-2.0
"""From a change in Neutron's words to what a driver is asked for."""

from dataclasses import replace
from typing import Any

import pytest

from gluon.errors import Invalid
from gluon.plugin.changing import Bind, Change, Unbind, change

FREE: dict[str, Any] = {
    "name": "web",
    "admin_state_up": True,
    "mac_address": "fa:16:3e:00:00:01",
    "device_id": "",
    "device_owner": "",
    "status": "DOWN",
    "binding:host_id": "",
    "binding:profile": {},
    "binding:vnic_type": "normal",
    "binding:vif_type": "unbound",
    "binding:vif_details": {},
    "security_groups": [],
    "fixed_ips": [],
    "port_security_enabled": False,
    "description": "",
}
HELD = {**FREE, "device_id": "vm", "device_owner": "compute:nova", "binding:host_id": "h1", "binding:vif_type": "ovs"}
NOVA_BINDS = {"device_id": "vm", "device_owner": "compute:nova", "binding:host_id": "h1"}
NOVA_UNBINDS = {"device_id": "", "device_owner": "", "binding:host_id": None, "binding:profile": {}}
NOVAS = Bind("h1", "vm", "compute:nova")
PLUGGED = ("host_id", "device_id", "device_owner")


@pytest.mark.parametrize(
    ("shown", "body", "expected"),
    [
        (FREE, {}, Change()),
        (FREE, {"name": "db"}, Change({"name": "db"})),
        (FREE, {"name": ""}, Change({"name": ""})),
        (HELD, {"admin_state_up": False}, Change({"admin_state_up": False})),
        (FREE, {"mac_address": "fa:16:3e:00:00:02"}, Change({"mac_address": "fa:16:3e:00:00:02"})),
        (FREE, dict(FREE), Change()),
        (FREE, NOVA_BINDS, Change({}, NOVAS)),
        (FREE, {**NOVA_BINDS, "binding:profile": {"a": 1}}, Change({}, replace(NOVAS, profile={"a": 1}))),
        (FREE, {**NOVA_BINDS, "mac_address": "fa:16:3e:00:00:02"}, Change({"mac_address": "fa:16:3e:00:00:02"}, NOVAS)),
        (HELD, NOVA_BINDS, Change({}, NOVAS)),
        (HELD, {"binding:host_id": "h2"}, Change({}, replace(NOVAS, host_id="h2"))),
        (HELD, {"device_id": "other", "name": "db"}, Change({"name": "db"}, replace(NOVAS, device_id="other"))),
        (HELD, {"device_id": "vm"}, Change()),
        ({**HELD, "binding:profile": {"a": 1}}, {**NOVA_BINDS, "binding:profile": None}, Change({}, replace(NOVAS, profile={}))),
        (FREE, {"binding:host_id": "h1"}, Change({"host_id": "h1"})),
        (FREE, {"device_id": "vm", "device_owner": "x"}, Change({"device_id": "vm", "device_owner": "x"})),
        (HELD, NOVA_UNBINDS, Change({}, Unbind())),
        ({**HELD, "binding:profile": {"a": 1}}, NOVA_UNBINDS, Change({}, Unbind(profile={}))),
        (HELD, {"binding:host_id": ""}, Change({}, Unbind(PLUGGED[1:]))),
        (HELD, {"binding:host_id": None}, Change({}, Unbind(PLUGGED[1:]))),
        (HELD, {"device_id": ""}, Change({}, Unbind(("host_id", "device_owner")))),
        (HELD, {"device_id": "", "device_owner": "x"}, Change({}, Unbind(("host_id",), instead={"device_owner": "x"}))),
        (
            HELD,
            {"binding:host_id": None, "device_id": "other", "name": "db"},
            Change({"name": "db"}, Unbind(("device_owner",), instead={"device_id": "other"})),
        ),
        (HELD, {**NOVA_UNBINDS, "binding:host_id": "h2"}, Change({}, Unbind(instead={"host_id": "h2"}))),
        (FREE, NOVA_UNBINDS, Change()),
        ({**FREE, "binding:profile": {"a": 1}}, {"binding:profile": None}, Change({"profile": {}})),
        (FREE, {"binding:vnic_type": "direct"}, Change({"vnic_type": "direct"})),
        (FREE, {"binding:vnic_type": "direct-physical"}, Change({"vnic_type": "whole-dev"})),
        (FREE, {"security_groups": None, "description": None, "fixed_ips": []}, Change()),
    ],
)
def test_what_is_asked_for(shown: dict[str, Any], body: dict[str, Any], expected: Change) -> None:
    asked = change(body, shown)
    assert asked == expected and bool(asked) == (expected != Change())


@pytest.mark.parametrize(
    ("owner", "zone"), [("compute:nova", "nova"), ("compute:az 1", "az 1"), ("compute:", ""), ("baremetal:x", ""), ("", "")]
)
def test_the_zone_is_in_the_owner(owner: str, zone: str) -> None:
    assert Bind("h1", "vm", owner).zone == zone


def test_a_service_names_ports_after_its_machines() -> None:
    named = {**NOVA_BINDS, "dns_name": "web-1"}
    assert change(named, FREE, by_service=True) == Change({}, NOVAS)
    assert change({**NOVA_UNBINDS, "dns_name": ""}, HELD, by_service=True) == Change({}, Unbind())
    assert not change({"dns_name": "web-1"}, FREE, by_service=True)
    with pytest.raises(Invalid, match="dns_name: cannot be set"):
        change(named, FREE)


@pytest.mark.parametrize(
    ("shown", "body", "why"),
    [
        (FREE, {"security_groups": ["sg"]}, "security_groups: cannot be set on a port of Gluon's"),
        (FREE, {"port_security_enabled": True}, "port_security_enabled: cannot be set"),
        (FREE, {"status": "ACTIVE"}, "status: is said by the controller"),
        (HELD, {"mac_address": "fa:16:3e:00:00:02"}, "mac_address: can be changed only while"),
        (FREE, {"device_id": "r", "device_owner": "network:router_interface"}, "device_owner: 'network:router_interface' cannot"),
        (FREE, {"binding:vnic_type": "vdpa"}, "'vdpa' cannot be: .* one of normal, direct, macvtap, direct-physical$"),
        (FREE, {"binding:vnic_type": None}, "binding:vnic_type: 'None' cannot be"),
        (FREE, {"fixed_ips": [{"ip_address": "10.0.0.1"}], "qos_policy_id": "q"}, r"\(and 1 more\)"),
    ],
)
def test_what_is_refused(shown: dict[str, Any], body: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        change(body, shown)
