# SPDX-License-Identifier: Apache-2.0
"""The driver of net-l3vpn: its bindings have IPv4 and IPv6 addresses, each with a prefix and a gateway."""

from __future__ import annotations

from collections.abc import Iterator

from gluon.backends.driver import Driver
from gluon.backends.modelled import ModelDriver
from gluon.backends.ports import Address, Record
from gluon.backends.servers import ProtonServers


class Provider:
    """Named by the entry point ``net-l3vpn`` in ``gluon.backends``."""

    def driver(self, proton: str, servers: ProtonServers) -> Driver:
        """The driver made from the model, which reads addresses as below."""
        return ModelDriver(proton, servers, addresses)


def addresses(binding: Record) -> Iterator[Address]:
    """The addresses of a VPNPort."""
    for address, prefix, gateway in (
        ("ipaddress", "subnet_prefix", "gateway"),
        ("ipv6_address", "ipv6_prefix", "ipv6_gateway"),
    ):
        if binding.get(address):
            yield Address(binding[address], binding["interface_id"], binding.get(prefix), binding.get(gateway))
