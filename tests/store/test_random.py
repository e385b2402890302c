# SPDX-License-Identifier: Apache-2.0
"""Any sequence of verbs against a model in a few dicts: same results, same rows, and the change log drains to the same state."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from gluon.errors import RequestError
from gluon.store.binding import store_answer
from gluon.store.contract import SyncMark
from gluon.store.opening import open_store

from .conftest import Desk
from .models import network

WORD = st.sampled_from(["", "a", "b"])
ANSWERS = st.sampled_from([{}, {"vif_type": "ovs"}, {"vif_type": "binding_failed", "reason": "r"}, {"vif_type": 1}])


class Verbs(RuleBasedStateMachine):
    """``etcd`` is what a relay would have sent; ``ports`` what should be. All runs share a database: each makes its own objects,
    and leaves no change behind."""

    url: str

    ports: Any = Bundle("ports")
    peers: Any = Bundle("peers")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        proton = network()
        store = self.runner.run(open_store(self.url, [proton]))
        self.desk = Desk(store, proton)
        self.expected: dict[str, dict[str, Any]] = {}
        self.edges: dict[str, str | None] = {}
        self.etcd: dict[tuple[str, Any], Any] = {}
        self.batch = itertools.count()

    def run(self, work: Any) -> Any:
        """The result, or the error that is a client's."""

        async def attempt() -> Any:
            try:
                return await work
            except RequestError as error:
                return error

        return self.runner.run(attempt())

    @rule(target=ports, host=WORD, device=WORD)
    def make_port(self, host: str, device: str) -> str:
        outcome = self.run(self.desk.make("Harbour", host_id=host, device_id=device))
        record = outcome.record
        state = "BINDING" if host and device else "UNBOUND"
        assert (record["binding_state"], outcome.waits_for) == (state, record["binding_id"])
        self.expected[record["id"]] = {"place": (host, device), "state": state, "revision": 1}
        return str(record["id"])

    @rule(port=ports, host=WORD, device=WORD)
    def place_port(self, port: str, host: str, device: str) -> None:
        known = self.expected.get(port)
        outcome = self.run(self.desk.change("Harbour", port, host_id=host, device_id=device))
        if known is None:
            assert isinstance(outcome, RequestError)
            return
        wants, same = bool(host and device), known["place"] == (host, device)
        if not wants:
            state = "UNBOUND"
        elif same and known["state"] in ("BOUND", "BINDING"):
            state = known["state"]
        else:
            state = "BINDING"
        changed = not same or state != known["state"]
        self.expected[port] = {"place": (host, device), "state": state, "revision": known["revision"] + changed}
        assert (outcome.waits_for is not None) == (state == "BINDING")

    @rule(port=ports, said=ANSWERS, stale=st.booleans())
    def answer(self, port: str, said: dict[str, Any], stale: bool) -> None:
        known = self.expected.get(port)
        obj = self.desk.proton.by_name["Harbour"]
        now = self.run(self.desk.get("Harbour", port))
        binding = "stale" if stale or now is None else now["binding_id"]
        stored = self.run(self.desk.store.write(lambda tx: store_answer(tx, obj, port, said, binding_id=binding)))
        if known is None or stale:
            assert stored is None
            return
        kind = said.get("vif_type")
        failing = kind == "binding_failed" and known["state"] == "BINDING"
        succeeding = kind == "ovs" and known["state"] in ("BINDING", "FAILED")
        if failing or succeeding:
            known["state"] = "FAILED" if failing else "BOUND"
            known["revision"] += 1

    @rule(port=consumes(ports))
    def drop_port(self, port: str) -> None:
        result = self.run(self.desk.drop("Harbour", port))
        assert isinstance(result, RequestError) == (self.expected.pop(port, None) is None)

    @rule(target=peers, next_id=peers | st.none())
    def make_peer(self, next_id: str | None) -> str:
        if next_id not in self.edges:
            next_id = None
        record = self.run(self.desk.new("Peer", as_number=1, next_id=next_id))
        self.edges[record["id"]] = next_id
        return str(record["id"])

    @rule(peer=peers, next_id=peers | st.none())
    def point_peer(self, peer: str, next_id: str | None) -> None:
        result = self.run(self.desk.change("Peer", peer, next_id=next_id))
        fine = peer in self.edges and (next_id is None or next_id in self.edges)
        assert isinstance(result, RequestError) != fine
        if fine:
            self.edges[peer] = next_id

    @rule(peer=peers)
    def drop_peer(self, peer: str) -> None:
        result = self.run(self.desk.drop("Peer", peer))
        assert isinstance(result, RequestError) == (peer not in self.edges)
        gone = {peer}
        while more := {p for p, n in self.edges.items() if n in gone} - gone:
            gone |= more
        self.edges = {p: n for p, n in self.edges.items() if p not in gone}

    @rule(limit=st.integers(1, 5))
    def relay(self, limit: int) -> None:
        log = self.desk.store.log
        batch = self.run(log.take("net-test", limit))
        for change in batch.changes:
            key = (change.object.name, change.id)
            old = self.etcd.get(key)
            if change.record is None:
                self.etcd.pop(key, None)
                continue
            if old is not None and old["incarnation"] == change.record["incarnation"]:
                assert change.record["revision"] >= old["revision"]
            self.etcd[key] = change.record
        self.run(log.settle(batch, SyncMark("e", next(self.batch))))

    @invariant()
    def same_ports(self) -> None:
        for id, known in self.expected.items():
            record = self.run(self.desk.get("Harbour", id))
            assert (record["binding_state"], record["revision"]) == (known["state"], known["revision"])
            assert record["generation"] <= record["revision"]
            assert (record["vif_type"] is not None) == (known["state"] in ("BOUND", "FAILED"))
            assert (record["binding_id"] is None) == (known["state"] == "UNBOUND")

    def teardown(self) -> None:
        for _ in range(1000):
            self.relay(50)
            if self.run(self.desk.store.log.backlog()).rows == 0:
                break
        wanted = {("Harbour", id) for id in self.expected} | {("Quay", id) for id in self.expected}
        wanted |= {("Peer", id) for id in self.edges}
        assert set(self.etcd) == wanted
        assert all(self.run(self.desk.get(name, id)) == record for (name, id), record in self.etcd.items())
        self.run(self.desk.store.close())
        self.runner.close()


SETTINGS = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_any_sequence_of_verbs(connection: str) -> None:
    machine = type("VerbsHere", (Verbs,), {"url": connection})
    run_state_machine_as_test(machine, settings=SETTINGS)
