# SPDX-License-Identifier: Apache-2.0
"""A port of a Proton as Neutron shows ports. Pure.

Gluon's ports have no network of Neutron's. One network there, with wide subnets, stands for all of them: Nova wants a port to
have one, and leaves an address out that is in none of its port's subnets.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, NamedTuple

from gluon.backends.ports import Port
from gluon.model.schema import BindingState
from gluon.plugin import words

#: Neutron's words for the states of a port's VIF that are none of a controller's.
UNBOUND: Final = "unbound"
BINDING_FAILED: Final = "binding_failed"
#: Owners of ports that are Neutron's own devices: routers, DHCP, floating IPs.
NEUTRONS: Final = "network:"
#: Neutron's states of a port; another word of a Proton's is shown as DOWN.
_STATES: Final = ("ACTIVE", "DOWN", "BUILD", "ERROR", "N/A")


class Subnet(NamedTuple):
    """One of the stand-in's subnets: what is in it, and its id."""

    cidr: IPv4Network | IPv6Network
    id: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """The network in Neutron that stands for Gluon."""

    network_id: str
    subnets: tuple[Subnet, ...]

    def subnet(self, address: str) -> str | None:
        """The id of the narrowest subnet that an address is in; None where it is in none."""
        ip = ip_address(address)
        fitting = [subnet for subnet in self.subnets if subnet.cidr.version == ip.version and ip in subnet.cidr]
        return max(fitting, key=lambda subnet: subnet.cidr.prefixlen).id if fitting else None


class Showing:
    """Shows ports with exactly the keys that Neutron's own have.

    ``stock`` is every key of a port in this Neutron, whichever extensions it has, with the value where there is nothing to say.
    One key more or less in a list would show in all its ports, or be an error.
    """

    def __init__(self, stand_in: StandIn, stock: Mapping[str, Any]) -> None:
        self._stand_in = stand_in
        self._stock = dict(stock)

    def shown(self, port: Port) -> dict[str, Any]:
        """The port as Neutron's API has it."""
        known = {
            "id": port.id,
            "name": port.name,
            "network_id": self._stand_in.network_id,
            "project_id": port.tenant_id,
            "tenant_id": port.tenant_id,
            "mac_address": port.mac_address,
            "admin_state_up": port.admin_state_up,
            "status": port.status if port.status in _STATES else "DOWN",
            "device_id": port.device_id,
            "device_owner": _device_owner(port),
            "fixed_ips": list(self._fixed_ips(port)),
            "binding:host_id": port.host_id,
            "binding:vnic_type": words.shown(port.vnic_type),
            "binding:profile": dict(port.profile),
            "binding:vif_type": vif_type(port),
            "binding:vif_details": vif_details(port),
            "created_at": _seconds(port.created_at),
            "updated_at": _seconds(port.updated_at),
            "revision_number": port.revision,
        }
        return {name: known[name] if name in known else copy.copy(empty) for name, empty in self._stock.items()}

    def _fixed_ips(self, port: Port) -> Iterator[dict[str, str]]:
        """The addresses of all interfaces, each once. One that is in no subnet here is left out: Nova would fail."""
        for address in dict.fromkeys(address.address for address in port.addresses):
            if (subnet := self._stand_in.subnet(address)) is not None:
                yield {"subnet_id": subnet, "ip_address": address}


def binding(shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """The binding of a port as Neutron shows bindings, from how it shows the port; None where the port is on no host."""
    if not shown["binding:host_id"]:
        return None
    names = ("vif_type", "vif_details", "vnic_type", "profile")
    return {"host": shown["binding:host_id"], "status": "ACTIVE", **{name: shown[f"binding:{name}"] for name in names}}


def vif_type(port: Port) -> str:
    """The type of the port's VIF, in Neutron's words where it has none."""
    if port.binding_state is BindingState.FAILED:
        return BINDING_FAILED
    return port.vif_type or UNBOUND


def vif_details(port: Port) -> dict[str, Any]:
    """What the controller said of the VIF; of a bind that failed, why."""
    if port.binding_state is BindingState.FAILED and port.binding_reason:
        return {"reason": port.binding_reason}
    return dict(port.vif_details)


def _device_owner(port: Port) -> str:
    """Empty where a tenant has said in its service's API that the port is a device of Neutron's, which Neutron would believe."""
    return "" if port.device_owner.startswith(NEUTRONS) else port.device_owner


def _seconds(time: str) -> str:
    """RFC 3339 in UTC, to the second, as Neutron writes it."""
    return time[:19] + "Z"
