# SPDX-License-Identifier: Apache-2.0
"""The contract for leases, on memory and on etcd."""

import asyncio

import pytest

from gluon.kv.contract import LeaseLost, Put, Txn

from .conftest import LIMIT
from .test_watch import next_events


async def test_revoking_deletes_its_keys_in_one_revision(kv, prefix):
    lease = await kv.lease(LIMIT)
    ops = tuple(Put(prefix + name, b"", lease=lease.id) for name in "ab")
    await kv.txn(Txn((), (*ops, Put(prefix + "c", b""))))
    assert (await kv.get(prefix + "a")).lease == lease.id
    watch = kv.watch(prefix)
    await anext(watch)
    assert lease.alive
    await lease.revoke()
    assert not lease.alive
    assert [(event.type, event.kv.key[-1]) for event in (await next_events(watch)).events] == [("delete", "a"), ("delete", "b")]
    assert [kv.key[-1] for kv in (await kv.page(prefix)).items] == ["c"]
    await watch.aclose()


async def test_whoever_waits_for_the_loss_hears_of_a_revocation(kv):
    lease = await kv.lease(LIMIT)
    waiting = asyncio.create_task(lease.lost())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await lease.revoke()
    await asyncio.wait_for(waiting, LIMIT)
    await lease.revoke()


async def test_one_that_another_holder_left_behind_can_be_ended(rig, prefix):
    lease, short = await rig.kv.lease(LIMIT), await rig.kv.lease(rig.shortest_lease)
    await rig.kv.put(prefix, b"", lease=lease.id)
    for left in (lease, short):
        await rig.kv.revoke(left.id)
    assert await rig.kv.get(prefix) is None
    await asyncio.wait_for(short.lost(), LIMIT)
    await rig.kv.revoke(short.id)


async def test_it_is_kept_alive(rig, prefix):
    lease = await rig.kv.lease(rig.shortest_lease * 5)
    await rig.kv.put(prefix, b"", lease=lease.id)
    granted = lease._valid_until
    async with asyncio.timeout(LIMIT):
        while lease._valid_until == granted:
            await asyncio.sleep(0.01)
    assert lease.alive
    assert lease._valid_until > granted
    assert await rig.kv.get(prefix)
    await lease.revoke()


async def test_it_ends_with_its_holder(rig, prefix):
    holder = await rig.beside()
    watch = rig.kv.watch(prefix)
    await anext(watch)
    lease = await holder.lease(rig.shortest_lease)
    await holder.put(prefix, b"", lease=lease.id)
    await next_events(watch)
    await holder.close()
    (event,) = (await next_events(watch)).events
    assert (event.type, event.kv.key) == ("delete", prefix)
    await watch.aclose()


async def test_no_key_under_a_lease_that_is_gone(kv, prefix):
    lease = await kv.lease(LIMIT)
    await lease.revoke()
    with pytest.raises(LeaseLost):
        await kv.put(prefix, b"", lease=lease.id)
    assert await kv.get(prefix) is None


async def test_a_key_put_without_it_outlives_it(kv, prefix):
    lease = await kv.lease(LIMIT)
    await kv.put(prefix, b"", lease=lease.id)
    await kv.put(prefix, b"")
    await lease.revoke()
    assert (await kv.get(prefix)).lease == 0
