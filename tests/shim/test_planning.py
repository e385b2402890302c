# SPDX-License-Identifier: Apache-2.0
"""Planning depends on states alone: the same states replayed split, squashed and reversed lead to the same backend."""

import random
from dataclasses import dataclass, field
from itertools import count

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gluon.model.catalogue import load_catalogue
from gluon.particle.shimtypes import Record
from gluon.shim import planning, reports
from gluon.shim.backlog import Backlog
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Call, Offer, Placement, Verb, generation_of
from gluon.shim.references import Key

L3VPN = load_catalogue()["net-l3vpn"].newest
PORT, INTERFACE, TARGET, VPN, BINDING = "ProtonBasePort", "Interface", "VpnAfConfig", "VpnInstance", "VPNPort"
ADDING = (Verb.MODIFY, Verb.BIND)


@st.composite
def worlds(draw: st.DrawFn) -> dict[Key, dict[str, object]]:
    """What may be wanted at a time: any objects whose references are there."""
    world: dict[Key, dict[str, object]] = {}
    name = st.sampled_from(["a", "b"])
    targets = draw(st.sets(st.sampled_from(["t1", "t2"])))
    for id in sorted(targets):
        world[Key(TARGET, id)] = {"vrf_rt_value": id, "vrf_rt_type": draw(st.sampled_from(["both", "import_extcommunity"]))}
    vpns = draw(st.sets(st.sampled_from(["v1", "v2"])))
    for id in sorted(vpns):
        used = [t for t in sorted(targets) if draw(st.booleans())]
        world[Key(VPN, id)] = {"id": id, "name": draw(name), "import_targets": used}
    for id in sorted(draw(st.sets(st.sampled_from(["p1", "p2"])))):
        host: str | None = draw(st.sampled_from([None, "h1", "h2"]))
        binding = f"{host}-{draw(name)}" if host else None
        world[Key(PORT, id)] = {"id": id, "host_id": host, "device_id": draw(name) if host else None, "binding_id": binding}
        world[Key(INTERFACE, id)] = {"id": id, "port_id": id}
        if vpns and draw(st.booleans()):
            world[Key(BINDING, id)] = {"interface_id": id, "service_id": draw(st.sampled_from(sorted(vpns)))}
    return world


@dataclass
class Simulation:
    """The pure part of a shim beside what a backend would hold. No I/O: a call is done, or refused, as soon as it is planned."""

    chance: random.Random
    offers: dict[str, Offer]
    answer: bool = True
    numbers: count = field(default_factory=lambda: count(1))
    held: dict[Key, Record] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[Verb, Key]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mirror = Mirror(L3VPN)
        self.backlog = self.fresh()

    def fresh(self) -> Backlog:
        return Backlog(self.mirror, Placement(frozenset({"h1"})), self.offers)

    def show(self, world: dict[Key, dict[str, object]]) -> None:
        """Bring the copy to this state, in any order."""
        keys = [*world, *(k for k in self.mirror.known() if k not in world)]
        self.chance.shuffle(keys)
        for key in keys:
            self._show(key, world.get(key))

    def _show(self, key: Key, values: dict[str, object] | None) -> None:
        before = self.mirror.find(key)
        if values is None:
            self.mirror.drop(key)
        elif before is None or any(before[n] != v for n, v in values.items()):
            number = next(self.numbers)
            kept = {"incarnation": before["incarnation"] if before else f"i{number}", "generation": number, "revision": number}
            self.mirror.put(key, self.mirror.types[key.kind].decode(msgspec.json.encode({**values, **kept})))
        self.backlog.noticed(key)

    def restart(self) -> None:
        """A new process: the memory is what the reports say."""
        before = self.backlog.handed
        self.backlog = self.fresh()
        for key, handed in before.items():
            self.backlog.remember(key, reports.recall(reports.encode(handed), self.mirror.types[key.kind]))
            self.backlog.noticed(key)

    def settle(self, most: int = 10_000) -> None:
        """Make calls, in any order that the ordering allows, until none is due (or so many were made)."""
        for _ in range(most):
            due = [(k, c) for k in {*self.mirror.known(), *self.backlog.handed} if (c := self.backlog.call(k))]
            ready = [(k, c) for k, c in sorted(due, key=lambda kc: kc[0]) if self.backlog.blocker(k, c) is None]
            if not due:
                return
            assert ready, f"all wait for one another: {due}"
            self.make(*self.chance.choice(ready))
        assert most < 10_000, "it never comes to rest"

    def make(self, key: Key, call: Call) -> None:
        self.calls.append((call.verb, key))
        wanted, had = self.backlog.wanted(key), self.backlog.handed.get(key)
        begun = planning.begun(call.verb, wanted, had)
        self.check(key, call)
        if call.verb is Verb.BIND:
            assert wanted is not None and begun is not None
            self.bound[key.id] = wanted.record["binding_id"]
            self.backlog.remember(key, planning.settled(wanted, begun, self.offers[key.kind], lost=not self.answer))
            return
        if call.verb is Verb.MODIFY:
            self.held[key] = call.new
        elif call.verb is Verb.UNBIND:
            self.bound.pop(key.id, None)
        else:
            self.held.pop(key, None)
        self.backlog.remember(key, planning.done(call.verb, wanted, begun))

    def check(self, key: Key, call: Call) -> None:
        """What must be so whenever a call is made."""
        if call.verb in ADDING:
            for pointer in self.mirror.pointers(key, call.new):
                assert any(self.has(k) for k in pointer), f"{key} came before {pointer}"
        if call.verb is Verb.DELETE:
            assert key.id not in self.bound or key.kind != PORT
            for other, record in self.held.items():
                assert other == key or all(key not in p for p in self.mirror.pointers(other, record)), (
                    f"{key} went before {other}"
                )

    def has(self, key: Key) -> bool:
        return key in self.held or not self.offers[key.kind].keeps

    def agrees(self, world: dict[Key, dict[str, object]]) -> None:
        kept = {k for k in world if self.offers[k.kind].keeps}
        assert self.held.keys() == kept
        for key in kept:
            assert generation_of(self.held[key]) == generation_of(self.mirror.find(key))
        here = {k.id: v["binding_id"] for k, v in world.items() if v.get("host_id") == "h1" and self.offers[PORT].binds}
        assert self.bound == (here if self.answer else {})


