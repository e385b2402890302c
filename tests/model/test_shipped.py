# SPDX-License-Identifier: Apache-2.0
"""The models that ship, and the one with other names, say what they should."""

from pathlib import Path

import pytest

from gluon.model.catalogue import load_catalogue
from gluon.model.links import links
from gluon.model.schema import UNSET, Role
from gluon.model.types import Format, Integer, List, Reference, String, Uuid

FAMILIES = load_catalogue([Path(__file__).parent.parent / "models"])
PROTONS = [family.newest for family in FAMILIES.values()]


@pytest.mark.parametrize("proton", PROTONS, ids=lambda p: p.name)
def test_everything_is_described(proton):
    assert proton.info.description
    for obj in proton.objects:
        assert [a.name for a in obj.attributes if not a.description] == []


@pytest.mark.parametrize("proton", PROTONS, ids=lambda p: p.name)
def test_all_roles_are_held(proton):
    assert {obj.role for obj in proton.objects} == set(Role)


@pytest.mark.parametrize("proton", PROTONS, ids=lambda p: p.name)
def test_references_come_before_what_refers(proton):
    place = {obj.name: i for i, obj in enumerate(proton.order)}
    for obj in proton.objects:
        for link in links(obj):
            assert all(place[target] < place[obj.name] or target == obj.name for target in link.reference.targets)


def test_net_l3vpn():
    proton = FAMILIES["net-l3vpn"].newest
    assert {o.name: (o.api.name, o.api.plural_name, o.identifier.name) for o in proton.objects} == {
        "ProtonBasePort": ("port", "ports", "id"),
        "Interface": ("interface", "interfaces", "id"),
        "VpnInstance": ("vpn", "vpns", "id"),
        "VPNPort": ("vpnbinding", "vpnbindings", "interface_id"),
        "VpnAfConfig": ("vpnafconfig", "vpnafconfigs", "vrf_rt_value"),
        "BGPPeering": ("bgppeering", "bgppeerings", "id"),
        "DataplaneTunnel": ("dataplanetunnel", "dataplanetunnels", "id"),
    }
    vpn, binding = proton.by_name["VpnInstance"].by_name, proton.by_name["VPNPort"]
    assert vpn["route_distinguishers"].type == List(String(32, format=Format.ROUTE_DISTINGUISHER), unique=True)
    assert (vpn["vni"].allocate, vpn["vni"].type) == (True, Integer(min=1, max=2**24 - 1))
    for name in ("ipv4_family", "ipv6_family", "import_targets", "export_targets"):
        assert vpn[name].type.items.targets == ("VpnAfConfig",)
    assert binding.by_name["interface_id"].type == Reference(("Interface",), Uuid())
    assert binding.unique == (("service_id", "ipaddress"), ("service_id", "ipv6_address"))
    peering = proton.by_name["BGPPeering"].by_name
    assert (peering["peer_as_number"].default_from, peering["password"].write_only) == ("as_number", True)
    assert peering["as_number"].type == Integer("int64", 1, 2**32 - 1)
    assert proton.by_name["VpnAfConfig"].by_name["vrf_rt_type"].default is UNSET


def test_ietf_sfc():
    proton = FAMILIES["ietf-sfc"].newest
    path = proton.by_name["ServiceFunctionPath"]
    assert (path.by_name["path_identifier"].allocate, path.by_name["path_identifier"].type.max) == (True, 2**24 - 1)
    assert path.by_name["initial_index"].default == 255
    assert [link.path for link in links(path) if link.attribute.name == "hops"] == [("function_id",), ("forwarder_id",)]


def test_the_model_with_other_names_shares_none():
    shipped = [*FAMILIES["net-l3vpn"].newest.objects, *FAMILIES["ietf-sfc"].newest.objects]
    for obj in FAMILIES["renamed"].newest.objects:
        assert obj.name not in {o.name for o in shipped}
        assert obj.api.plural_name not in {o.api.plural_name for o in shipped}
