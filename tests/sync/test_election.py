# SPDX-License-Identifier: Apache-2.0
"""One relay at a time: takeover, the fence, and the bell of those who do not lead."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gluon.kv.contract import Put, Txn, TxnResult
from gluon.kv.election import Election, Term
from gluon.kv.memory import MemoryKv
from gluon.sync.position import Position
from gluon.sync.writer import Deposed, Disturbed, Writer

from .conftest import LIMIT, TTL, Rig, until

LEADER = "/gluon/leader/test-{}"


async def test_the_second_takes_over_at_once_where_the_first_resigns(rig: Rig) -> None:
    first = rig.sync(ttl=4 * LIMIT)
    task = asyncio.create_task(first.run())
    await until(lambda: first.report().leader)
    async with rig.running(kv=await rig.beside(), ttl=4 * LIMIT) as second:
        await rig.create(rig.Slot, number=1)
        await until(rig.equal)
        assert not second.report().leader
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: second.report().leader)
        await rig.create(rig.Slot, number=2)
        await until(rig.equal)
    assert await rig.kv.get(await rig.leader_key()) is None


async def test_a_server_that_does_not_lead_wakes_the_one_that_does(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two servers on one database: what the second commits, the first hears of through etcd alone. It does not look by itself.
    monkeypatch.setattr("gluon.sync.relay.LOOK", 4 * LIMIT)
    monkeypatch.setattr("gluon.kv.watching.SILENCE", 4 * LIMIT)  # each sign of life of an idle watch is a bell, too
    async with rig.running() as first:
        await until(lambda: first.report().leader)
        await until(rig.complete)
        async with rig.another() as other, other.running() as second:
            await until(lambda: second._doorbell)
            for number in range(10):
                await other.create(other.Slot, number=number)
                await until(lambda number=number: rig.kv.get(rig.key(rig.Slot, number)))
            assert not second.report().leader


async def test_who_yields_leads_only_where_nobody_else_does(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    key, yielded = LEADER.format(f"yields-{rig.proton.name}"), asyncio.Event()
    leaders: list[str] = []

    async def yields() -> bool:
        yielded.set()
        return True

    async def standing(who: str, yields: Callable[[], Awaitable[bool]] | None = None) -> asyncio.Task[None]:
        async def lead(term: Term) -> None:
            leaders.append(who)
            await term.over()

        return asyncio.create_task(Election(await rig.beside(), key, who, TTL, yields=yields).run(lead))

    modest = await standing("modest", yields)
    await until(yielded.is_set)
    bold = await standing("bold")
    await until(lambda: leaders)
    assert leaders == ["bold"], "while the other gives it time"
    modest.cancel()
    await asyncio.wait([modest])
    monkeypatch.setattr("gluon.kv.election._GRACE", 0)
    modest = await standing("modest", yields)
    bold.cancel()
    await asyncio.wait([bold])
    await until(lambda: leaders == ["bold", "modest"])
    modest.cancel()
    await asyncio.wait([modest])


async def test_a_leader_that_hangs_is_replaced_and_writes_nothing_after(memory: Rig) -> None:
    async with memory.running(ttl=0.3) as first:
        await until(lambda: first.report().leader)
        await until(memory.complete)
        memory.kv.unavailable = True
        kv = await memory.beside()
        async with memory.running(kv=kv, ttl=0.3) as second:
            await until(lambda: second.report().leader)
            await until(lambda: not first.report().leader)
            await memory.create(memory.Slot, number=1)
            await until(lambda: kv.get(memory.key(memory.Slot, 1)))
            memory.kv.unavailable = False
            await memory.create(memory.Slot, number=2)
            await until(memory.equal)
            await until(lambda: (first.report().leader, second.report().leader) == (False, True))


async def _elected(rig: Rig, key: str) -> tuple[asyncio.Task, Term]:
    terms: list[Term] = []

    async def lead(term: Term) -> None:
        terms.append(term)
        await term.over()

    task = asyncio.create_task(Election(await rig.beside(), key, "test", TTL).run(lead))
    await until(lambda: terms)
    return task, terms[0]


async def test_the_deposed_write_nothing(rig: Rig) -> None:
    key = LEADER.format(rig.proton.name)
    task, old = await _elected(rig, key)
    writer = Writer(rig.kv, old, rig.proton.name)
    await writer.open()
    here = Position("db", "e", 1, "complete")
    await writer.write(here, (Put(rig.key(rig.Slot, 1), b"{}"),))
    # Another is elected without the old one knowing.
    await rig.kv.delete(key)
    other, new = await _elected(rig, key)
    with pytest.raises(Deposed):
        await writer.write(here, (Put(rig.key(rig.Slot, 2), b"{}"),))
    assert not old.alive
    assert new.alive
    assert await rig.kv.get(rig.key(rig.Slot, 2)) is None
    for running in (task, other):
        running.cancel()
    await asyncio.wait([task, other])


async def test_a_changed_sync_key_stops_the_writer(rig: Rig) -> None:
    task, term = await _elected(rig, LEADER.format(rig.proton.name))
    writer = Writer(rig.kv, term, rig.proton.name)
    await writer.open()
    here = Position("db", "e", 1, "complete")
    await writer.write(here)
    await writer.look()
    await rig.kv.put(rig.sync_key, Position("other", "e", 1, "complete").encode())
    with pytest.raises(Disturbed):
        await writer.look()
    with pytest.raises(Disturbed):
        await writer.write(here, (Put(rig.key(rig.Slot, 1), b"{}"),))
    assert await rig.kv.get(rig.key(rig.Slot, 1)) is None
    task.cancel()
    await asyncio.wait([task])


async def test_an_attempt_that_took_effect_after_all_is_built_upon(rig: Rig) -> None:
    task, term = await _elected(rig, LEADER.format(rig.proton.name))
    writer = Writer(rig.kv, term, rig.proton.name)
    await writer.open()
    await writer.write(Position("db", "e", 1, "complete"))
    there = Position("db", "e", 2, "complete")
    await rig.kv.put(rig.sync_key, there.encode())
    await writer.write(there, (Put(rig.key(rig.Slot, 1), b"{}"),))
    await writer.look()
    assert await rig.kv.get(rig.key(rig.Slot, 1)) is not None
    task.cancel()
    await asyncio.wait([task])


async def test_a_leader_whose_key_vanished_stands_again(rig: Rig) -> None:
    async with rig.running() as sync:
        await until(lambda: sync.report().leader)
        await until(rig.complete)
        await rig.kv.delete(await rig.leader_key())
        await rig.create(rig.Slot, number=1)
        await until(rig.equal)
        await until(lambda: sync.report().leader)


async def test_an_election_whose_answer_was_lost_is_won_all_the_same(memory: Rig) -> None:
    memory.kv.unanswered = 1  # the lease is granted to no one's knowledge
    async with memory.running(ttl=0.3) as sync:
        await until(lambda: sync.report().leader)
    assert await (await memory.beside()).get(await memory.leader_key()) is None


class Repeating(MemoryKv):
    """A connection that loses the answer to some transactions and, as it may, repeats them on another member."""

    lost = 0

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult:
        if idempotent and self.lost:
            self.lost -= 1
            await super().txn(txn)
        return await super().txn(txn)


async def test_transactions_that_took_effect_and_are_repeated_do_no_harm(memory: Rig) -> None:
    kv = Repeating()
    rig = Rig(kv, memory.beside, memory.store, memory.proton, memory.path)
    kv.lost = 1  # the election's
    async with rig.running(ttl=4 * LIMIT) as sync:
        await until(lambda: sync.report().leader)
        await until(rig.complete)
        before = await rig.value(rig.sync_key)
        for number in range(10):
            kv.lost = 1
            await rig.create(rig.Slot, number=number)
            await until(rig.equal)
        assert await rig.value(rig.sync_key) == {**before, "batch": before["batch"] + 10}
    await kv.close()


async def test_without_etcd_nothing_else_fails_and_nothing_is_lost(memory: Rig) -> None:
    memory.kv.unavailable = True
    async with memory.running() as sync:
        await memory.create(memory.Slot, number=1)
        await until(lambda: sync.report().etcd_error)
        assert not sync.report().leader
        memory.kv.unavailable = False
        await until(memory.equal)
        await until(lambda: sync.report().etcd_error is None)
