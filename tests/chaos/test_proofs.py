# SPDX-License-Identifier: Apache-2.0
"""The proofs: silent where all is well, and each complains where its part of the evidence is a lie."""

import copy
import json

import pytest

from chaos import evidence, proofs
from chaos.account import Account, Write
from chaos.evidence import Controller, Evidence
from chaos.watcher import Seen
from gluon.kv.contract import Event, KeyValue
from gluon.particle.keys import ObjectKey

BOUND = {
    "host_id": "compute-1",
    "device_id": "vm",
    "binding_state": "BOUND",
    "binding_reason": "",
    "vif_details": {"device": "vm"},
}
LISTED = {
    "ports": {"p": {"id": "p", "name": "n", "revision": 4, **BOUND}},
    "interfaces": {"p": {"id": "p", "port_id": "p", "revision": 1}},
    "vpns": {"v": {"id": "v", "vni": 7, "revision": 2}},
    "vpnbindings": {"p": {"interface_id": "p", "service_id": "v", "gateway": "10.0.0.1", "ipaddress": None, "revision": 3}},
}


def whole():
    """The evidence of a site that is well: one bound port in a VPN."""
    etcd, told = {}, {}
    for collection, (kind, _, role) in evidence.KINDS.items():
        etcd[kind] = {id: {**body, "generation": 1, "incarnation": "i"} for id, body in LISTED[collection].items()}
        told[role] = copy.deepcopy(etcd[kind])
    reports = {
        ObjectKey("net-l3vpn", kind, id, "compute-1"): {"state": "ready"} for kind, values in etcd.items() for id in values
    }
    controllers = {
        "compute-1": Controller(copy.deepcopy(told), copy.deepcopy(told["port"]), copy.deepcopy(etcd)),
        "compute-2": Controller(copy.deepcopy(told), {}, copy.deepcopy(etcd)),
    }
    servers = {"server-1": copy.deepcopy(LISTED), "server-2": copy.deepcopy(LISTED)}
    return Evidence(servers, etcd, {"p": {}}, reports, controllers)


def test_silent_where_all_is_well():
    assert proofs.settled(whole()) == []


def lie_lost_in_etcd(e):
    del e.etcd["VpnInstance"]["v"]


def lie_gone_and_in_etcd(e):
    e.etcd["VpnInstance"]["w"] = {**e.etcd["VpnInstance"]["v"], "id": "w"}


def lie_other_value_in_etcd(e):
    e.etcd["ProtonBasePort"]["p"]["name"] = "old"


def lie_servers_differ(e):
    e.servers["server-2"]["ports"]["p"]["name"] = "old"


def lie_no_interface(e):
    for listed in e.servers.values():
        del listed["interfaces"]["p"]
    del e.etcd["Interface"]["p"]


def lie_no_port(e):
    for listed in e.servers.values():
        listed["interfaces"]["q"] = {"id": "q", "port_id": "gone", "revision": 1}


def lie_no_vpn(e):
    for listed in e.servers.values():
        del listed["vpns"]["v"]


def lie_same_number(e):
    for listed in e.servers.values():
        listed["vpns"]["w"] = {"id": "w", "vni": 7, "revision": 2}


def lie_not_registered(e):
    e.registered.clear()


def lie_still_registered(e):
    e.registered["q"] = {}


def lie_still_binding(e):
    for listed in e.servers.values():
        listed["ports"]["p"]["binding_state"] = "BINDING"


def lie_controller_forgot(e):
    e.controllers["compute-1"].bound.clear()


def lie_other_device(e):
    e.controllers["compute-1"].bound["p"]["device_id"] = "another"


def lie_answer_to_another_bind(e):
    for listed in e.servers.values():
        listed["ports"]["p"]["vif_details"] = {"device": "another"}


def lie_plugged_in_elsewhere(e):
    e.controllers["compute-2"].bound["p"] = {"device_id": "vm"}


def lie_not_told(e):
    e.controllers["compute-2"].objects["service"].clear()


