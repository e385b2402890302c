# SPDX-License-Identifier: Apache-2.0
"""Answers reach the database and the requests that wait, and only those that count."""

import asyncio
import json
import uuid

import pytest
from prometheus_client import CollectorRegistry

from gluon.errors import Conflict
from gluon.store.contract import Record

from .conftest import LIMIT, Rig, until


async def bound(rig: Rig, id: str) -> Record:
    """The port once it waits for an answer, its binding registered in etcd."""
    port = await rig.bind(id)
    await until(rig.equal)
    return port


async def state(rig: Rig, id: str) -> str:
    record = await rig.store.get(rig.Port, id)
    assert record is not None
    return record["binding_state"]


async def is_bound(rig: Rig, id: str) -> bool:
    return await state(rig, id) == "BOUND"


async def test_an_answer_ends_the_wait_with_the_stored_record(rig: Rig) -> None:
    async with rig.running() as sync:
        port = await rig.create(rig.Port)
        binding_id = uuid.uuid4().hex
        with sync.waits.expect(rig.Port, port["id"], binding_id) as wait:
            await rig.bind(port["id"], binding_id=binding_id)
            await until(rig.equal)
            await rig.answer(port["id"], binding_id=binding_id)
            record = await wait.outcome(LIMIT)
        assert record is not None
        assert record["binding_state"] == "BOUND"
        assert record["vif_type"] == "ovs"
        assert record["status"] == "ACTIVE"
        assert record["binding_controller"] == "c1"
        assert record == await rig.store.get(rig.Port, port["id"])
        assert len(sync.waits) == 0
        await until(rig.equal)
        assert (await rig.value(rig.key(rig.Port, port["id"])))["vif_type"] == "ovs"


async def test_a_failure_is_an_answer_and_a_later_success_replaces_it(rig: Rig) -> None:
    async with rig.running() as sync:
        port = await rig.create(rig.Port)
        binding_id = uuid.uuid4().hex
        with sync.waits.expect(rig.Port, port["id"], binding_id) as wait:
            await rig.bind(port["id"], binding_id=binding_id)
            await rig.answer(port["id"], binding_id=binding_id, vif_type="binding_failed", reason="no bridge")
            record = await wait.outcome(LIMIT)
        assert record is not None
        assert (record["binding_state"], record["binding_reason"]) == ("FAILED", "no bridge")
        await rig.answer(port["id"], binding_id=binding_id)
        await until(lambda: is_bound(rig, port["id"]))


async def test_a_wait_that_nobody_answers_ends_in_time(memory: Rig) -> None:
    async with memory.running() as sync:
        port = await memory.create(memory.Port)
        with sync.waits.expect(memory.Port, port["id"], "b") as wait:
            await memory.bind(port["id"], binding_id="b")
            assert await wait.outcome(0) is None
            assert await wait.outcome(0.05) is None


async def test_a_classic_answer_counts_only_after_the_registration_took_the_binding(rig: Rig) -> None:
    async with rig.running():
        port = await rig.create(rig.Port)
        await bound(rig, port["id"])
        await rig.answer(port["id"], vif_type="first")
        await until(lambda: is_bound(rig, port["id"]))
        # Bound anew: what stands in etcd is the answer to the first.
        await rig.bind(port["id"], host="compute-2")
        await until(rig.equal)
    async with rig.running():  # a new leader goes through all answers
        marker = await rig.create(rig.Port)
        await bound(rig, marker["id"])
        await rig.answer(marker["id"])
        await until(lambda: is_bound(rig, marker["id"]))
        assert await state(rig, port["id"]) == "BINDING"
        await rig.answer(port["id"], vif_type="second")
        await until(lambda: is_bound(rig, port["id"]))
    record = await rig.store.get(rig.Port, port["id"])
    assert record is not None
    assert record["vif_type"] == "second"


async def test_the_leader_does_not_store_again_what_a_request_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def passed_over(*_: object) -> None:
        """What a sweep finds, which may come upon an answer just while it is being stored: one more look changes nothing."""

    monkeypatch.setattr("gluon.sync.answers.Answers._untold", passed_over)
    registry = CollectorRegistry()
    async with rig.running() as sync:
        sync.metrics(registry)
        await until(lambda: sync.report().leader)
        port = await rig.create(rig.Port)
        for number in range(1, 4):
            binding_id = uuid.uuid4().hex
            with sync.waits.expect(rig.Port, port["id"], binding_id) as wait:
                await rig.bind(port["id"], host=f"compute-{number}", binding_id=binding_id)
                await rig.answer(port["id"], binding_id=binding_id)
                assert await wait.outcome(LIMIT) is not None
            await until(rig.equal)
            await until(lambda number=number: registry.get_sample_value("gluon_sync_answers_total") >= number)
            assert registry.get_sample_value("gluon_sync_answers_total") == number
            assert (await rig.store.get(rig.Port, port["id"]))["revision"] == 1 + 2 * number


