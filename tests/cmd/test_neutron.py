# SPDX-License-Identifier: Apache-2.0
"""``gluon neutron setup`` against a small Keystone and Neutron that speak HTTP."""

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon.cmd.gluon import main
from gluon.cmd.standin import WIDE
from tests.cmd.cloud import Answer, Cloud

NETWORK = UUID(int=1)


def network(**given: Any) -> dict[str, Any]:
    return {"id": str(NETWORK), "name": "gluon", "shared": True, "admin_state_up": True, **given}


def subnet(number: int, cidr: str, **given: Any) -> dict[str, Any]:
    same = {"network_id": str(NETWORK), "cidr": cidr, "enable_dhcp": False, "gateway_ip": None}
    return {"id": str(UUID(int=number)), **same, **given}


def wide() -> list[dict[str, Any]]:
    return [subnet(number, cidr) for number, cidr in enumerate(WIDE, start=2)]


@dataclass
class Neutron:
    """What it holds; ``made``: what it was asked to make, in order; ``refused``: what it says to a name or CIDR instead."""

    networks: list[dict[str, Any]] = field(default_factory=list)
    subnets: list[dict[str, Any]] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, Answer] = field(default_factory=dict)

    def __call__(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        kind = path.removeprefix("/v2.0/")
        held = getattr(self, kind)
        if method == "GET":
            return 200, {kind: [item for item in held if all(item.get(key) in values for key, values in query.items())]}
        ((noun, wanted),) = body.items()
        assert (method, kind) == ("POST", f"{noun}s")
        refusal = self.refused.get(wanted.get("cidr", wanted.get("name")))
        if refusal is not None:
            return refusal
        self.made.append(wanted)
        held.append({"id": str(UUID(int=100 + len(self.made))), **wanted})
        return 201, {noun: held[-1]}


@pytest.fixture
def neutron(cloud: Cloud) -> Neutron:
    neutron = Neutron()
    cloud.services["network"] = neutron
    return neutron


def refusal(status: int, message: str) -> Answer:
    return status, {"NeutronError": {"type": "E", "message": message, "detail": ""}}


def test_an_empty_neutron_gets_the_network_with_wide_subnets(neutron: Neutron, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["neutron", "setup"]) == 0
    first, *others = neutron.made
    assert first == {"name": "gluon", "shared": True, "admin_state_up": True}
    assert [(s["cidr"], s["ip_version"], s["name"]) for s in others] == [
        (cidr, 6 if ":" in cidr else 4, f"gluon-{cidr}") for cidr in WIDE
    ]
    assert all(s["enable_dhcp"] is False and s["gateway_ip"] is None for s in others)
    id = neutron.networks[0]["id"]
    said = capsys.readouterr()
    assert said.out == f"[gluon]\n# gluon\nnetwork = {id}\n"
    assert said.err.splitlines() == [
        f"gluon: network gluon ({id}): made",
        *(f"gluon: subnet {s['cidr']} ({s['id']}): made" for s in neutron.subnets),
    ]


@pytest.mark.parametrize("asked", [[], ["--network", str(NETWORK)], ["--subnet", "fc00::/7"]])
def test_what_is_there_is_kept(neutron: Neutron, capsys: pytest.CaptureFixture[str], asked: list[str]) -> None:
    neutron.networks, neutron.subnets = [network()], wide()[::-1]
    assert main(["neutron", "setup", *asked]) == 0
    assert neutron.made == []
    said = capsys.readouterr()
    assert said.out == f"[gluon]\n# gluon\nnetwork = {NETWORK}\n"
    assert said.err.splitlines() == [
        f"gluon: network gluon ({NETWORK}): is there",
        *(f"gluon: subnet {s['cidr']} ({s['id']}): is there" for s in wide()),
    ]


@pytest.mark.parametrize("there", [[], [network()]])
def test_networks_of_tenants_that_have_its_name_are_left_alone(
    neutron: Neutron, capsys: pytest.CaptureFixture[str], there: list[dict[str, Any]]
) -> None:
    tenants = [network(id=str(UUID(int=number)), shared=False) for number in (8, 9)]
    neutron.networks, neutron.subnets = [*tenants, *there], [subnet(10, "10.0.0.0/8", network_id=tenants[0]["id"])]
    assert main(["neutron", "setup"]) == 0
    assert [made["name"] for made in neutron.made if made.get("shared")] == ([] if there else ["gluon"])
    said = capsys.readouterr()
    assert said.out == f"[gluon]\n# gluon\nnetwork = {neutron.networks[-1]['id']}\n"
    assert not any(tenant["id"] in said.err for tenant in tenants)


def test_a_network_and_subnets_of_ones_own(neutron: Neutron) -> None:
    provider = ["--provider-network-type", "vlan", "--provider-physical-network", "p", "--provider-segment", "7"]
    assert main(["neutron", "setup", "--network", "mine", "--subnet", "10.0.0.0/8", "--subnet", "fd00::/8", *provider]) == 0
    first, *others = neutron.made
    assert first["name"] == "mine"
    assert {key: value for key, value in first.items() if key.startswith("provider:")} == {
        "provider:network_type": "vlan",
        "provider:physical_network": "p",
        "provider:segmentation_id": "7",
    }
    assert [s["cidr"] for s in others] == ["10.0.0.0/8", "fd00::/8"]


def test_everything_that_is_otherwise_is_said_at_once_and_nothing_made(
    neutron: Neutron, capsys: pytest.CaptureFixture[str]
) -> None:
    neutron.networks = [network(shared=False, admin_state_up=False, **{"provider:network_type": "vxlan"})]
    neutron.subnets = [
        subnet(2, "0.0.0.0/1", enable_dhcp=True, gateway_ip="0.0.0.1"),
        subnet(3, "192.168.0.0/16"),
        subnet(4, "10.0.0.0/8", network_id="another", enable_dhcp=True),
    ]
    assert main(["neutron", "setup", "--network", str(NETWORK), "--provider-network-type", "local"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and neutron.made == []
    assert said.err.splitlines() == [
        f"gluon: network gluon ({NETWORK}) is not shared: openstack network set --share {NETWORK}",
        f"gluon: network gluon ({NETWORK}) is down: openstack network set --enable {NETWORK}",
        f"gluon: network gluon ({NETWORK}) has provider:network_type vxlan, not local, which cannot be changed",
        f"gluon: subnet 0.0.0.0/1 has DHCP on: openstack subnet set --no-dhcp {UUID(int=2)}",
        f"gluon: subnet 0.0.0.0/1 has the gateway 0.0.0.1: openstack subnet set --gateway none {UUID(int=2)}",
        f"gluon: subnet 192.168.0.0/16 ({UUID(int=3)}) overlaps 128.0.0.0/1: delete it,"
        " or say with --subnet which there shall be",
    ]


def test_a_subnet_that_cannot_be_made_is_made_the_next_time(neutron: Neutron, capsys: pytest.CaptureFixture[str]) -> None:
    neutron.refused["2000::/3"] = refusal(409, "Quota exceeded for resources: ['subnet'].")
    assert main(["neutron", "setup"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    id = neutron.networks[0]["id"]
    assert said.err.splitlines()[-2:] == [
        "gluon: subnet 2000::/3: Neutron answers POST /subnets with 409: Quota exceeded for resources: ['subnet'].",
        f"gluon: network gluon ({id}) stays with the subnets that it has: once that is cured, the same command completes it",
    ]
    neutron.refused.clear()
    assert main(["neutron", "setup"]) == 0
    assert sorted(s["cidr"] for s in neutron.subnets) == sorted(WIDE) and len(neutron.networks) == 1


def test_who_may_not_make_it_is_told(neutron: Neutron, capsys: pytest.CaptureFixture[str]) -> None:
    neutron.refused["gluon"] = refusal(403, "rule:create_network:shared is disallowed by policy")
    assert main(["neutron", "setup"]) == 1
    assert capsys.readouterr().err == (
        "gluon: Neutron answers POST /networks with 403: rule:create_network:shared is disallowed by policy\n"
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], f"several shared networks 'gluon': say with --network and its id which one: {NETWORK}, {UUID(int=9)}"),
        (["--network", str(UUID(int=10))], f"there is no network {UUID(int=10)}"),
        (["--subnet", "10.0.0.0/8", "--subnet", "10.1.0.0/16"], "--subnet 10.0.0.0/8 and --subnet 10.1.0.0/16 overlap"),
    ],
)
def test_what_is_not_clear_is_refused(neutron: Neutron, capsys: pytest.CaptureFixture[str], asked: list[str], said: str) -> None:
    neutron.networks = [network(id=str(UUID(int=9))), network()]
    assert main(["neutron", "setup", *asked]) == 1
    assert said in capsys.readouterr().err and neutron.made == []


@pytest.mark.parametrize("cidr", ["10.0.0.1/8", "ten", "0.0.0.0/0", "::/0", "::/1", ""])
def test_a_subnet_that_neutron_cannot_have(neutron: Neutron, capsys: pytest.CaptureFixture[str], cidr: str) -> None:
    with pytest.raises(SystemExit):
        main(["neutron", "setup", "--subnet", cidr])
    assert "argument --subnet" in capsys.readouterr().err and neutron.made == []


@pytest.mark.parametrize("kept", [[{}], [{"id": 1, "name": None}], ["x"], [network(), 3]])
def test_an_answer_that_is_none(cloud: Cloud, capsys: pytest.CaptureFixture[str], kept: list[Any]) -> None:
    cloud.services["network"] = lambda *_: (200, {"networks": kept})
    assert main(["neutron", "setup"]) == 1
    assert capsys.readouterr().err == "gluon: what Neutron answers is no list of networks\n"


_IPV4 = st.ip_addresses(v=4).filter(lambda a: a.is_global and not a.is_multicast)


@given(_IPV4 | st.ip_addresses(network="2000::/3") | st.ip_addresses(network="fd00::/8"))
def test_every_address_that_a_port_may_have_is_in_one_of_the_wide_subnets(address: Any) -> None:
    assert sum(address in ip_network(cidr) for cidr in WIDE) == 1
