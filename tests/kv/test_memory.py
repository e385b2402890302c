# SPDX-License-Identifier: Apache-2.0
"""The faults that the twin in memory can be given."""

import asyncio

import pytest

from gluon.kv.contract import Compacted, KvUnavailable
from gluon.kv.memory import MemoryKv

from .conftest import LIMIT
from .test_watch import next_events


async def test_a_connection_that_is_cut_off():
    kv = MemoryKv()
    other = kv.beside()
    watch = kv.watch("/a")
    await anext(watch)
    kv.unavailable = True
    for attempt in (kv.get("/a"), kv.put("/a", b""), kv.page("/a"), kv.revision(), kv.lease(1)):
        with pytest.raises(KvUnavailable):
            await attempt
    await other.put("/a", b"unseen yet")
    waiting = asyncio.create_task(next_events(watch))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    kv.unavailable = False
    assert (await waiting).events[0].kv.value == b"unseen yet"
    await watch.aclose()


async def test_a_watch_that_was_cut_off_for_too_long():
    kv = MemoryKv()
    other = kv.beside()
    watch = kv.watch("/a")
    await anext(watch)
    kv.unavailable = True
    for _ in range(3):
        revision = await other.put("/a", b"")
    other.compact(revision)
    kv.unavailable = False
    with pytest.raises(Compacted):
        await anext(watch)


async def test_a_lease_runs_out_on_a_connection_that_is_cut_off():
    kv = MemoryKv()
    other = kv.beside()
    lease = await kv.lease(0.1)
    await kv.put("/a", b"", lease=lease.id)
    kv.unavailable = True
    await asyncio.wait_for(lease.lost(), LIMIT)
    assert not lease.alive
    assert await other.get("/a") is None
    kv.unavailable = False
    assert not lease.alive


async def test_a_write_whose_answer_is_lost():
    kv = MemoryKv()
    kv.unanswered = 1
    with pytest.raises(KvUnavailable):
        await kv.put("/a", b"done all the same")
    assert (await kv.get("/a")).value == b"done all the same"
    await kv.put("/a", b"answered")


async def test_a_cluster_that_was_lost():
    kv = MemoryKv()
    lease = await kv.lease(0.1)
    await kv.put("/a", b"", lease=lease.id)
    watch = kv.watch("/a")
    await anext(watch)
    kv.wipe()
    assert await kv.revision() == 1
    assert await kv.get("/a") is None
    with pytest.raises(Compacted):
        await anext(watch)
    await asyncio.wait_for(lease.lost(), LIMIT)


async def test_a_cut_between_two_batches_loses_neither():
    kv = MemoryKv()
    other = kv.beside()
    first = await kv.put("/a", b"1")
    await kv.put("/a", b"2")
    watch = kv.watch("/a", start=first)
    seen = [(await next_events(watch)).events[0].kv.value]
    kv.unavailable = True
    waiting = asyncio.create_task(next_events(watch))
    await asyncio.sleep(0)
    await other.put("/a", b"3")
    kv.unavailable = False
    seen += [(await waiting).events[0].kv.value, (await next_events(watch)).events[0].kv.value]
    assert seen == [b"1", b"2", b"3"]
    await watch.aclose()