async def test_an_answer_that_makes_a_port_too_large_is_ignored(memory: Rig, caplog: pytest.LogCaptureFixture) -> None:
    async with memory.running():
        port = await memory.create(memory.Port, profile={"x": "x" * 900_000})
        binding_id = uuid.uuid4().hex
        await memory.bind(port["id"], binding_id=binding_id)
        await memory.answer(port["id"], binding_id=binding_id, vif_details={"x": "x" * 900_000})
        await until(lambda: "cannot be stored and is ignored" in caplog.text)
        await memory.answer(port["id"], binding_id=binding_id)
        await until(lambda: is_bound(memory, port["id"]))


async def test_an_answer_to_another_binding_is_never_taken(rig: Rig) -> None:
    async with rig.running() as sync:
        port = await rig.create(rig.Port)
        first = await bound(rig, port["id"])
        binding_id = uuid.uuid4().hex
        with sync.waits.expect(rig.Port, port["id"], binding_id) as wait:
            await rig.bind(port["id"], host="compute-2", binding_id=binding_id)
            await rig.answer(port["id"], binding_id=first["binding_id"], vif_type="stale")
            assert await wait.outcome(0.2) is None
            await rig.answer(port["id"], binding_id=binding_id, vif_type="fresh")
            record = await wait.outcome(LIMIT)
        assert record is not None
        assert record["vif_type"] == "fresh"


async def test_answers_that_came_while_no_one_ran_are_stored(rig: Rig) -> None:
    async with rig.running():
        ports = [await rig.create(rig.Port) for _ in range(5)]
        for port in ports:
            await rig.bind(port["id"])
        await until(rig.equal)
    for port in ports:
        await rig.answer(port["id"])
        await rig.kv.put(f"{rig.answer_key(port['id'])}/c1", b'{"state": "ready"}')
    async with rig.running():
        for port in ports:
            await until(lambda id=port["id"]: is_bound(rig, id))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[]",
        b"3",
        b'{"vif_type": 3}',
        b'{"vif_type": "ovs", "binding_id": 7}',
        b"{}",
        b'{"vif_type": ""}',
    ],
)
async def test_what_is_no_answer_changes_nothing(memory: Rig, value: bytes) -> None:
    async with memory.running():
        port = await memory.create(memory.Port)
        await bound(memory, port["id"])
        await memory.kv.put(memory.answer_key(port["id"]), value)
        other = await memory.create(memory.Port)
        await bound(memory, other["id"])
        await memory.answer(other["id"])
        await until(lambda: is_bound(memory, other["id"]))
        assert await state(memory, port["id"]) == "BINDING"
        await memory.answer(port["id"])
        await until(lambda: is_bound(memory, port["id"]))


async def test_keys_that_are_no_ports_answer_are_passed_over(memory: Rig) -> None:
    async with memory.running():
        await until(memory.complete)
        for key in (
            "/controller/other/Port/1",
            f"/controller/{memory.proton.name}/Net/1",
            "/controller/",
            "/controller/a/b/c/d/e",
        ):
            await memory.kv.put(key, json.dumps({"vif_type": "ovs"}).encode())
        await memory.kv.put(memory.answer_key("no-such-port"), b'{"vif_type": "ovs", "binding_id": "x"}')
        port = await memory.create(memory.Port)
        await bound(memory, port["id"])
        await memory.answer(port["id"])
        await until(lambda: is_bound(memory, port["id"]))


async def test_a_removed_answer_changes_nothing(memory: Rig) -> None:
    async with memory.running():
        port = await memory.create(memory.Port)
        await bound(memory, port["id"])
        await memory.answer(port["id"])
        await until(lambda: is_bound(memory, port["id"]))
        await memory.kv.delete(memory.answer_key(port["id"]))
        other = await memory.create(memory.Port)
        await bound(memory, other["id"])
        await memory.answer(other["id"])
        await until(lambda: is_bound(memory, other["id"]))
        assert await is_bound(memory, port["id"])


