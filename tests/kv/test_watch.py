# SPDX-License-Identifier: Apache-2.0
"""The contract for watches, on memory and on etcd."""

import asyncio

import pytest

from gluon.kv.contract import Compacted, Delete, KvUnavailable, Put, Txn

from .conftest import LIMIT


async def next_events(watch, timeout=LIMIT):
    """The next batch that has events."""
    async with asyncio.timeout(timeout):
        while not (batch := await anext(watch)).events:
            pass
    return batch


async def test_the_first_batch_says_that_the_watch_stands(kv, prefix):
    await kv.put(prefix, b"before")
    watch = kv.watch(prefix)
    first = await anext(watch)
    assert (first.events, first.revision) == ((), await kv.revision())
    await kv.put(prefix, b"after")
    assert [event.kv.value for event in (await next_events(watch)).events] == [b"after"]
    await watch.aclose()


async def test_events_are_keys_as_they_stood(kv, prefix):
    watch = kv.watch(prefix)
    await anext(watch)
    await kv.put(prefix, b"1")
    expected = await kv.get(prefix)
    await kv.delete(prefix)
    put, delete = await next_events(watch), await next_events(watch)
    assert [(event.type, event.kv) for event in put.events] == [("put", expected)]
    (gone,) = delete.events
    assert (gone.type, gone.kv.key, gone.kv.value, gone.kv.create_revision) == ("delete", prefix, b"", 0)
    assert gone.kv.mod_revision == delete.revision == put.revision + 1
    await watch.aclose()


async def test_only_keys_with_the_prefix(kv, prefix):
    watch = kv.watch(prefix + "a/")
    await anext(watch)
    for name in ("a", "a0", "b", "a/1"):
        await kv.put(prefix + name, b"")
    assert [event.kv.key for event in (await next_events(watch)).events] == [prefix + "a/1"]
    await watch.aclose()


async def test_a_revision_comes_whole(kv, prefix):
    await kv.put(prefix + "old", b"")
    watch = kv.watch(prefix)
    await anext(watch)
    ops = (*(Put(f"{prefix}{number}", bytes(1000)) for number in range(100)), Delete(prefix + "old"))
    revision = (await kv.txn(Txn((), ops))).revision
    batch = await next_events(watch)
    assert len(batch.events) == 101
    assert batch.revision == revision
    await watch.aclose()


async def test_snapshot_then_watch_leaves_no_gap(kv, prefix):
    await kv.put(prefix + "a", b"")
    snapshot = await kv.page(prefix)
    await kv.put(prefix + "b", b"")
    await kv.delete(prefix + "a")
    watch = kv.watch(prefix, start=snapshot.revision + 1)
    assert (await anext(watch)).revision == snapshot.revision
    seen = []
    while len(seen) < 2:
        seen += [(event.type, event.kv.key[-1]) for event in (await next_events(watch)).events]
    assert seen == [("put", "b"), ("delete", "a")]
    await watch.aclose()


async def test_a_slow_consumer_misses_nothing(kv, prefix):
    watch = kv.watch(prefix)
    await anext(watch)
    for start in range(0, 2000, 100):
        await asyncio.gather(*(kv.put(f"{prefix}{number}", bytes(2000)) for number in range(start, start + 100)))
    seen, revision = [], 0
    while len(seen) < 2000:
        batch = await next_events(watch)
        assert batch.revision > revision
        revision = batch.revision
        seen += [event.kv.mod_revision for event in batch.events]
    assert seen == sorted(set(seen))
    await watch.aclose()


async def test_large_history_comes_in_whole_revisions(kv, prefix):
    """More than etcd sends at once: it arrives in fragments, which may end within a revision."""
    first = 0
    for _ in range(8):
        result = await kv.txn(Txn((), tuple(Put(f"{prefix}{number}", bytes(100_000)) for number in range(12))))
        first = first or result.revision
    watch = kv.watch(prefix, start=first)
    seen: dict[int, int] = {}
    while sum(seen.values()) < 8 * 12:
        batch = await next_events(watch)
        revisions = {event.kv.mod_revision for event in batch.events}
        assert not revisions & set(seen), "a revision came in two batches"
        assert max(revisions) <= batch.revision
        for event in batch.events:
            seen[event.kv.mod_revision] = seen.get(event.kv.mod_revision, 0) + 1
    assert set(seen.values()) == {12}
    await watch.aclose()
    await kv.delete(prefix, prefix=True)


async def test_history_that_is_gone(rig, prefix):
    kv = rig.kv
    old = await kv.put(prefix, b"1")
    await kv.put(prefix, b"2")
    left = await kv.put(prefix, b"3")
    await rig.compact(left)
    with pytest.raises(Compacted) as compacted:
        async for _ in kv.watch(prefix, start=old):
            pass
    assert compacted.value.revision == left
    watch = kv.watch(prefix, start=left)
    assert (await next_events(watch)).revision == left
    await watch.aclose()


async def test_compaction_does_not_disturb_a_watch_that_keeps_up(rig, prefix):
    watch = rig.kv.watch(prefix)
    await anext(watch)
    for _ in range(5):
        revision = await rig.kv.put(prefix, b"")
        assert (await next_events(watch)).revision == revision
        await rig.compact(revision)
    await watch.aclose()


async def test_a_revision_that_this_cluster_never_had(kv, prefix):
    with pytest.raises(Compacted):
        async with asyncio.timeout(LIMIT):
            async for _ in kv.watch(prefix, start=await kv.revision() + 1000):
                pass


async def test_a_waiting_watch_can_be_cancelled(kv, prefix):
    async def follow():
        async for _ in kv.watch(prefix):
            standing.set()

    standing = asyncio.Event()
    task = asyncio.create_task(follow())
    await standing.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await kv.put(prefix, b"still works")


async def test_many_watches(kv, prefix):
    watches = [kv.watch(prefix) for _ in range(20)]
    await asyncio.gather(*(anext(watch) for watch in watches))
    await kv.put(prefix, b"")
    for batch in await asyncio.gather(*(next_events(watch) for watch in watches)):
        assert len(batch.events) == 1
    for watch in watches:
        await watch.aclose()


async def test_closing_the_connection_ends_its_watches(rig, prefix):
    kv = await rig.beside()
    watch = kv.watch(prefix)
    await anext(watch)
    waiting = asyncio.create_task(next_events(watch))
    await asyncio.sleep(0.05)
    await kv.close()
    with pytest.raises(KvUnavailable):
        await waiting
