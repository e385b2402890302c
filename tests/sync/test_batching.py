# SPDX-License-Identifier: Apache-2.0
"""Whatever changed, the transactions keep the order of references, name no key twice and stay within etcd's limits."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.kv import limits
from gluon.kv.contract import MAX_REQUEST_BYTES, MAX_TXN_OPS, Compare, Delete, Op, Put, Txn
from gluon.kv.memory import MemoryKv
from gluon.model.schema import Object
from gluon.store.contract import Change
from gluon.sync.batching import Batching, Unit, groups
from gluon.sync.writer import BYTES, OPS

from .conftest import TENANT, URL, model

PROTON = model("net-batching")
BATCHING = Batching(PROTON, URL)


def record(obj: Object, id: Any, note: str) -> dict[str, Any]:
    values: dict[str, Any] = {attribute.name: None for attribute in obj.attributes}
    values |= {obj.identifier.name: id, "revision": 1, "generation": 1, "incarnation": "i"}
    if obj.is_port:
        values |= {"binding_id": note, "tenant_id": TENANT}
    text = next((name for name in ("note", "label", "name", "ipaddress") if name in values), None)
    return values | ({text: note} if text else {})


@st.composite
def changes(draw: st.DrawFn) -> list[Change]:
    """As the store gives them: one for each key, in the order of change."""
    listed = draw(
        st.lists(
            st.tuples(st.sampled_from(PROTON.objects), st.integers(0, 80), st.booleans(), st.integers(0, 40)),
            max_size=300,
            unique_by=lambda item: (item[0], item[1]),
        )
    )
    return [Change(obj, id, record(obj, id, "é" * size * 1000) if put else None) for obj, id, put, size in listed]


def packed(listed: Iterable[Change]) -> list[tuple[Unit, ...]]:
    return list(groups(BATCHING.units(listed), OPS, BYTES))


def written(op: Op) -> list[str]:
    match op:
        case Txn():
            return [key for inner in (*op.success, *op.failure) for key in written(inner)]
        case Put() | Delete():
            return [op.key]
    return []


@given(changes())
@settings(max_examples=60, deadline=None)
def test_puts_follow_references_and_deletes_reverse_them(listed: list[Change]) -> None:
    units = list(BATCHING.units(listed))
    place = {obj: index for index, obj in enumerate(PROTON.order)}
    order = [(unit.change.record is None, place[unit.change.object]) for unit in units]
    assert sorted(order, key=lambda item: (item[0], -item[1] if item[0] else item[1])) == order
    assert sorted(map(id, listed)) == sorted(id(unit.change) for unit in units)
    moments = {id(change): index for index, change in enumerate(listed)}
    for before, after in pairwise(unit.change for unit in units):
        if (before.object, before.record is None) == (after.object, after.record is None):
            assert (moments[id(before)] < moments[id(after)]) == (before.record is not None)


@given(changes())
@settings(max_examples=60, deadline=None)
def test_transactions_stay_within_the_limits(listed: list[Change]) -> None:
    for group in packed(listed):
        ops = [op for unit in group for op in unit.ops]
        keys = [key for op in ops for key in written(op)]
        assert len(keys) == len(set(keys))
        assert len(ops) + 1 < MAX_TXN_OPS
        txn = Txn((Compare("/f", "create", "=", 1),) * 2, (*ops, Put("/gluon/sync/x", b"x" * 300)))
        limits.check(txn)
        assert sum(unit.size for unit in group) < MAX_REQUEST_BYTES


@given(changes(), st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_replaying_ends_in_the_same_state(listed: list[Change], stopped: int) -> None:
    def apply(state: dict[str, bytes], units: Iterable[Unit]) -> dict[str, bytes]:
        for unit in units:
            for op in unit.ops:
                match op:
                    case Put():
                        state[op.key] = op.value
                    case Delete():
                        state.pop(op.key, None)
                    case Txn(success=(Delete(key),)):
                        state.pop(key, None)
                    case Txn(failure=(Txn(failure=(Put() as put, Txn(failure=(Put() as registration,)))),)):
                        state[put.key] = put.value
                        state[registration.key] = registration.value
                    case _:
                        raise AssertionError(op)
        return state

    units = list(BATCHING.units(listed))
    once = apply({}, units)
    assert apply(apply({}, units[:stopped]), units) == once
    assert apply(dict(once), units) == once


def test_of_several_changes_of_a_key_the_last_counts() -> None:
    slot = PROTON.by_name["Slot"]
    first, gone = Change(slot, 1, record(slot, 1, "a")), Change(slot, 1, None)
    (unit,) = BATCHING.units([first, gone])
    assert unit.change is gone


def test_what_is_too_large_stands_alone() -> None:
    net = PROTON.by_name["Net"]
    listed = [Change(net, str(n), record(net, str(n), "x" * size)) for n, size in enumerate((10, 2_000_000, 10, 10))]
    assert [len(group) for group in packed(listed)] == [1, 1, 2]


async def test_while_an_answer_is_awaited_another_url_alone_leaves_the_registration_as_it_is() -> None:
    """Its mod_revision says when the port took its binding, which an answer without a binding_id is judged by."""
    port = next(obj for obj in PROTON.objects if obj.is_port)
    kv = MemoryKv()

    async def relay(url: str, **values: Any) -> tuple[int, dict[str, Any]]:
        changed = record(port, "p", "") | {"binding_id": "one", "binding_state": "BINDING"} | values
        unit = next(iter(Batching(PROTON, url).units([Change(port, "p", changed)])))
        assert (await kv.txn(Txn((), unit.ops))).succeeded
        kept = await kv.get("/gluon/port/p")
        assert kept is not None
        return kept.mod_revision, json.loads(kept.value)

    taken, said = await relay("http://a:1")
    assert said == {"tenant_id": TENANT, "service": PROTON.name, "binding_id": "one", "url": "http://a:1"}
    assert (await relay("http://b:2"))[0] == taken
    later, said = await relay("http://b:2", binding_id="one more")
    assert later > taken
    assert said["binding_id"] == "one more"
    assert (await relay("http://b:2", binding_id="one more", binding_state="FAILED"))[0] == later
    moved, said = await relay("http://c:3", binding_id="one more", binding_state="BOUND")
    assert moved > later
    assert said["url"] == "http://c:3"
