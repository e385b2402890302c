# SPDX-License-Identifier: Apache-2.0
"""What a client of etcd makes of members that refuse, hang, restart or lose their data."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import uvloop

from gluon.kv import members
from gluon.kv.cluster import EtcdCluster
from gluon.kv.contract import Compacted, Compare, Kv, KvUnavailable, Put, Txn
from gluon.kv.etcd import connect
from gluon.kv.process import EtcdProcess
from gluon.settings import Etcd

from .administration import compact
from .conftest import LIMIT
from .test_watch import next_events

_REFUSING = "http://127.0.0.1:1"


@contextmanager
def silent_member() -> Iterator[str]:
    """The URL of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@asynccontextmanager
async def connected(*endpoints: str, timeout: float = LIMIT) -> AsyncIterator[Kv]:
    kv = await connect(Etcd(endpoints=endpoints, timeout=timeout))
    try:
        yield kv
    finally:
        await kv.close()


async def test_a_member_that_refuses_costs_nothing(etcd_endpoint, prefix, monkeypatch):
    monkeypatch.setattr(members, "TRY", 4 * LIMIT)
    async with connected(_REFUSING, etcd_endpoint, timeout=8 * LIMIT) as kv, asyncio.timeout(LIMIT):
        assert (await kv.txn(Txn((), (Put(prefix, b""),)))).succeeded, "nothing had been sent, so it may be sent elsewhere"


@pytest.mark.usefixtures("patient")
async def test_a_member_that_is_silent(etcd_endpoint, prefix):
    with silent_member() as silent:
        async with connected(silent, etcd_endpoint) as kv, asyncio.timeout(LIMIT):
            await kv.put(prefix, b"")
        async with connected(silent, etcd_endpoint) as kv, asyncio.timeout(LIMIT):
            assert (await kv.txn(Txn((), (Put(prefix, b""),)))).succeeded, "there was no connection to send it on"
        async with connected(silent, etcd_endpoint) as kv:
            watch = kv.watch(prefix)
            async with asyncio.timeout(LIMIT):
                await anext(watch)
            await kv.put(prefix, b"")
            assert len((await next_events(watch)).events) == 1
            await watch.aclose()


class _Traffic:
    """A client that puts all the time and another that watches; at which revisions."""

    def __init__(self, writer: Kv, watcher: Kv, prefix: str) -> None:
        self._writer, self._watcher, self._prefix = writer, watcher, prefix
        self.put: list[int] = []
        self.seen: list[int] = []

    async def __aenter__(self):
        self._watch = self._watcher.watch(self._prefix)
        await anext(self._watch)
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._follow())]
        return self

    async def __aexit__(self, *error):
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._watch.aclose()
        for outcome in outcomes:
            if not isinstance(outcome, asyncio.CancelledError):
                raise outcome

    async def _write(self):
        while True:
            self.put.append(await self._writer.put(f"{self._prefix}{len(self.put)}", b"x" * 100))
            await asyncio.sleep(0.002)

    async def _follow(self):
        async for batch in self._watch:
            self.seen += [event.kv.mod_revision for event in batch.events]

    async def until_seen(self, revision):
        """Until both have come that far."""
        async with asyncio.timeout(2 * LIMIT):
            while not (self.put and self.put[-1] >= revision and self.seen and self.seen[-1] >= revision):
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("fate", ["paused", "killed"])
async def test_a_lost_member_costs_no_event(tmp_path, prefix, fate, monkeypatch):
    patient = [
        ("grpc.keepalive_time_ms", 600_000) if name == "grpc.keepalive_time_ms" else (name, value)
        for name, value in members._OPTIONS
    ]
    monkeypatch.setattr(members, "_OPTIONS", tuple(patient))  # so that it is not gRPC that notices
    async with EtcdCluster(tmp_path) as cluster:
        async with connected(*cluster.endpoints) as writer, connected(*cluster.endpoints) as watcher:
            async with _Traffic(writer, watcher, prefix) as traffic:
                async with asyncio.timeout(LIMIT):
                    while not traffic.put:
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.3)
                victim = cluster.members[0]  # both clients talk to the first one
                if fate == "paused":
                    victim.pause()
                else:
                    await victim.kill()
                await traffic.until_seen(traffic.put[-1] + 200)
                if fate == "paused":
                    victim.resume()
                else:
                    await victim.start()
                goal = await writer.revision()
                await traffic.until_seen(goal + 50)
            assert traffic.seen == sorted(traffic.seen)
            last = min(traffic.seen[-1], traffic.put[-1])
            assert {at for at in traffic.put if at <= last} <= set(traffic.seen)


