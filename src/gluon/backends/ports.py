# SPDX-License-Identifier: Apache-2.0
"""A port as every Proton has it, whatever its model calls things: the attributes of BasePort, and its addresses. Pure.

record of the API, with its service bindings  ─►  Port
                    └ ``ipaddress`` may be any text there  ─►  an address, or left out: a port is shown whatever a tenant wrote
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from gluon.model.schema import BindingState

#: A document of the API, as it came.
Record = Mapping[str, Any]
#: Under this name a port's document holds those of its service bindings, where they were asked for.
SERVICE_BINDINGS: Final = "service_bindings"


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address of a port in its service. ``prefix``: the length of the subnet's; None where the binding does not say.

    ``interface_id`` is the port's own id where the address is that of its default interface.
    """

    address: str
    interface_id: str
    prefix: int | None = None
    gateway: str | None = None

    @property
    def is_one(self) -> bool:
        """Whether ``address`` is an IP address, for a model may let it be any text. One with a zone (RFC 4007) is none here."""
        try:
            ip = ip_address(self.address)
        except ValueError:
            return False
        return isinstance(self.address, str) and not (isinstance(ip, IPv6Address) and ip.scope_id)


#: The addresses in the document of a service binding. ValueError: what is there is none; the binding's others are left out, too.
Addresses = Callable[[Record], Iterable[Address]]


@dataclass(frozen=True, slots=True)
class Port:
    """One port of one Proton. ``service`` is the Proton; times are RFC 3339, UTC; ``mtu`` in bytes.

    ``addresses``: those of the default interface first. ``record`` is all that the API said, with the Proton's own attributes.
    ``left_out``: what was found where an address should be, for people to read; whoever makes a port may give any.
    """

    service: str
    id: str
    tenant_id: str
    name: str
    mac_address: str
    admin_state_up: bool
    status: str
    vnic_type: str
    mtu: int
    device_id: str
    device_owner: str
    host_id: str
    vif_type: str
    vif_details: Record
    profile: Record
    binding_state: BindingState
    binding_reason: str
    binding_controller: str
    created_at: str
    updated_at: str
    revision: int
    addresses: tuple[Address, ...] = ()
    record: Record = field(default_factory=dict, repr=False)
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        strange = tuple(repr(address.address) for address in self.addresses if not address.is_one)
        if strange:
            object.__setattr__(self, "addresses", tuple(address for address in self.addresses if address.is_one))
            object.__setattr__(self, "left_out", self.left_out + strange)

    @classmethod
    def of(cls, service: str, record: Record, addresses: Addresses) -> Port:
        """Read a document of the API; null becomes the empty value. KeyError, TypeError, ValueError: it is none of a port."""
        given = {name: record[name] for name in _SHOWN}
        texts = {name: given[name] or "" for name in _TEXTS}
        parts = {name: given[name] or {} for name in _PARTS}
        found: list[Address] = []
        left_out: list[str] = []
        for binding in record.get(SERVICE_BINDINGS) or ():
            try:
                found += list(addresses(binding))
            except ValueError as error:
                left_out.append(str(error))
        known = {**given, **texts, **parts, "binding_state": BindingState(given["binding_state"])}
        return cls(service=service, **known, addresses=tuple(found), record=record, left_out=tuple(left_out))


#: The attributes of a port that are read, under their own names.
_SHOWN: Final = tuple(name for name in Port.__slots__ if name not in ("service", "addresses", "record", "left_out"))
#: Those that may be null.
_TEXTS: Final = ("name", "device_id", "device_owner", "host_id", "vif_type", "binding_reason", "binding_controller")
_PARTS: Final = ("vif_details", "profile")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, in the order of the identifiers. ``after`` is where the next page begins, None on the last."""

    ports: tuple[Port, ...]
    after: str | None = None


def base_addresses(binding: Record) -> Iterator[Address]:
    """What every service binding has by BaseServiceBinding: one address."""
    if binding.get("ipaddress"):
        yield Address(binding["ipaddress"], binding["interface_id"])
