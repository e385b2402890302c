# SPDX-License-Identifier: Apache-2.0
"""What a change of a port, as Neutron's API has it, asks of the port's driver. Pure.

{"binding:host_id": "compute-1", "device_id": "…"}  ─► Bind        {"binding:host_id": None, …}  ─► Unbind
{"name": "web"}                                     ─► values      what is as it was             ─► nothing

``carrying`` has the driver do it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gluon.errors import Fault, Invalid
from gluon.plugin import words
from gluon.plugin.showing import NEUTRONS

HOST: Final = "binding:host_id"
DEVICE: Final = "device_id"
OWNER: Final = "device_owner"
PROFILE: Final = "binding:profile"
MAC: Final = "mac_address"
VNIC_TYPE: Final = "binding:vnic_type"
DNS_NAME: Final = "dns_name"

#: Keys of Neutron's that a Gluon port can be changed by, and what they are called in a Proton.
_CHANGEABLE: Final = {
    "name": "name",
    "admin_state_up": "admin_state_up",
    MAC: "mac_address",
    DEVICE: "device_id",
    OWNER: "device_owner",
    HOST: "host_id",
    PROFILE: "profile",
    VNIC_TYPE: "vnic_type",
}
#: Where a port is plugged in: what a bind gives it, and an unbind takes from it.
_PLACE: Final = (HOST, DEVICE, OWNER)
#: What the binding itself writes; nobody else may.
_ANSWERED: Final = ("binding:vif_type", "binding:vif_details", "status")
#: The beginning of what Nova calls the owner of a port; the availability zone is the rest.
_COMPUTE: Final = "compute:"


@dataclass(frozen=True, slots=True)
class Bind:
    """The port is to be bound there; said again, it is tried again if it has failed. ``profile``: None where it stays."""

    host_id: str
    device_id: str
    device_owner: str
    profile: Mapping[str, Any] | None = None

    @property
    def zone(self) -> str:
        """Nova's availability zone, ``compute:<zone>`` being the owner; empty where it is none of Nova's."""
        return self.device_owner.removeprefix(_COMPUTE) if self.device_owner.startswith(_COMPUTE) else ""


@dataclass(frozen=True, slots=True)
class Unbind:
    """The port was bound, and loses its host or its device.

    ``keeps``: of host_id, device_id and device_owner those that it still has. ``profile``: None where it stays. ``instead``: what
    takes the place of others of the three, which can be only once the port is unbound: it would be bound there.
    """

    keeps: tuple[str, ...] = ()
    profile: Mapping[str, Any] | None = None
    instead: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """``values``: the Proton's attributes that change besides the ``binding``, and before it."""

    values: Mapping[str, Any] = field(default_factory=dict)
    binding: Bind | Unbind | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.values or self.binding)


def change(body: Mapping[str, Any], shown: Mapping[str, Any], *, by_service: bool = False) -> Change:
    """What ``body`` asks for, of a port that Neutron shows as ``shown``. Raises Invalid with every fault.

    What a client sends back as it was shown is no change. ``by_service``: Nova names every port that it binds after its machine
    where Neutron has the DNS extension, whether the port can be named or not, so that is passed over.
    """
    if by_service:
        body = {key: value for key, value in body.items() if key != DNS_NAME}
    if faults := list(_faults(body, shown)):
        raise Invalid.of(faults)
    changed = {key: value for key, value in body.items() if key in _CHANGEABLE and not _same(value, shown.get(key))}
    binding = _binding(body, changed, shown)
    by_binding = (*_PLACE, PROFILE) if binding is not None else ()
    return Change({_CHANGEABLE[key]: _value(key, value) for key, value in changed.items() if key not in by_binding}, binding)


def _binding(body: Mapping[str, Any], changed: Mapping[str, Any], shown: Mapping[str, Any]) -> Bind | Unbind | None:
    """What becomes of the binding; None where nothing."""
    after = {key: body.get(key, shown.get(key)) or "" for key in _PLACE}
    profile = changed[PROFILE] or {} if PROFILE in changed else None
    if after[HOST] and after[DEVICE]:
        return Bind(after[HOST], after[DEVICE], after[OWNER], profile) if HOST in body or DEVICE in changed else None
    if shown.get(HOST) and shown.get(DEVICE):
        keeps = tuple(_CHANGEABLE[key] for key in _PLACE if shown.get(key) and key not in changed)
        return Unbind(keeps, profile, {_CHANGEABLE[key]: changed[key] for key in _PLACE if changed.get(key)})
    return None


def _value(key: str, value: Any) -> Any:
    """A value as a Proton has it. Neutron clears texts with '' or null, and the profile with null; a Proton's with null."""
    if key == PROFILE:
        return value or {}
    if key == VNIC_TYPE:
        return words.asked(value)
    return None if value == "" and key != "name" else value


def _faults(body: Mapping[str, Any], shown: Mapping[str, Any]) -> Iterator[Fault]:
    for key, value in body.items():
        if _same(value, shown.get(key)):
            continue
        if key == MAC and shown.get(HOST):
            yield Fault(key, "can be changed only while the port is not on a host")
        elif key == OWNER and str(value).startswith(NEUTRONS):
            yield Fault(key, f"'{value}' cannot be: no device of Neutron's own, such as a router, is on a port of Gluon's")
        elif key == VNIC_TYPE and value not in words.VNIC_TYPES:
            yield Fault(key, f"'{value}' cannot be: on a port of Gluon's it is one of {', '.join(words.VNIC_TYPES)}")
        elif key in _ANSWERED:
            yield Fault(key, "is said by the controller that binds the port")
        elif key not in _CHANGEABLE:
            yield Fault(key, "cannot be set on a port of Gluon's: its service has no such thing")


def _same(value: Any, shown: Any) -> bool:
    """Whether two values say the same: what is empty is empty."""
    return value == shown or (not value and not shown and value is not False and shown is not False)
