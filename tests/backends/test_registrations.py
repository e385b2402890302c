# SPDX-License-Identifier: Apache-2.0
"""The list of all ports in memory: it follows etcd through whatever befalls that, and forgets only what is certainly gone."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gluon.backends.registrations import Registration, Registrations
from gluon.kv.contract import KeyValue, Kv, Page, WatchBatch
from gluon.kv.etcd import connect
from gluon.kv.memory import MemoryKv
from gluon.particle import keys
from gluon.settings import Etcd


@pytest.fixture(params=["memory", "etcd"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where the cluster is; None for the one in memory."""
    return None if request.param == "memory" else request.getfixturevalue("etcd_endpoint")


@pytest.fixture
async def kv(endpoint: str | None) -> AsyncIterator[Kv]:
    opened: Kv = MemoryKv()
    if endpoint is not None:
        opened = await connect(Etcd(endpoints=(endpoint,)))
        for prefix in (keys.PORTS, keys.SYNCS):
            await opened.delete(prefix, prefix=True)
    yield opened
    await opened.close()


@asynccontextmanager
async def following(kv: Kv, *told: list[Any]) -> AsyncIterator[Registrations]:
    registrations = Registrations(kv, lambda id, before, now, revision: [log.append((id, before, now)) for log in told])
    task = asyncio.create_task(registrations.run())
    try:
        await until(lambda: registrations.loaded)
        yield registrations
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.005)


async def register(kv: Kv, id: str, service: str = "blue", **more: Any) -> None:
    await kv.put(keys.port(id), json.dumps({"service": service, "tenant_id": "t", "url": "http://p", **more}).encode())


async def say(kv: Kv, state: str, epoch: str = "1", service: str = "blue", batch: int = 1) -> None:
    await kv.put(keys.sync(service), json.dumps({"database": "d", "epoch": epoch, "batch": batch, "state": state}).encode())


async def test_ports_come_change_and_go(kv: Kv) -> None:
    told: list[Any] = []
    await say(kv, "complete")
    await register(kv, "a/1")
    async with following(kv, told) as registrations:
        first = Registration("blue", "t", "http://p")
        assert registrations.ports == {"a/1": first} and registrations.find("b") is None
        await register(kv, "b", "green", binding_id="x")
        await until(lambda: registrations.find("b") is not None)
        await register(kv, "a/1", binding_id="y")
        await until(lambda: registrations.find("a/1") != first)
        await kv.delete(keys.port("a/1"))
        await until(lambda: registrations.find("a/1") is None)
        second = Registration("blue", "t", "http://p", "y")
        other = Registration("green", "t", "http://p", "x")
        assert told == [("a/1", None, first), ("b", None, other), ("a/1", first, second), ("a/1", second, None)]
        assert registrations.trouble == ""


async def test_what_cannot_be_read_changes_nothing(kv: Kv) -> None:
    await register(kv, "a")
    await kv.put(keys.port("b"), b"[]")
    async with following(kv) as registrations:
        await kv.put(keys.port("a"), b"{")
        await register(kv, "c")
        await until(lambda: registrations.find("c") is not None)
        assert set(registrations.ports) == {"a", "c"}


async def test_while_etcd_is_filled_again_nothing_is_taken_for_gone(kv: Kv) -> None:
    """A wiped etcd holds no port and no word of the relay's; then comes its repair, in another epoch."""
    await say(kv, "complete")
    for id in ("a", "b"):
        await register(kv, id)
    await register(kv, "z", "yellow")  # of a Proton of which no relay ever spoke
    async with following(kv) as registrations:
        for prefix in (keys.SYNCS, keys.PORTS):
            await kv.delete(prefix, prefix=True)
        await until(lambda: registrations.find("z") is None)
        await say(kv, "repairing", "2")
        await register(kv, "a")
        await register(kv, "c")
        await until(lambda: registrations.find("c") is not None)
        assert set(registrations.ports) == {"a", "b", "c"}
        await say(kv, "complete", "2")
        await until(lambda: registrations.find("b") is None)
        assert set(registrations.ports) == {"a", "c"}


class Slow(MemoryKv):
    """Tells of the ports at once, and never of the relays."""

    async def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        async for batch in super().watch(prefix, start=start):
            if prefix == keys.SYNCS:
                await asyncio.Event().wait()
            yield batch


async def test_a_port_that_goes_before_the_word_of_the_relay_does_is_not_taken_for_gone() -> None:
    kv = Slow()
    await say(kv, "complete")
    await register(kv, "a")
    async with following(kv) as registrations:
        for prefix in (keys.SYNCS, keys.PORTS):
            await kv.delete(prefix, prefix=True)
        await register(kv, "b")
        await until(lambda: registrations.find("b") is not None)
        assert registrations.find("a") is not None