async def test_a_watch_goes_on_after_the_whole_cluster_restarted(tmp_path, prefix):
    async with EtcdCluster(tmp_path) as cluster:
        async with connected(*cluster.endpoints) as kv:
            watch = kv.watch(prefix)
            await anext(watch)
            await kv.put(prefix, b"1")
            assert (await next_events(watch)).events[0].kv.value == b"1"
            waiting = asyncio.create_task(next_events(watch, 4 * LIMIT))
            await cluster.kill()
            with pytest.raises(KvUnavailable):
                await connect_and_get(cluster.endpoints, prefix)
            await cluster.start()
            await kv.put(prefix, b"2")
            assert (await waiting).events[0].kv.value == b"2"
            await watch.aclose()


async def connect_and_get(endpoints: tuple[str, ...], key: str) -> None:
    async with connected(*endpoints, timeout=0.5) as kv:
        await kv.get(key)


@pytest.fixture
async def etcd(tmp_path) -> AsyncIterator[EtcdProcess]:
    """One etcd of this test's own, to be harmed."""
    async with EtcdProcess(tmp_path / "etcd") as process:
        yield process


async def test_what_was_compacted_while_a_watch_was_away(etcd, prefix):
    async with connected(etcd.endpoint) as kv, connected(etcd.endpoint) as other:
        watch = kv.watch(prefix)
        await anext(watch)
        await etcd.kill()
        await etcd.start()
        for _ in range(3):
            revision = await other.put(prefix, b"")
        await compact(etcd.endpoint, revision)
        with pytest.raises(Compacted) as compacted:
            async with asyncio.timeout(LIMIT):
                async for _ in watch:
                    pass
        assert compacted.value.revision == revision


async def test_another_cluster_at_the_same_address(etcd, tmp_path, prefix):
    async with connected(etcd.endpoint) as kv:
        for _ in range(10):
            await kv.put(prefix, b"")
        watch = kv.watch(prefix)
        await anext(watch)
        lease = await kv.lease(5)
        await etcd.kill()
        shutil.rmtree(tmp_path / "etcd" / "data")
        await etcd.start()
        with pytest.raises(Compacted):
            async with asyncio.timeout(LIMIT):
                async for _ in watch:
                    pass
        await asyncio.wait_for(lease.lost(), LIMIT)


async def test_a_transaction_is_not_sent_twice(etcd, prefix):
    async with connected(etcd.endpoint, timeout=4 * LIMIT) as kv:
        await kv.put(prefix, b"")
        etcd.pause()
        with pytest.raises(KvUnavailable):
            async with asyncio.timeout(LIMIT):
                await kv.txn(Txn((Compare(prefix, "version", ">", 0),), (Put(prefix, b""),)))
        etcd.resume()
        assert (await kv.get(prefix)).version <= 2


async def test_a_lease_is_given_up_before_etcd_gives_it_up(etcd, prefix):
    async with connected(etcd.endpoint) as kv, connected(etcd.endpoint) as other:
        lease = await kv.lease(2)
        await kv.put(prefix, b"", lease=lease.id)
        etcd.pause()
        await asyncio.wait_for(lease.lost(), LIMIT)
        assert not lease.alive
        etcd.resume()
        async with asyncio.timeout(LIMIT):
            while await other.get(prefix):
                assert not lease.alive
                await asyncio.sleep(0.05)


async def test_an_idle_watch_tells_that_it_is_there(etcd_endpoint, prefix):
    async with connected(etcd_endpoint) as kv:
        watch = kv.watch(prefix)
        first = await anext(watch)
        async with asyncio.timeout(LIMIT):
            sign = await anext(watch)
        assert sign.events == ()
        assert sign.revision == first.revision
        await watch.aclose()


def test_it_runs_under_uvloop(etcd_endpoint, prefix):
    async def exercise() -> int:
        async with connected(etcd_endpoint) as kv:
            watch = kv.watch(prefix)
            await anext(watch)
            lease = await kv.lease(LIMIT)
            await asyncio.gather(*(kv.put(f"{prefix}{number}", b"", lease=lease.id) for number in range(50)))
            seen = 0
            while seen < 50:
                seen += len((await next_events(watch)).events)
            await lease.revoke()
            await watch.aclose()
            return (await kv.page(prefix)).count

    assert uvloop.run(exercise()) == 0