async def test_an_overtaken_wait_ends_at_once_with_a_conflict(memory: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gluon.sync.answers._LOOK", 4 * LIMIT)  # so that no look at all rows ends it
    async with memory.running() as sync:
        port = await memory.create(memory.Port)
        with sync.waits.expect(memory.Port, port["id"], "first") as first:
            await memory.bind(port["id"], binding_id="first")
            waiting = asyncio.create_task(first.outcome(LIMIT))
            await asyncio.sleep(0)
            with sync.waits.expect(memory.Port, port["id"], "second") as second:
                await memory.bind(port["id"], host="compute-2", binding_id="second")
                assert await second.outcome(0.2) is None
                with pytest.raises(Conflict):
                    await waiting


async def test_a_wait_whose_port_is_deleted_or_unbound_ends_with_a_conflict(memory: Rig) -> None:
    async with memory.running() as sync:
        deleted, unbound = await memory.create(memory.Port), await memory.create(memory.Port)
        with sync.waits.expect(memory.Port, deleted["id"], "a") as one, sync.waits.expect(memory.Port, unbound["id"], "b") as two:
            await memory.bind(deleted["id"], binding_id="a")
            await memory.bind(unbound["id"], binding_id="b")
            waiting = [asyncio.create_task(wait.outcome(LIMIT)) for wait in (one, two)]
            await asyncio.sleep(0)
            await memory.delete(memory.Port, deleted["id"])
            await memory.update(memory.Port, unbound["id"], host_id=None)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Conflict, Conflict]


async def test_an_answer_stored_by_another_server_ends_the_wait(rig: Rig) -> None:
    async with rig.running() as one:
        await until(lambda: one.report().leader)
        async with rig.running(kv=await rig.beside()) as two:
            port = await rig.create(rig.Port)
            binding_id = uuid.uuid4().hex
            with one.waits.expect(rig.Port, port["id"], binding_id) as first:
                with two.waits.expect(rig.Port, port["id"], binding_id) as second:
                    await rig.bind(port["id"], binding_id=binding_id)
                    await rig.answer(port["id"], binding_id=binding_id)
                    records = await asyncio.gather(first.outcome(LIMIT), second.outcome(LIMIT))
    assert [record["binding_state"] for record in records if record] == ["BOUND", "BOUND"]


async def test_many_requests_may_wait_for_one_binding(memory: Rig) -> None:
    async with memory.running() as sync:
        port = await memory.create(memory.Port)
        with sync.waits.expect(memory.Port, port["id"], "b") as one, sync.waits.expect(memory.Port, port["id"], "b") as two:
            await memory.bind(port["id"], binding_id="b")
            await memory.answer(port["id"], binding_id="b")
            records = await asyncio.gather(one.outcome(LIMIT), two.outcome(LIMIT))
        assert [record["binding_state"] for record in records if record] == ["BOUND", "BOUND"]


async def test_two_thousand_waits_are_answered(memory: Rig) -> None:
    async with memory.running() as sync:
        ports = await asyncio.gather(*(memory.create(memory.Port) for _ in range(2000)))

        async def bind(id: str) -> Record | None:
            with sync.waits.expect(memory.Port, id, f"b-{id}") as wait:
                await memory.bind(id, binding_id=f"b-{id}")
                return await wait.outcome(60)

        waiting = [asyncio.create_task(bind(port["id"])) for port in ports]
        await until(lambda: len(sync.waits) == 2000)
        await until(memory.equal, 60)
        for port in ports:
            await memory.answer(port["id"], binding_id=f"b-{port['id']}")
        records = await asyncio.gather(*waiting)
        assert {record["binding_state"] for record in records if record} == {"BOUND"}
        assert len(sync.waits) == 0


async def test_waits_outlive_a_compacted_watch(memory: Rig) -> None:
    async with memory.running() as sync:
        port = await memory.create(memory.Port)
        with sync.waits.expect(memory.Port, port["id"], "b") as wait:
            await memory.bind(port["id"], binding_id="b")
            await until(memory.equal)
            memory.kv.unavailable = True
            other = await memory.beside()
            await other.put(memory.answer_key(port["id"]), b'{"vif_type": "ovs", "binding_id": "b"}')
            for _ in range(10):
                await other.put("/elsewhere", b"")
            other.compact(await other.revision())
            memory.kv.unavailable = False
            record = await wait.outcome(LIMIT)
        assert record is not None
        assert record["binding_state"] == "BOUND"


async def test_a_cancelled_request_leaves_nothing_behind(memory: Rig) -> None:
    async with memory.running() as sync:
        port = await memory.create(memory.Port)

        async def request() -> None:
            with sync.waits.expect(memory.Port, port["id"], "b") as wait:
                await memory.bind(port["id"], binding_id="b")
                await wait.outcome(LIMIT)

        task = asyncio.create_task(request())
        await until(lambda: len(sync.waits) == 1)
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert len(sync.waits) == 0
        await memory.answer(port["id"], binding_id="b")
        await until(lambda: is_bound(memory, port["id"]))
