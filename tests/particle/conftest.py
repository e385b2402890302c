# SPDX-License-Identifier: Apache-2.0
"""A small Proton that has every type and every flag, built without the compiler."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest

from gluon.model.compile import compile_text
from gluon.model.schema import ACTIONS, Api, Attribute, Info, Object, Place, Proton, Role
from gluon.model.types import (
    Boolean,
    Enum,
    Format,
    Integer,
    Json,
    List,
    Number,
    Reference,
    String,
    Structure,
    Type,
    Uuid,
)

PLACE = Place("small.yaml", 1, 1)


def attribute(name: str, type: Type, **flags: Any) -> Attribute:
    return Attribute(name, type, PLACE, **flags)


def make(name: str, role: Role, attributes: list[Attribute], **keys: Any) -> Object:
    api = keys.pop("api", Api(name.lower(), name.lower() + "s"))
    policies = keys.pop("policies", dict.fromkeys(ACTIONS, "rule:admin_or_owner"))
    return Object("small", name, role, api, attributes[0], tuple(attributes), policies, (), PLACE, **keys)


ID = attribute("id", Uuid(), required=True, generate=True, description="Its identifier")
TENANT = attribute("tenant_id", String(64), required=True, description="Its tenant")


@pytest.fixture(scope="session")
def l3vpn() -> Proton:
    """The Proton that ships."""
    return compile_text(resources.files("gluon.protons").joinpath("net-l3vpn.yaml").read_text("utf-8"), file="net-l3vpn.yaml")


@pytest.fixture(scope="session")
def small() -> Proton:
    """Port, Interface below it, Peering with one attribute of every type, and Counter with an integer identifier."""
    port = make(
        "Port",
        Role.PORT,
        [
            ID,
            TENANT,
            attribute("name", String()),
            attribute("mac_address", String(17, format=Format.MAC), generate=True),
            attribute("admin_state_up", Boolean(), default=True, required=True),
            attribute("status", Enum(("ACTIVE", "DOWN")), default="DOWN"),
            attribute("vnic_type", Enum(("normal", "direct")), default="normal"),
            attribute("mtu", Integer(min=68), default=1500),
            attribute("vlan_transparency", Boolean(), default=False),
            attribute("profile", Json()),
            attribute("device_id", String()),
            attribute("device_owner", String()),
            attribute("host_id", String()),
            attribute("vif_type", String()),
            attribute("vif_details", Json()),
            attribute("binding_state", Enum(("UNBOUND", "BINDING", "BOUND", "FAILED")), default="UNBOUND", readonly=True),
            attribute("binding_reason", String(1024), readonly=True),
            attribute("binding_controller", String(), readonly=True),
        ],
        description="A port",
    )
    interface = make(
        "Interface",
        Role.INTERFACE,
        [ID, TENANT, attribute("port_id", Reference(("Port",), Uuid()), required=True, immutable=True)],
        api=Api("interface", "interfaces", "Port", "port_id"),
    )
    hop = Structure((attribute("address", String(format=Format.IP), required=True), attribute("weight", Integer())))
    peering = make(
        "Peering",
        Role.PLAIN,
        [
            ID,
            TENANT,
            attribute("class", String(12, pattern="^[a-z|]+$"), description="A word of Python | and a pipe"),
            attribute("__init__", Integer("int64", -(2**63), 2**63 - 1)),
            attribute("order", Number(0, 1e6), policies={"update": "rule:admin_only"}),
            attribute("password", String(40), write_only=True),
            attribute("networks", List(String(43, format=Format.CIDR), 0, 4)),
            attribute("weights", List(Integer(), 1, 3)),
            attribute("hops", List(hop)),
            attribute("hop", hop),
            attribute("interface_id", Reference(("Interface",), Uuid()), on_delete="set_null"),
            attribute("extra", Json()),
            attribute("number", Integer(min=1, max=99), allocate=True, unique=True),
            attribute("since", String(format=Format.DATE_TIME)),
        ],
        policies=dict.fromkeys(ACTIONS, "rule:admin_only or role:net_admin"),
    )
    counter = make("Counter", Role.PLAIN, [attribute("number", Integer(), required=True), attribute("word", String())])
    word = make("Word", Role.PLAIN, [attribute("word", String(20), required=True)])
    objects = (port, interface, peering, counter, word)
    return Proton("small", "1.0", Info("small", "1.0", "A small Proton"), objects, objects)
