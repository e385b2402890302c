# SPDX-License-Identifier: Apache-2.0
"""What the network that stands for Gluon's ports must be like, and what is wrong with one that is there. Pure.

It is shared, so that every tenant may be shown ports on it. Its subnets are wide, for Nova shows a machine's address only where
it is in a subnet of its port; they have neither DHCP nor a gateway, for those are the affair of each service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from itertools import product
from typing import Any, Final, NamedTuple

from gluon.errors import GluonError

Cidr = IPv4Network | IPv6Network

#: All unicast addresses: Neutron takes no subnet with a prefix of length 0, and none that begins with ``::``.
WIDE: Final = ("0.0.0.0/1", "128.0.0.0/1", "2000::/3", "fc00::/7")


class NotFit(GluonError):
    """What is there cannot stand for Gluon's ports, or what is asked for cannot be made."""


class Subnet(NamedTuple):
    """What matters of a subnet."""

    id: str
    cidr: Cidr
    dhcp: bool
    gateway: str | None

    def faults(self) -> Iterator[str]:
        """What must be changed."""
        if self.dhcp:
            yield f"subnet {self.cidr} has DHCP on: openstack subnet set --no-dhcp {self.id}"
        if self.gateway:
            yield f"subnet {self.cidr} has the gateway {self.gateway}: openstack subnet set --gateway none {self.id}"


@dataclass(frozen=True, slots=True)
class Network:
    """What matters of a network."""

    id: str
    name: str
    shared: bool
    up: bool
    provider: Mapping[str, Any]
    subnets: tuple[Subnet, ...] = ()

    def __str__(self) -> str:
        return f"network {self.name} ({self.id})"

    def having(self, subnets: Iterable[Subnet]) -> Network:
        """The same with these subnets."""
        return replace(self, subnets=tuple(subnets))

    def faults(self, wanted: Wanted) -> Iterator[str]:
        """What must be changed before it can stand for Gluon's ports."""
        if not self.shared:
            yield f"{self} is not shared: openstack network set --share {self.id}"
        if not self.up:
            yield f"{self} is down: openstack network set --enable {self.id}"
        for name, value in wanted.provider.items():
            if str(self.provider.get(name)) != str(value):
                yield f"{self} has {name} {self.provider.get(name)}, not {value}, which cannot be changed"
        for subnet in self.subnets:
            yield from subnet.faults()
            for _, cidr in overlapping([subnet.cidr], wanted.cidrs):
                yield f"subnet {subnet.cidr} ({subnet.id}) overlaps {cidr}: delete it, or say with --subnet which there shall be"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. ``network`` is a name or an id; ``provider`` holds ``provider:…`` attributes."""

    network: str
    cidrs: tuple[Cidr, ...]
    provider: Mapping[str, Any]


def overlapping(some: Iterable[Cidr], others: Iterable[Cidr]) -> Iterator[tuple[Cidr, Cidr]]:
    """Pairs of different networks that share addresses."""
    for one, other in product(some, others):
        if one != other and one.version == other.version and one.overlaps(other):
            yield one, other