async def test_another_cluster_takes_the_place_of_this_one() -> None:
    kv = MemoryKv()
    await say(kv, "complete")
    for id in ("a", "b"):
        await register(kv, id)
    async with following(kv) as registrations:
        kv.wipe()
        await say(kv, "repairing", "2")
        await register(kv, "b")
        await register(kv, "c")
        await until(lambda: registrations.find("c") is not None)
        assert set(registrations.ports) == {"a", "b", "c"}
        await say(kv, "complete", "2")
        await until(lambda: registrations.find("a") is None)
        assert set(registrations.ports) == {"b", "c"}


async def test_a_state_that_is_over_takes_no_port_away() -> None:
    """etcd is put back to a backup, which says that it is complete; so it was, before the port came."""
    kv = MemoryKv()
    near = kv.beside()
    await say(kv, "complete")
    async with following(near) as registrations:
        await say(kv, "complete", batch=2)
        await register(kv, "new")
        await until(lambda: registrations.find("new") is not None)
        near.unavailable = True
        kv.wipe()
        await say(kv, "complete")
        await register(kv, "other", "green")
        near.unavailable = False
        await until(lambda: registrations.find("other") is not None)
        assert registrations.find("new") is not None
        await say(kv, "complete", "2")
        await until(lambda: registrations.find("new") is None)


class Deaf(MemoryKv):
    """Its watches show nothing that happens, only that etcd lives: what they go on from is a revision of another time."""

    async def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        while True:
            yield WatchBatch((), start - 1)
            await asyncio.sleep(0.005)


async def test_an_etcd_that_has_come_further_since_it_was_restored_is_loaded_again() -> None:
    kv = Deaf()
    await say(kv, "complete")
    async with following(kv) as registrations:
        outdated = registrations.outdated
        await register(kv, "meanwhile")
        await say(kv, "complete", "2")
        await until(lambda: registrations.find("meanwhile") is not None)
        assert outdated.is_set() and not registrations.outdated.is_set()


async def test_a_port_that_has_just_come_can_be_looked_for() -> None:
    kv = Deaf()
    await say(kv, "complete")
    async with following(kv) as registrations:
        await register(kv, "new")
        assert registrations.find("new") is None
        assert not await registrations.look("another") and registrations.ports == {}
        assert await registrations.look("new")
        assert registrations.find("new") == Registration("blue", "t", "http://p")


async def test_what_was_looked_for_may_have_gone_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    kv = MemoryKv()
    await say(kv, "complete")
    async with following(kv) as registrations:
        await register(kv, "a")
        await until(lambda: registrations.find("a") is not None)
        late = await kv.get(keys.port("a"))
        await kv.delete(keys.port("a"))
        await until(lambda: registrations.find("a") is None)

        async def get(key: str) -> KeyValue | None:
            return late if key == keys.port("a") else None

        monkeypatch.setattr(kv, "get", get)
        assert not await registrations.look("a") and registrations.find("a") is None


class Paged(MemoryKv):
    """Its pages of ports come when they are let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = asyncio.Event(), asyncio.Event()
        self.let.set()

    async def page(self, prefix: str, *, after: str | None = None, limit: int = 1000, revision: int = 0) -> Page:
        page = await super().page(prefix, after=after, limit=limit, revision=revision)
        if prefix == keys.PORTS:
            self.asked.set()
            await self.let.wait()
        return page


async def test_a_port_that_is_looked_for_while_the_list_is_loaded_again_is_newer_than_the_list() -> None:
    kv, told = Paged(), list[Any]()
    await say(kv, "complete")
    async with following(kv, told) as registrations:
        kv.asked.clear()
        kv.let.clear()
        await say(kv, "complete", "2")
        await kv.asked.wait()
        await register(kv, "new")
        assert await registrations.look("new")
        kv.let.set()
        await register(kv, "later")
        await until(lambda: registrations.find("later") is not None)
        assert [id for id, *_ in told] == ["new", "later"]


class Between(MemoryKv):
    """Something happens once, before the next revision is told."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def revision(self) -> int:
        happens, self.happens = self.happens, None
        if happens is not None:
            await happens()
        return await super().revision()


async def test_a_port_that_was_looked_for_and_went_before_the_list_was_read_is_gone() -> None:
    kv = Between()
    await say(kv, "complete")
    async with following(kv) as registrations:

        async def happens() -> None:
            await register(kv, "short")
            assert await registrations.look("short")
            await kv.delete(keys.port("short"))

        kv.happens = happens
        await say(kv, "complete", "2")
        await register(kv, "later")
        await until(lambda: registrations.find("later") is not None)
        assert registrations.find("short") is None


async def test_etcd_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gluon.backends.registrations._SILENCE", 0.1)
    kv = MemoryKv()
    cut_off = kv.beside()
    cut_off.unavailable = True
    registrations = Registrations(cut_off)
    task = asyncio.create_task(registrations.run())
    await until(lambda: registrations.trouble != "")
    assert not registrations.loaded
    await register(kv, "a")
    cut_off.unavailable = False
    await until(lambda: registrations.loaded)
    cut_off.unavailable = True
    await until(lambda: "silent" in registrations.trouble)
    assert registrations.find("a") is not None, "what is known stays known"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
