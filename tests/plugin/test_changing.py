# SPDX-License-Identifier: Apache-2.0
"""From a change in Neutron's words to what a driver is asked for."""

from typing import Any

import pytest

from gluon.errors import Invalid
from gluon.plugin.changing import Change, change

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
PLACE = {"host_id": "h1", "device_id": "vm"}
NOWHERE = {"host_id": None, "device_id": None, "device_owner": None}


@pytest.mark.parametrize(
    ("shown", "body", "expected"),
    [
        (FREE, {}, Change()),
        (FREE, {"name": "db"}, Change({"name": "db"})),
        (FREE, {"name": ""}, Change({"name": ""})),
        (HELD, {"admin_state_up": False}, Change({"admin_state_up": False})),
        (FREE, {"mac_address": "fa:16:3e:00:00:02"}, Change({"mac_address": "fa:16:3e:00:00:02"})),
        (FREE, dict(FREE), Change()),
        (FREE, NOVA_BINDS, Change({**PLACE, "device_owner": "compute:nova"}, binds=True)),
        (
            FREE,
            {**NOVA_BINDS, "binding:profile": {"a": 1}},
            Change({**PLACE, "device_owner": "compute:nova", "profile": {"a": 1}}, True),
        ),
        (HELD, NOVA_BINDS, Change(PLACE, binds=True)),
        (HELD, {"binding:host_id": "h2"}, Change({"host_id": "h2", "device_id": "vm"}, binds=True)),
        (HELD, {"device_id": "other"}, Change({"host_id": "h1", "device_id": "other"}, binds=True)),
        (HELD, {"device_id": "vm"}, Change()),
        (FREE, {"binding:host_id": "h1"}, Change({"host_id": "h1"})),
        (FREE, {"device_id": "vm", "device_owner": "x"}, Change({"device_id": "vm", "device_owner": "x"})),
        (HELD, NOVA_UNBINDS, Change(NOWHERE, unbinds=True)),
        (HELD, {"binding:host_id": ""}, Change({"host_id": None}, unbinds=True)),
        (HELD, {"binding:host_id": None}, Change({"host_id": None}, unbinds=True)),
        (HELD, {"device_id": ""}, Change({"device_id": None}, unbinds=True)),
        (FREE, NOVA_UNBINDS, Change()),
        ({**FREE, "binding:profile": {"a": 1}}, {"binding:profile": None}, Change({"profile": {}})),
        (FREE, {"binding:vnic_type": "direct"}, Change({"vnic_type": "direct"})),
        (FREE, {"security_groups": None, "description": None, "fixed_ips": []}, Change()),
    ],
)
def test_what_is_asked_for(shown: dict[str, Any], body: dict[str, Any], expected: Change) -> None:
    assert change(body, shown) == expected


@pytest.mark.parametrize(
    ("shown", "body", "why"),
    [
        (FREE, {"security_groups": ["sg"]}, "security_groups: cannot be set on a port of Gluon's"),
        (FREE, {"port_security_enabled": True}, "port_security_enabled: cannot be set"),
        (FREE, {"status": "ACTIVE"}, "status: is said by the controller"),
        (HELD, {"mac_address": "fa:16:3e:00:00:02"}, "mac_address: can be changed only while"),
        (FREE, {"device_id": "r", "device_owner": "network:router_interface"}, "device_owner: 'network:router_interface' cannot"),
        (FREE, {"fixed_ips": [{"ip_address": "10.0.0.1"}], "qos_policy_id": "q"}, r"\(and 1 more\)"),
    ],
)
def test_what_is_refused(shown: dict[str, Any], body: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        change(body, shown)
