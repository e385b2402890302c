# SPDX-License-Identifier: Apache-2.0
"""Small Protons made by hand from the schema, so that the store is tested apart from the compiler."""

from __future__ import annotations

from typing import Any

from gluon.model.schema import Api, Attribute, Info, Object, Place, Proton, Role
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

PLACE = Place("test.yaml", 1, 1)


def attribute(name: str, type: Type, **more: Any) -> Attribute:
    return Attribute(name, type, PLACE, **more)


def obj(
    name: str,
    role: Role,
    attributes: list[Attribute],
    *,
    proton: str = "net-test",
    identifier: str = "id",
    unique: tuple[tuple[str, ...], ...] = (),
    api: Api | None = None,
) -> Object:
    by_name = {a.name: a for a in attributes}
    return Object(
        proton,
        name,
        role,
        api or Api(name.lower(), name.lower() + "s"),
        by_name[identifier],
        tuple(attributes),
        {},
        unique,
        PLACE,
    )


def base(*, name: bool = True) -> list[Attribute]:
    head = [attribute("id", Uuid(), generate=True, immutable=True), attribute("tenant_id", String(64), required=True)]
    return head + ([attribute("name", String(255))] if name else [])


def port_attributes(vif_details: Type | None = None) -> list[Attribute]:
    return [
        *base(),
        attribute("mac_address", String(17, format=Format.MAC), generate=True, unique=True),
        attribute("admin_state_up", Boolean(), default=True),
        attribute("status", Enum(("ACTIVE", "DOWN", "ERROR")), default="DOWN"),
        attribute("mtu", Integer(), default=1500),
        attribute("profile", Json()),
        attribute("device_id", String()),
        attribute("device_owner", String()),
        attribute("host_id", String()),
        attribute("vif_type", String(64)),
        attribute("vif_details", vif_details or Json()),
    ]


def binding_attributes() -> list[Attribute]:
    return [
        attribute("binding_state", Enum(("UNBOUND", "BINDING", "BOUND", "FAILED")), readonly=True, default="UNBOUND"),
        attribute("binding_reason", String(1024), readonly=True),
        attribute("binding_controller", String(255), readonly=True),
    ]


def reference(*targets: str, key: Any = None) -> Reference:
    return Reference(tuple(sorted(targets)), key or Uuid())


def network(*, vif_details: Type | None = None, name: str = "net-test") -> Proton:
    """Ports, interfaces, two kinds of services and their bindings; lists and structures of references; SQL words as names."""
    port = obj("Harbour", Role.PORT, port_attributes(vif_details) + binding_attributes(), proton=name)
    interface = obj(
        "Quay",
        Role.INTERFACE,
        [
            *base(),
            attribute("port_id", reference("Harbour"), required=True),
            attribute("segmentation_type", Enum(("none", "vlan")), default="none"),
            attribute("segmentation_id", Integer(min=0), default=0),
        ],
        api=Api("quay", "quays", "Harbour", "port_id"),
        proton=name,
    )
    mark = obj(
        "Mark",
        Role.PLAIN,
        [
            attribute("value", String(64), required=True, immutable=True),
            attribute("order", Integer(), default=7),
            attribute("group", Enum(("import", "export", "both")), required=True),
            attribute("note", String(), immutable=True),
        ],
        identifier="value",
        proton=name,
    )
    service = obj(
        "Vpn",
        Role.SERVICE,
        [
            *base(),
            attribute("description", String()),
            attribute("distinguishers", List(String(21), unique=True)),
            attribute("imports", List(reference("Mark", key=String(64)))),
            attribute("vni", Integer(min=1, max=4), allocate=True),
            attribute("weight", Number()),
        ],
        proton=name,
    )
    other = obj("Chain", Role.SERVICE, chain_attributes(), proton=name)
    binding = obj(
        "Berth",
        Role.SERVICE_BINDING,
        [
            attribute("interface_id", reference("Quay"), required=True, immutable=True),
            attribute("tenant_id", String(64), required=True),
            attribute("service_id", reference("Vpn", "Chain"), required=True),
            attribute("ipaddress", String(15, format=Format.IPV4)),
        ],
        identifier="interface_id",
        unique=(("service_id", "ipaddress"),),
        proton=name,
    )
    peer = obj(
        "Peer",
        Role.PLAIN,
        [
            *base(name=False),
            attribute("as_number", Integer("int64", 1, 2**32 - 1), required=True),
            attribute("peer_as_number", Integer("int64", 1, 2**32 - 1), default_from="as_number"),
            attribute("password", String(), write_only=True),
            attribute("vpn_id", reference("Vpn"), on_delete="cascade"),
            attribute("spare_id", reference("Vpn"), on_delete="set_null"),
            attribute("next_id", reference("Peer"), on_delete="cascade"),
        ],
        proton=name,
    )
    locker = obj("Locker", Role.PLAIN, [*base(), attribute("secret", String(), unique=True, write_only=True)], proton=name)
    objects = (port, interface, mark, service, other, binding, peer, locker)
    return Proton(name, "1.0", Info(name, "1.0"), objects, (mark, port, interface, service, peer, other, binding, locker))


def chain_attributes() -> list[Attribute]:
    hop = Structure(
        (
            attribute("peer_id", reference("Peer")),
            attribute("via_id", reference("Peer"), on_delete="set_null"),
            attribute("index", Integer()),
        )
    )
    return [
        *base(),
        attribute("description", String()),
        attribute("hops", List(hop)),
        attribute("members", List(reference("Peer")), on_delete="set_null"),
        attribute("least", List(reference("Peer"), min_items=1), on_delete="set_null"),
    ]


def plain(*, ports: bool = False) -> Proton:
    """A Proton without roles, whose identifier is a number; with ``ports``, ports that have no interfaces."""
    things = [
        attribute("number", Integer(), required=True),
        attribute("tenant_id", String(64)),
        attribute("label", String()),
    ]
    thing = obj("Thing", Role.PLAIN, things, proton="plain", identifier="number")
    port = obj("Harbour", Role.PORT, port_attributes() + binding_attributes(), proton="plain")
    objects = (thing, port) if ports else (thing,)
    return Proton("plain", "1.0", Info("plain", "1.0"), objects, objects)
