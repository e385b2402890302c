# SPDX-License-Identifier: Apache-2.0
"""What must be true at the end of a run. Pure: from evidence to faults, as text; none where all is well.

settled(evidence)            what holds once everything has come to rest: no part says something else than another
kept(evidence, accounts)     what was acknowledged is there
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from chaos.account import Account
from chaos.evidence import KINDS, Controller, Evidence

#: What the API adds to what etcd has.
_API_ONLY: Final = frozenset({"created_at", "updated_at", "links"})


def settled(evidence: Evidence) -> list[str]:
    """What is not at rest, or not the same everywhere."""
    found = list(evidence.waiting)
    first = next(iter(evidence.servers.values()))
    for part, listed in evidence.servers.items():
        found += _differing(part, listed, first)
    for collection, (kind, _, _) in KINDS.items():
        found += _equal(kind, first[collection], evidence.etcd[kind])
    found += _whole(first)
    found += _registered(first["ports"], evidence.registered)
    found += _reported(evidence)
    for name, controller in evidence.controllers.items():
        found += _bound(name, controller, first["ports"])
        found += _told(name, controller, evidence)
    return found


def kept(evidence: Evidence, accounts: Iterable[Account]) -> list[str]:
    """Where what the clients were told does not hold; and objects that nobody asked for."""
    listed = next(iter(evidence.servers.values()))
    found: list[str] = []
    known: dict[str, set[str]] = {collection: set() for collection in KINDS}
    for account in accounts:
        known[account.collection].add(account.id)
        found += account.seen(listed[account.collection].get(account.id))
    for collection, bodies in listed.items():
        nobodys = bodies.keys() - known[collection] - (listed["ports"].keys() if collection == "interfaces" else set())
        found += [f"{collection} {id} is there, and no client made it" for id in sorted(nobodys)]
    return found


def _differing(part: str, listed: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    for collection, bodies in listed.items():
        for id in sorted(bodies.keys() | first[collection].keys()):
            if bodies.get(id) != first[collection].get(id):
                yield f"{part} shows {collection} {id} as {bodies.get(id)}, another server as {first[collection].get(id)}"


def _equal(kind: str, bodies: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """etcd equals the database."""
    for id in sorted(bodies.keys() | values.keys()):
        body, value = bodies.get(id), values.get(id)
        if body is None:
            yield f"etcd holds {kind} {id}, which is gone"
        elif value is None:
            yield f"etcd lacks {kind} {id}"
        else:
            for name in sorted(body.keys() - _API_ONLY):
                if body[name] != value.get(name):
                    yield f"etcd holds {kind} {id} with {name} {value.get(name)!r}, the database {body[name]!r}"


def _whole(listed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """No object is half there."""
    ports, interfaces, vpns = listed["ports"], listed["interfaces"], listed["vpns"]
    for id in sorted(ports.keys() - interfaces.keys()):
        yield f"port {id} has no default interface"
    for id, interface in interfaces.items():
        if interface["port_id"] not in ports:
            yield f"interface {id} is there without its port {interface['port_id']}"
        elif id in ports and interface["port_id"] != id:
            yield f"the default interface of port {id} belongs to {interface['port_id']}"
    for id, binding in listed["vpnbindings"].items():
        if id not in interfaces:
            yield f"vpnbinding {id} is there without its interface"
        if binding["service_id"] not in vpns:
            yield f"vpnbinding {id} is there without its VPN {binding['service_id']}"
    numbers = [vpn["vni"] for vpn in vpns.values()]
    for number in {number for number in numbers if numbers.count(number) > 1}:
        yield f"several VPNs have the allocated vni {number}"


def _registered(ports: Mapping[str, Any], registered: Mapping[str, Any]) -> Iterator[str]:
    for id in sorted(ports.keys() ^ registered.keys()):
        yield f"port {id} is {'not registered' if id in ports else 'registered, and gone'}"


def _reported(evidence: Evidence) -> Iterator[str]:
    for key, report in evidence.reports.items():
        if key.id not in evidence.etcd.get(key.object, {}):
            yield f"{key.controller or 'an answer'} speaks of {key.object} {key.id}, which is gone"
        elif key.controller and report["state"] != "ready":
            yield f"{key.controller} reports {key.object} {key.id} as {report['state']}: {report.get('reason')}"


def _bound(name: str, controller: Controller, ports: Mapping[str, Any]) -> Iterator[str]:
    """The database and the controller agree on what is plugged in on its host."""
    for id, port in ports.items():
        here = port["host_id"] == name and bool(port["device_id"])
        if here and port["binding_state"] != "BOUND":
            yield f"port {id} is wanted on {name} and is {port['binding_state']}: {port['binding_reason']}"
        plugged = controller.bound.get(id)
        if not here:
            continue
        if plugged is None:
            yield f"port {id} is bound on {name}, whose controller does not know"
        elif plugged["device_id"] != port["device_id"]:
            yield f"port {id} is bound for {port['device_id']!r}; the controller of {name} has {plugged['device_id']!r}"
        elif (port["vif_details"] or {}).get("device") != port["device_id"]:
            yield f"port {id} is bound for {port['device_id']!r} with the answer {port['vif_details']!r}"
    for id in sorted(controller.bound):
        if id not in ports or ports[id]["host_id"] != name:
            yield f"the controller of {name} has port {id} plugged in, which is {'elsewhere' if id in ports else 'gone'}"


def _told(name: str, controller: Controller, evidence: Evidence) -> Iterator[str]:
    """The shim's copy equals etcd, and its controller was told of all of it, in order."""
    for kind, _, role in KINDS.values():
        values, told, copy = evidence.etcd[kind], controller.objects.get(role, {}), controller.copy.get(kind, {})
        for id in sorted(values.keys() | told.keys() | copy.keys()):
            value = values.get(id)
            wanted, had = _when(value), _when(told.get(id))
            if wanted != had:
                yield f"{name} told its controller of {kind} {id} as of {had}, and etcd has {wanted}"
            if value is not None and id in copy:
                odd = [n for n in copy[id] if n in value and copy[id][n] != value[n]]
                if odd:
                    yield f"the copy of {name} differs from etcd in {kind} {id}: {', '.join(odd)}"
            elif (value is None) != (id not in copy):
                yield f"the copy of {name} {'lacks' if value else 'still has'} {kind} {id}"
    yield from (f"{name} told its controller of older state than before: {line}" for line in controller.backwards)


def _when(state: Mapping[str, Any] | None) -> tuple[Any, Any] | None:
    return None if state is None else (state["incarnation"], state["generation"])


def unwatched(present: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Keys of which the watcher has seen something else than is there (both: by key, the incarnation)."""
    differing = [key for key in sorted(present.keys() | there.keys()) if present.get(key) != there.get(key)]
    return [f"the watcher saw {key} as {present.get(key)}, it is {there.get(key)}" for key in differing]
