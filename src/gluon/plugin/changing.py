# SPDX-License-Identifier: Apache-2.0
"""What a change of a port, as Neutron's API has it, asks of the port's driver. Pure.

{"binding:host_id": "compute-1", "device_id": "…"}  ─► Bind        {"binding:host_id": None, …}  ─► Unbind
{"name": "web"}                                     ─► Update      what is as it was             ─► nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gluon.errors import Fault, Invalid

HOST: Final = "binding:host_id"
DEVICE: Final = "device_id"
PROFILE: Final = "binding:profile"
MAC: Final = "mac_address"
OWNER: Final = "device_owner"
#: Owners of ports that are Neutron's own devices: routers, DHCP, floating IPs.
_NEUTRONS: Final = "network:"

#: Keys of Neutron's that a Gluon port can be changed by, and what they are called in a Proton.
_CHANGEABLE: Final = {
    "name": "name",
    "admin_state_up": "admin_state_up",
    MAC: "mac_address",
    DEVICE: "device_id",
    OWNER: "device_owner",
    HOST: "host_id",
    PROFILE: "profile",
    "binding:vnic_type": "vnic_type",
}
#: What the binding itself writes; nobody else may.
_ANSWERED: Final = ("binding:vif_type", "binding:vif_details", "status")


@dataclass(frozen=True, slots=True)
class Change:
    """What to do: ``values`` are the Proton's attributes that change.

    ``binds``: the port is to be bound where it will be; a host that is named again binds again what has failed.
    ``unbinds``: it was bound, and loses its host or its device.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    binds: bool = False
    unbinds: bool = False


def change(body: Mapping[str, Any], shown: Mapping[str, Any]) -> Change:
    """What ``body`` asks for, of a port that Neutron shows as ``shown``. Raises Invalid with every fault.

    What a client sends back as it was shown is no change.
    """
    if faults := list(_faults(body, shown)):
        raise Invalid.of(faults)
    changed = {key: value for key, value in body.items() if key in _CHANGEABLE and not _same(value, shown.get(key))}
    before = bool(shown.get(HOST) and shown.get(DEVICE))
    after = bool(body.get(HOST, shown.get(HOST)) and body.get(DEVICE, shown.get(DEVICE)))
    binds = after and (HOST in body or DEVICE in changed)
    if binds:
        changed |= {key: body.get(key, shown.get(key)) for key in (HOST, DEVICE)}
    return Change({_CHANGEABLE[key]: _emptied(key, value) for key, value in changed.items()}, binds, before and not after)


def _emptied(key: str, value: Any) -> Any:
    """Neutron clears texts with '' or null, and the profile with null; a Proton's attributes with null."""
    if key == PROFILE:
        return value or {}
    return None if value == "" and key != "name" else value


def _faults(body: Mapping[str, Any], shown: Mapping[str, Any]) -> Iterator[Fault]:
    for key, value in body.items():
        if _same(value, shown.get(key)):
            continue
        if key == MAC and shown.get(HOST):
            yield Fault(key, "can be changed only while the port is not on a host")
        elif key == OWNER and str(value).startswith(_NEUTRONS):
            yield Fault(key, f"'{value}' cannot be: no device of Neutron's own, such as a router, is on a port of Gluon's")
        elif key in _ANSWERED:
            yield Fault(key, "is said by the controller that binds the port")
        elif key not in _CHANGEABLE:
            yield Fault(key, "cannot be set on a port of Gluon's: its service has no such thing")


def _same(value: Any, shown: Any) -> bool:
    """Whether two values say the same: what is empty is empty."""
    return value == shown or (not value and not shown and value is not False and shown is not False)