EVERYTHING = {o.name: Offer(keeps=True, binds=o.name == PORT) for o in L3VPN.objects}
BINDS_ONLY = {o.name: Offer(keeps=False, binds=o.name == PORT) for o in L3VPN.objects}
OFFERS = st.sampled_from([EVERYTHING, BINDS_ONLY])


@settings(max_examples=150, deadline=None)
@given(st.lists(worlds(), min_size=1, max_size=5), OFFERS, st.booleans(), st.integers(0, 2**16))
def test_states_replayed_split_squashed_and_reversed(states: list, offers: dict, answer: bool, seed: int) -> None:
    split = Simulation(random.Random(seed), offers, answer)
    for state in states:
        split.show(state)
        split.settle()
        split.agrees(state)
    squashed = Simulation(random.Random(seed), offers, answer)
    for state in states:
        squashed.show(state)
    squashed.settle()
    squashed.agrees(states[-1])
    for state in reversed(states):
        split.show(state)
        split.settle()
        split.agrees(state)
    split.show({})
    split.settle()
    assert not split.held and not split.bound and not split.backlog.handed


@settings(max_examples=150, deadline=None)
@given(st.lists(worlds(), min_size=2, max_size=5), OFFERS, st.integers(0, 30), st.integers(0, 2**16))
def test_a_restart_between_any_two_calls(states: list, offers: dict, calls: int, seed: int) -> None:
    simulation = Simulation(random.Random(seed), offers)
    for state in states:
        simulation.show(state)
        simulation.settle(calls)
        simulation.restart()
    simulation.settle()
    simulation.agrees(states[-1])
    made = len(simulation.calls)
    simulation.restart()
    simulation.settle()
    assert len(simulation.calls) == made, "a restart at rest does nothing again"


def _port(**values: object) -> Record:
    shown = {"id": "p", "incarnation": "i", "generation": 1, "revision": 1, **values}
    return Mirror(L3VPN).types[PORT].decode(msgspec.json.encode(shown))


KEEPS = Offer(keeps=True, binds=True)
BOUND = {"host_id": "h1", "device_id": "d", "binding_id": "b1"}


@pytest.mark.parametrize(
    ("wanted", "memory", "verb"),
    [
        ({}, None, Verb.MODIFY),
        ({}, {}, None),
        ({"revision": 2}, {}, None),
        ({"generation": 2}, {}, Verb.MODIFY),
        ({"incarnation": "j"}, {}, Verb.DELETE),
        (None, {}, Verb.DELETE),
        (None, {"bound": "b1"}, Verb.UNBIND),
        (BOUND, {}, Verb.BIND),
        (BOUND, {"settled": "b1", "bound": "b1", "host": "h1", "device": "d"}, None),
        (BOUND, {"settled": "b0", "bound": "b0", "host": "h1", "device": "d"}, Verb.BIND),
        (BOUND, {"settled": "b0", "bound": "b0", "host": "h1", "device": "other"}, Verb.UNBIND),
        (BOUND, {"settled": "b1", "bound": "b1", "host": "h1", "device": "d", "lost": True}, Verb.UNBIND),
        (BOUND, {"settled": "b1"}, None),
        ({**BOUND, "host_id": "h2"}, {"settled": "b1", "bound": "b1", "host": "h1", "device": "d"}, Verb.UNBIND),
        ({"generation": 2}, {"failed": True, "generation": 2}, None),
        ({"generation": 3}, {"failed": True, "generation": 2}, Verb.MODIFY),
    ],
)
def test_the_next_call(wanted: dict | None, memory: dict | None, verb: Verb | None) -> None:
    placement = Placement(frozenset({"h1"}))
    record = None if wanted is None else _port(**wanted)
    want = record and planning.Wanted(record, "", placement.binds(record))
    had = None if memory is None else replace(reports.Handed("i", record=_port(), generation=1), **memory)
    call = planning.next_call(want, had, KEEPS)
    assert (call.verb if call else None) is verb
