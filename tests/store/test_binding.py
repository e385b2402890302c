# SPDX-License-Identifier: Apache-2.0
"""The binding of ports: what a change means, what an answer means."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.model.types import String
from gluon.store.answers import judge
from gluon.store.binding import decide, store_answer
from gluon.store.contract import Record
from gluon.store.opening import open_store

from .conftest import Desk
from .models import network

OVS = {"vif_type": "ovs", "vif_details": {"port_filter": False}, "controller": "c1"}
FAILED = {"vif_type": "binding_failed", "reason": "no room", "controller": "c1"}


async def answer(desk: Desk, id: str, said: Any, binding_id: str) -> Record | None:
    assert desk.proton.port is not None
    port = desk.proton.port
    return await desk.store.write(lambda tx: store_answer(tx, port, id, said, binding_id=binding_id))


async def bound(desk: Desk, said: Any = OVS) -> tuple[Record, str]:
    made = await desk.make("Harbour", host_id="h1", device_id="d1")
    assert made.waits_for is not None
    record = await answer(desk, made.record["id"], said, made.waits_for)
    assert record is not None
    await desk.changes()
    return record, made.waits_for


async def test_a_bind_request(desk: Desk) -> None:
    port = await desk.new("Harbour", host_id="h1")
    assert (port["binding_state"], port["binding_id"]) == ("UNBOUND", None)
    asked = await desk.change("Harbour", port["id"], device_id="d1")
    assert asked.waits_for == asked.record["binding_id"] == "binding-2"
    assert asked.record["binding_state"] == "BINDING"
    assert (asked.record["revision"], asked.record["generation"]) == (2, 2)


async def test_a_bind_request_at_creation(desk: Desk) -> None:
    made = await desk.make("Harbour", host_id="h1", device_id="d1")
    assert made.waits_for == made.record["binding_id"] == "binding-1"
    assert (made.record["binding_state"], made.record["revision"]) == ("BINDING", 1)
    assert await desk.get("Harbour", made.record["id"]) == made.record


async def test_success(desk: Desk) -> None:
    record, _ = await bound(desk)
    assert (record["binding_state"], record["vif_type"], record["vif_details"]) == ("BOUND", "ovs", {"port_filter": False})
    assert (record["status"], record["binding_controller"], record["binding_reason"]) == ("ACTIVE", "c1", None)
    assert (record["revision"], record["generation"]) == (2, 1)
    assert await desk.get("Harbour", record["id"]) == record


async def test_an_answer_is_stored_once(desk: Desk) -> None:
    record, binding = await bound(desk)
    assert await answer(desk, record["id"], OVS, binding) == record
    assert await desk.changes() == []


async def test_answers_to_another_binding_are_not_stored(desk: Desk) -> None:
    record, binding = await bound(desk)
    assert await answer(desk, record["id"], FAILED, "binding-0") is None
    moved = await desk.change("Harbour", record["id"], host_id="h2")
    assert moved.waits_for not in (None, binding)
    assert (moved.record["binding_state"], moved.record["vif_type"], moved.record["vif_details"]) == ("BINDING", None, None)
    assert await answer(desk, record["id"], OVS, binding) is None
    await desk.drop("Harbour", record["id"])
    assert await answer(desk, record["id"], OVS, moved.waits_for or "") is None


async def test_failure_then_late_success_never_the_reverse(desk: Desk) -> None:
    record, binding = await bound(desk, FAILED)
    assert (record["binding_state"], record["binding_reason"], record["status"]) == ("FAILED", "no room", "DOWN")
    assert record["vif_type"] == "binding_failed"
    late = await answer(desk, record["id"], OVS, binding)
    assert late is not None
    assert (late["binding_state"], late["binding_reason"]) == ("BOUND", None)
    assert await answer(desk, record["id"], FAILED, binding) == late


async def test_repeating_a_request(desk: Desk) -> None:
    record, _ = await bound(desk)
    same = await desk.change("Harbour", record["id"], host_id="h1", device_id="d1")
    assert (same.waits_for, same.record) == (None, record)
    waiting = await desk.make("Harbour", host_id="h1", device_id="d2")
    again = await desk.change("Harbour", waiting.record["id"], host_id="h1", device_id="d2")
    assert (again.waits_for, again.record) == (waiting.waits_for, waiting.record)
    failed, old = await bound(desk, FAILED)
    assert (await desk.change("Harbour", failed["id"], tenant_id="t2")).waits_for is None
    retried = await desk.change("Harbour", failed["id"], host_id="h1", device_id="d1")
    assert retried.waits_for not in (None, old)
    assert (retried.record["binding_state"], retried.record["binding_reason"]) == ("BINDING", None)
    assert retried.record["generation"] == retried.record["revision"] == 4


@pytest.mark.parametrize("emptied", [{"host_id": None}, {"device_id": ""}, {"host_id": "", "device_id": ""}])
async def test_unbinding(desk: Desk, emptied: dict[str, Any]) -> None:
    record, binding = await bound(desk)
    outcome = await desk.change("Harbour", record["id"], **emptied)
    port = outcome.record
    assert (outcome.waits_for, port["binding_id"]) == (None, None)
    assert (port["binding_state"], port["status"], port["binding_controller"]) == ("UNBOUND", "DOWN", None)
    assert (port["vif_type"], port["vif_details"]) == (None, None)
    assert port["generation"] == port["revision"] == 3
    assert await answer(desk, port["id"], OVS, binding) is None


async def test_empty_and_null_are_the_same(desk: Desk) -> None:
    port = await desk.new("Harbour")
    same = await desk.change("Harbour", port["id"], host_id="", device_id="")
    assert same.record == port


@pytest.mark.parametrize("said", [{}, {"vif_type": None}, {"vif_type": ""}, {"controller": "c1"}])
async def test_answers_that_say_nothing(desk: Desk, said: dict[str, Any]) -> None:
    record, binding = await bound(desk)
    assert await answer(desk, record["id"], said, binding) == record
    assert await desk.changes() == []


@pytest.mark.parametrize(
    "said",
    [
        {"vif_type": 3},
        {"vif_type": "x" * 65},
        {"vif_type": "ovs", "vif_details": [1]},
        {"vif_type": "ovs", "vif_details": "{"},
        {"vif_type": "ovs", "vif_details": "[" * 5000},
        {"vif_type": "ovs", "status": "WELL"},
        {"vif_type": "ovs", "status": {"a": 1}},
        {"vif_type": "ovs", "controller": 7},
        {"vif_type": "a\0b"},
        {"vif_type": "a\ud800"},
        ["vif_type"],
        "ovs",
        {"vif_type": "binding_failed", "reason": []},
    ],
)
async def test_answers_that_cannot_be_understood(desk: Desk, said: Any, caplog: pytest.LogCaptureFixture) -> None:
    made = await desk.make("Harbour", host_id="h1", device_id="d1")
    with caplog.at_level(logging.WARNING, "gluon.store"):
        assert await answer(desk, made.record["id"], said, made.waits_for or "") == made.record
    assert "not understood" in caplog.text


async def test_a_long_reason_is_cut(desk: Desk) -> None:
    record, _ = await bound(desk, {**FAILED, "reason": "x" * 5000 + "\n"})
    assert len(record["binding_reason"]) == 1024


async def test_details_as_text_in_a_classic_model(connection: str) -> None:
    classic = network(vif_details=String(1024))
    store = await open_store(connection, [classic])
    desk = Desk(store, classic)
    for details in ({"a": True}, '{"a": true}'):
        record, _ = await bound(desk, {"vif_type": "ovs", "vif_details": details})
        assert record["vif_details"] == '{"a":true}'
    await store.close()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["ovs", "binding_failed", "ACTIVE"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_PORT = network().port


@given(
    said=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("vif_type", "vif_details", "controller", "status", "reason", "binding_id"), _JSON)
    ),
    state=st.sampled_from(["UNBOUND", "BINDING", "BOUND", "FAILED"]),
)
@settings(max_examples=200, deadline=None)
def test_any_answer_is_judged(said: dict[str, Any], state: str) -> None:
    assert _PORT is not None
    record = dict.fromkeys(_PORT.by_name) | {"binding_state": state, "status": "DOWN"}
    verdict = judge(_PORT, record, said)
    assert not (verdict.fault and verdict.changes)
    after = {**record, **verdict.changes}
    if state in ("UNBOUND", "BOUND"):
        assert after["binding_state"] == state
    if verdict.changes:
        assert set(verdict.changes) <= set(_PORT.by_name)
        assert isinstance(after["vif_type"], str)


_WORD = st.sampled_from([None, "", "a", "b"])
_PLACE = st.fixed_dictionaries({"host_id": _WORD, "device_id": _WORD})


@given(
    before=_PLACE,
    given_=st.fixed_dictionaries({}, optional={"host_id": _WORD, "device_id": _WORD}),
    state=st.sampled_from(["BINDING", "BOUND", "FAILED"]),
)
@settings(max_examples=300, deadline=None)
def test_what_a_change_means(before: dict[str, Any], given_: dict[str, Any], state: str) -> None:
    was = all(before.values())
    record = {**before, "binding_state": state if was else "UNBOUND", "binding_id": "old" if was else None}
    after = {**record, **given_}
    wants = bool(after["host_id"] and after["device_id"])
    moved = wants and (after["host_id"], after["device_id"]) != (before["host_id"], before["device_id"])
    decision = decide(record, after, given_, "new")
    final = {**after, **decision.changes}
    if not wants:
        assert (final["binding_state"], final["binding_id"], decision.waits_for) == ("UNBOUND", None, None)
    elif moved or (given_ and state == "FAILED"):
        assert (final["binding_state"], final["binding_id"], decision.waits_for) == ("BINDING", "new", "new")
    else:
        assert not decision.changes
        assert decision.waits_for == ("old" if given_ and state == "BINDING" else None)
