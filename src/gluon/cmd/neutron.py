# SPDX-License-Identifier: Apache-2.0
"""``gluon neutron setup``: the network in Neutron that stands for Gluon's ports, made or found.

What is there is never changed: all that is not as it must be is said at once, with the command that changes it, before anything
is made. What was done goes to standard error; standard output is for neutron.conf.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, TypeVar
from uuid import UUID

from gluon.cmd import openstack
from gluon.cmd.openstack import OpenStackError, Service
from gluon.cmd.standin import WIDE, Cidr, Network, NotFit, Subnet, Wanted, overlapping

_T = TypeVar("_T")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    setup = actions.add_parser(
        "setup",
        help="make, or find, the network that stands for Gluon's ports, as an admin by the usual OS_* variables",
        description="Make the network in Neutron that stands for Gluon's ports, with its subnets, or find it, and print what"
        " neutron.conf must say of it. What is there stays as it is; running it again completes what is missing. Keystone and"
        " Neutron are asked by the usual variables: OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, …",
    )
    setup.add_argument("--network", default="gluon", metavar="NAME", help="its name, or the id of one that exists (gluon)")
    setup.add_argument(
        "--subnet",
        action="append",
        type=_cidr,
        metavar="CIDR",
        help=f"a subnet, which must hold the addresses that Nova is to show (repeatable; default: {', '.join(WIDE)})",
    )
    for option, what in (("network-type", "TYPE"), ("physical-network", "NAME"), ("segment", "NUMBER")):
        setup.add_argument(
            f"--provider-{option}", metavar=what, help="as of openstack network create; by default Neutron chooses"
        )


def _cidr(text: str) -> Cidr:
    try:
        cidr = ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error} (a network such as 10.0.0.0/8)") from None
    if not cidr.prefixlen or cidr.network_address == ip_network("::/0").network_address:
        raise argparse.ArgumentTypeError(f"Neutron has no subnet {cidr}; all addresses are in {', '.join(WIDE)}")
    return cidr


def run(args: argparse.Namespace) -> int:
    """0 once the network is there as it must be."""
    wanted = _wanted(args)
    neutron = openstack.service("network", "Neutron", "/v2.0")
    network = _found(neutron, wanted)
    if network is not None:
        _say(f"{network}: is there")
        for subnet in network.subnets:
            _say(f"subnet {subnet.cidr} ({subnet.id}): is there")
    else:
        network = _made(neutron, wanted)
        _say(f"{network}: made")
    present = {subnet.cidr for subnet in network.subnets}
    for cidr in wanted.cidrs:
        if cidr not in present:
            _say(f"subnet {cidr} ({_made_subnet(neutron, network, cidr)}): made")
    print(f"[gluon]\n# {network.name}\nnetwork = {network.id}")
    return 0


def _wanted(args: argparse.Namespace) -> Wanted:
    cidrs = tuple(dict.fromkeys(args.subnet or map(ip_network, WIDE)))
    for one, other in overlapping(cidrs, cidrs):
        raise NotFit(f"--subnet {one} and --subnet {other} overlap")
    given = {
        "provider:network_type": args.provider_network_type,
        "provider:physical_network": args.provider_physical_network,
        "provider:segmentation_id": args.provider_segment,
    }
    return Wanted(args.network, cidrs, {name: value for name, value in given.items() if value is not None})


def _found(neutron: Service, wanted: Wanted) -> Network | None:
    """The network, if it is there. Raises NotFit, where there are several or it is not as it must be.

    By its name only one that is shared is found, as by the plugin: each tenant may have networks of any name, and none of those
    is to be in the way, or be shared by an administrator who is told to. By its id it is the one that is meant.
    """
    networks = _listed(neutron, "networks", {"id": wanted.network}, _network)
    if not networks:
        networks = [network for network in _listed(neutron, "networks", {"name": wanted.network}, _network) if network.shared]
    if not networks and _is_id(wanted.network):
        raise NotFit(f"there is no network {wanted.network}")
    if len(networks) > 1:
        ids = ", ".join(sorted(network.id for network in networks))
        raise NotFit(f"there are several shared networks '{wanted.network}': say with --network and its id which one: {ids}")
    if not networks:
        return None
    (found,) = networks
    subnets = _listed(neutron, "subnets", {"network_id": found.id}, _subnet)
    network = found.having(sorted(subnets, key=lambda subnet: (subnet.cidr.version, subnet.cidr.network_address.packed)))
    if faults := list(network.faults(wanted)):
        raise NotFit("\n".join(faults))
    return network


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _listed(neutron: Service, kind: str, query: Mapping[str, str], read: Callable[[Any], _T]) -> list[_T]:
    answer = neutron.get(f"/{kind}", query)
    return openstack.understood("Neutron", lambda: [read(item) for item in answer[kind]], f"list of {kind}")


def _made(neutron: Service, wanted: Wanted) -> Network:
    body = {"name": wanted.network, "shared": True, "admin_state_up": True, **wanted.provider}
    answer = neutron.post("/networks", {"network": body})
    return openstack.understood("Neutron", lambda: _network(answer["network"]), "network")


def _made_subnet(neutron: Service, network: Network, cidr: Cidr) -> str:
    """The id of the new subnet."""
    body = {
        "network_id": network.id,
        "name": f"{network.name}-{cidr}",
        "ip_version": cidr.version,
        "cidr": str(cidr),
        "enable_dhcp": False,
        "gateway_ip": None,
    }
    try:
        answer = neutron.post("/subnets", {"subnet": body})
    except OpenStackError as error:
        left = f"{network} stays with the subnets that it has: once that is cured, the same command completes it"
        raise OpenStackError(f"subnet {cidr}: {error}\n{left}") from None
    return openstack.understood("Neutron", lambda: str(answer["subnet"]["id"]), "subnet")


def _network(item: Mapping[str, Any]) -> Network:
    provider = {name: value for name, value in item.items() if name.startswith("provider:")}
    return Network(str(item["id"]), str(item["name"]), bool(item["shared"]), bool(item["admin_state_up"]), provider)


def _subnet(item: Mapping[str, Any]) -> Subnet:
    return Subnet(str(item["id"]), ip_network(item["cidr"]), bool(item["enable_dhcp"]), item["gateway_ip"])


def _say(what: str) -> None:
    print(f"gluon: {what}", file=sys.stderr)