def lie_told_of_older(e):
    e.controllers["compute-2"].objects["service"]["v"]["generation"] = 0


def lie_copy_lacks(e):
    e.controllers["compute-2"].copy["VPNPort"].clear()


def lie_copy_differs(e):
    e.controllers["compute-2"].copy["ProtonBasePort"]["p"]["revision"] = 3


def lie_copy_keeps(e):
    e.controllers["compute-2"].copy["Interface"]["gone"] = {}


def lie_went_backwards(e):
    e.controllers["compute-2"].backwards.append("17 port p 5 4")


def lie_report_pending(e):
    e.reports[ObjectKey("net-l3vpn", "ProtonBasePort", "p", "compute-1")] = {"state": "pending", "reason": "later"}


def lie_report_of_what_is_gone(e):
    e.reports[ObjectKey("net-l3vpn", "ProtonBasePort", "gone")] = {}


def lie_transaction_left(e):
    e.waiting.append("a transaction is open: 7")


LIES = {name: lie for name, lie in globals().items() if name.startswith("lie_")}


@pytest.mark.parametrize("name", LIES)
def test_complains_of_a_lie(name):
    found = whole()
    LIES[name](found)
    assert proofs.settled(found) != []


def account(**values):
    known = Account("vpns", "v")
    list(known.acknowledged(Write({"name": "n"}, creates=True), {"name": "n", "description": "", "revision": 2, **values}))
    return known


def test_what_clients_were_told_is_held_against_the_database():
    found = whole()
    for listed in found.servers.values():
        listed["vpns"]["v"] |= {"name": "n", "description": ""}
    others = [Account(c, "p") for c in ("ports", "vpnbindings")]
    for other in others:
        other.last = found.servers["server-1"][other.collection]["p"]
    assert proofs.kept(found, [account(), *others]) == []
    assert "fell" in proofs.kept(found, [account(revision=3), *others])[0]
    assert "no client made it" in proofs.kept(found, others)[0]
    for listed in found.servers.values():
        del listed["vpns"]["v"]
    assert "is lost" in proofs.kept(found, [account(), *others])[0]


def event(type, revision, incarnation="i", key="/proton/p/K/1"):
    value = json.dumps({"revision": revision, "incarnation": incarnation}).encode() if type == "put" else b""
    return Event(type, KeyValue(key, value, 1, 1, 1))


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ([event("put", 1), event("put", 2), event("put", 2)], None),
        ([event("put", 5), event("delete", 0), event("put", 1, "j")], None),
        ([event("put", 2), event("put", 1)], "fell from revision 2 to 1"),
        ([event("put", 2), event("put", 1, "j"), event("put", 1)], "fell"),
        ([event("put", 2), event("delete", 0), event("put", 3)], "came back"),
    ],
)
def test_the_watcher_knows_what_may_follow_what(events, complaint):
    seen = Seen()
    for one in events:
        seen.change(one)
    assert [complaint] == [complaint if complaint in fault else fault for fault in seen.faults] if complaint else not seen.faults


def test_the_watcher_remembers_over_a_wiped_etcd():
    seen = Seen()
    seen.change(event("put", 2))
    seen.load([])
    assert seen.present == {} and seen.faults == []
    seen.load([event("put", 2).kv])
    assert seen.present == {"/proton/p/K/1": "i"} and seen.faults == []
    seen.load([event("put", 1).kv])
    assert "fell" in seen.faults[0]


def test_a_key_that_the_watcher_missed_is_told():
    assert proofs.unwatched({"a": "i"}, {"a": "i"}) == []
    assert len(proofs.unwatched({"a": "i", "b": "i"}, {"a": "j"})) == 2


def test_a_traceback_is_found():
    assert evidence.tracebacks({"server-1": "all is well\n"}) == []
    (found,) = evidence.tracebacks({"server-1": "x\nTraceback (most recent call last):\n  boom\n"})
    assert "server-1" in found and "boom" in found
