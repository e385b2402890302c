# SPDX-License-Identifier: Apache-2.0
"""Sync: how soon a watcher sees a change, and how fast a backlog drains."""

from __future__ import annotations

import asyncio
import json
import statistics
import time

from bench import floors, wrk
from bench.figures import Figure
from bench.rest import PORTS, TENANT
from gluon.client.http import Client
from gluon.parts.site import Server, Site

_PORT_KEYS = "/proton/net-l3vpn/"


async def measure(site: Site, seconds: int) -> list[Figure]:
    """Latency to a watcher, and the drain of 50,000 changes."""
    server = await site.start_server()
    figures = await _latency(site, server)
    figures += await _drain(site, server, 50_000)
    await server.stop()
    return figures


async def _latency(site: Site, server: Server) -> list[Figure]:
    seen: dict[str, float] = {}
    arrived = asyncio.Event()
    ready = asyncio.Event()

    async def follow() -> None:
        async for batch in site.kv.watch("/proton/net-l3vpn/ProtonBasePort/"):
            ready.set()
            for event in batch.events:
                seen[event.kv.key.rpartition("/")[2]] = time.perf_counter()
                arrived.set()

    following = asyncio.create_task(follow())
    await ready.wait()
    client = Client(server.url)
    lags, trips = [], []
    for _ in range(200):
        arrived.clear()
        sent = time.perf_counter()
        answer = await asyncio.to_thread(client.request, "POST", PORTS, values={"tenant_id": TENANT})
        answered = time.perf_counter()
        id = json.loads(answer.body)["id"]
        while id not in seen:
            arrived.clear()
            await arrived.wait()
        lags.append((seen[id] - answered) * 1e3)
        trips.append((seen[id] - sent) * 1e3)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    client.close()
    start = time.perf_counter()
    for _ in range(100):
        await site.kv.put("/bench/one", b"x" * 400)
    floor = (time.perf_counter() - start) * 10
    await site.kv.delete("/bench/", prefix=True)
    return [
        Figure("sync", "POST sent to watcher saw it, p50", statistics.median(trips), "ms", floor, "one etcd put"),
        Figure("sync", "POST answered to watcher saw it, p50", statistics.median(lags), "ms", floor, "one etcd put"),
        Figure("sync", "POST answered to watcher saw it, p99", sorted(lags)[-3], "ms", floor, "one etcd put"),
    ]


async def _drain(site: Site, server: Server, changes: int) -> list[Figure]:
    """Make the changes while etcd is away (a port is two), bring it back, and wait until it has all of them."""
    have = (await site.kv.page(_PORT_KEYS, limit=1)).count
    await site.etcd.stop()
    made = 0
    body = wrk.sending({"tenant_id": TENANT, "name": "bench"})
    while made < changes:
        load = await wrk.run(body, server.url + PORTS, site.folder, clients=64, seconds=1)
        made += int(load.rate) * 2
    await asyncio.sleep(1)
    client = Client(server.url)
    start = time.perf_counter()
    await site.etcd.start()
    value = b"x" * 700
    first = last = have
    began = start
    while True:
        now = (await site.kv.page(_PORT_KEYS, limit=1)).count
        if now > first == have:
            first, began = now, time.perf_counter()
        if now == last and now >= have + changes and _backlog(client) == 0:
            break
        last = now
        await asyncio.sleep(0.02)
    seconds = time.perf_counter() - began
    client.close()
    floor = await floors.etcd_batches(site.kv, value, keys=20_000)
    rate = (last - first) / seconds
    note = f"{last - have:,} changes in {seconds:.1f} s, {began - start:.1f} s after etcd came back"
    return [Figure("sync", "relay drains a backlog", rate, "changes/s", floor, "etcd puts, 100 a transaction", note)]


def _backlog(client: Client) -> float:
    text = client.request("GET", "/metrics").body.decode()
    rows = [line for line in text.splitlines() if line.startswith("gluon_") and "backlog" in line.partition(" ")[0]]
    return sum(float(line.rpartition(" ")[2]) for line in rows)
