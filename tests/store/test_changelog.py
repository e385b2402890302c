# SPDX-License-Identifier: Apache-2.0
"""The relay's side: take, settle, marks, keys set aside."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import uuid

from gluon.store.contract import Backlog, Reads, Store, SyncMark
from gluon.store.opening import open_store

from .conftest import Desk
from .models import network

MARK = SyncMark("epoch", 7)


async def test_one_change_for_each_key_in_the_order_of_the_last(desk: Desk) -> None:
    for value in ("a", "b", "c"):
        await desk.make("Mark", value=value, group="both")
    await desk.change("Mark", "a", order=1)
    await desk.drop("Mark", "b")
    batch = await desk.store.log.take("net-test", 100)
    assert batch.proton == "net-test"
    assert len(batch.rows) == 5
    assert [(c.id, c.record and c.record["revision"]) for c in batch.changes] == [("c", 1), ("a", 2), ("b", None)]
    assert batch.changes[1].record == await desk.get("Mark", "a")


async def test_taking_removes_nothing_and_settling_what_was_taken(desk: Desk) -> None:
    await desk.make("Mark", value="a", group="both")
    batch = await desk.store.log.take("net-test", 100)
    assert await desk.store.log.take("net-test", 100) == batch
    await desk.change("Mark", "a", order=1)
    await desk.store.log.settle(batch, MARK)
    left = await desk.store.log.take("net-test", 100)
    assert [c.id for c in left.changes] == ["a"]
    assert len(left.rows) == 1
    await desk.store.log.settle(left, SyncMark("epoch", 8))
    await desk.make("Mark", value="b", group="both")
    await desk.store.log.settle(left, SyncMark("epoch", 8))
    assert (await desk.store.log.backlog()).rows == 1
    assert await desk.store.log.mark("net-test") == SyncMark("epoch", 8)


async def test_a_relay_that_was_deposed_settles_nothing(desk: Desk) -> None:
    log = desk.store.log
    await desk.make("Mark", value="a", group="both")
    slow = await log.take("net-test", 100)
    await desk.change("Mark", "a", order=1)
    newer = await log.take("net-test", 100)
    await log.set_aside(newer.changes[0], "too much")
    await log.settle(dataclasses.replace(newer, changes=()), SyncMark("epoch", 9))
    await log.settle(slow, SyncMark("epoch", 8))
    assert await log.mark("net-test") == SyncMark("epoch", 9)
    assert [key.id for key in await log.stuck()] == ["a"]


async def test_a_limit(desk: Desk) -> None:
    for value in "abcde":
        await desk.make("Mark", value=value, group="both")
    batch = await desk.store.log.take("net-test", 2)
    assert [c.id for c in batch.changes] == ["a", "b"]
    await desk.store.log.settle(batch, MARK)
    assert [c.id for c in (await desk.store.log.take("net-test", 2)).changes] == ["c", "d"]


async def test_marks(store: Store) -> None:
    assert await store.log.mark("net-test") is None
    await store.log.set_mark("net-test", MARK)
    await store.log.set_mark("net-test", SyncMark("other", 1))
    assert await store.log.mark("net-test") == SyncMark("other", 1)
    assert await store.log.mark("another") is None


async def test_the_database_has_an_id(store: Store) -> None:
    id = await store.log.database_id()
    assert uuid.UUID(id)
    assert await store.log.database_id() == id


async def test_backlog_and_pending(desk: Desk) -> None:
    assert await desk.store.log.backlog() == Backlog(0, 0.0)
    for value in ("a", "b"):
        await desk.make("Mark", value=value, group="both")
    backlog = await desk.store.log.backlog()
    assert backlog.rows == 2
    assert 0 <= backlog.age < 60
    mark = desk.proton.by_name["Mark"]
    assert await desk.store.log.pending(mark, ["a", "x"]) == {"a"}
    assert await desk.store.log.pending(desk.proton.by_name["Peer"], ["a"]) == set()
    assert await desk.store.log.pending(mark, []) == set()
    many = [f"x{n}" for n in range(250)]
    assert await desk.store.log.pending(mark, ["a", *many, "b"]) == {"a", "b"}


async def test_long_reads_do_not_hold_up_the_relay(desk: Desk, connection: str) -> None:
    """The API's reads and the relay's do not wait for one another."""
    taken = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    going_on, done = threading.Event(), asyncio.Event()

    async def long(reads: Reads) -> None:
        loop.call_soon_threadsafe(taken.release)
        if connection.startswith("sqlite"):
            assert going_on.wait(60)
        else:
            await done.wait()

    await desk.make("Mark", value="a", group="both")
    most = 1 if connection.startswith("sqlite") else 10
    reading = [asyncio.ensure_future(desk.store.read(long)) for _ in range(most)]
    for _ in range(most):
        await taken.acquire()
    async with asyncio.timeout(30):
        batch = await desk.store.log.take(desk.proton.name, 10)
    assert len(batch.changes) == 1
    going_on.set()
    done.set()
    await asyncio.gather(*reading)


async def test_keys_set_aside(desk: Desk) -> None:
    log = desk.store.log
    for value in ("a", "b"):
        await desk.make("Mark", value=value, group="both")
    batch = await log.take("net-test", 100)
    await log.set_aside(batch.changes[0], "too large")
    await log.settle(dataclasses.replace(batch, changes=batch.changes[1:]), MARK)
    (stuck,) = await log.stuck()
    assert (stuck.proton, stuck.object, stuck.id, stuck.reason) == ("net-test", "Mark", "a", "too large")
    await desk.change("Mark", "a", order=1)
    again = await log.take("net-test", 100)
    await log.set_aside(again.changes[0], "still too large")
    assert [s.reason for s in await log.stuck()] == ["still too large"]
    await log.settle(again, MARK)
    assert await log.stuck() == []


async def test_trying_again_what_was_set_aside(desk: Desk) -> None:
    log = desk.store.log
    await desk.make("Mark", value="a", group="both")
    batch = await log.take("net-test", 100)
    await log.set_aside(batch.changes[0], "no")
    await log.settle(dataclasses.replace(batch, changes=()), MARK)
    assert (await log.backlog()).rows == 0
    assert await log.retry_stuck() == 1
    assert await log.stuck() == []
    assert [c.id for c in (await log.take("net-test", 100)).changes] == ["a"]
    assert await log.retry_stuck() == 0


async def test_trying_again_some_of_what_was_set_aside(desk: Desk) -> None:
    log = desk.store.log
    for value in ("a", "b"):
        await desk.make("Mark", value=value, group="both")
    batch = await log.take("net-test", 100)
    for change in batch.changes:
        await log.set_aside(change, "no")
    await log.settle(dataclasses.replace(batch, changes=()), MARK)
    first, second = await log.stuck()
    assert await log.retry_stuck([first]) == 1
    assert await log.retry_stuck([first]) == 0
    assert await log.stuck() == [second]
    assert [c.id for c in (await log.take("net-test", 100)).changes] == ["a"]


async def test_what_a_database_holds_of_a_proton_that_the_store_lacks_waits(desk: Desk, connection: str) -> None:
    for value in ("a", "b"):
        await desk.make("Mark", value=value, group="both")
    batch = await desk.store.log.take("net-test", 1)
    await desk.store.log.set_aside(batch.changes[0], "no")
    await desk.store.log.settle(dataclasses.replace(batch, changes=()), MARK)
    unlike = network(name="other")
    other = await open_store(connection, [unlike])
    try:
        assert await other.log.backlog() == Backlog(0, 0.0)
        assert await other.log.stuck() == []
        assert await other.log.retry_stuck() == 0
        await Desk(other, unlike).make("Mark", value="c", group="both")
        assert (await other.log.backlog()).rows == 1
    finally:
        await other.close()
    assert (await desk.store.log.backlog()).rows == 1
    assert [key.id for key in await desk.store.log.stuck()] == ["a"]
    assert await desk.store.log.retry_stuck() == 1
    assert [c.id for c in (await desk.store.log.take("net-test", 100)).changes] == ["b", "a"]


async def test_one_call_for_each_commit_that_logged(desk: Desk) -> None:
    calls = []
    desk.store.log.on_change(lambda protons: calls.append((1, *protons)))
    desk.store.log.on_change(lambda protons: calls.append((2, *protons)))
    await desk.make("Harbour")
    both = [(1, "net-test"), (2, "net-test")]
    assert calls == both
    record = await desk.new("Mark", value="a", group="both")
    await desk.change("Mark", "a", order=record["order"])
    assert calls == both * 2
