# SPDX-License-Identifier: Apache-2.0
"""Binds: the round trip through database, etcd, shim and back, and gets while 2,000 binds wait in vain."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence

from bench import floors, wrk
from bench.figures import Figure
from bench.ground import Ground
from bench.rest import PORTS, ids_of
from gluon.parts.site import Server

_ROUNDS = 3
_SHARED = "server, etcd, shim and wrk shared the cores"


async def measure(site: Ground, seconds: int) -> list[Figure]:
    """Bind round trips at 1, 64, 512 and 2,000 clients, and what waiting binds cost others."""
    server = await site.start_server(settings={"api": {"bind_timeout": 30}})
    shim = await site.start_shim("compute-1")
    floor = await floors.etcd_puts(site.kv, b"x" * 400, clients=64, seconds=min(seconds, 2))
    figures = []
    for clients in (1, 64, 512, 2000):
        ids = ids_of(server, site.folder, clients * 4)
        bind = wrk.patching(ids, PORTS, '{"host_id": "compute-1", "device_id": "vm-%d"}')
        load = await wrk.run(bind, server.url, site.folder, clients=clients, seconds=seconds, timeout=40)
        note = ", ".join(filter(None, (f"p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms", load.note, _SHARED)))
        figures.append(
            Figure(f"bind {site.kind}", f"round trip, {clients} clients", load.rate, "/s", floor, "etcd puts, 64 at once", note)
        )
    await shim.stop()
    figures += await _beside_waiting(site, server, seconds)
    await server.stop()
    return figures


async def _beside_waiting(site: Ground, server: Server, seconds: int) -> list[Figure]:
    """Gets alone, beside one bind that waits in vain and beside 2,000, in turn, since the machine's speed drifts."""
    ids = ids_of(server, site.folder, 4000)
    get = wrk.getting(ids, PORTS)
    runs: dict[int, list[wrk.Load]] = {0: [], 1: [], 2000: []}
    for _ in range(_ROUNDS):
        for waiting, loads in runs.items():
            async with _waiting(server, ids.read_text().split()[:waiting]):
                loads.append(await wrk.run(get, server.url, site.folder, clients=8, seconds=seconds))
    alone = runs.pop(0)
    figures = []
    for waiting, loads in runs.items():
        what = f"get, 8 clients, while {waiting:,} binds wait unanswered"
        p99, base = (statistics.median(load.p99 for load in each) for each in (loads, alone))
        figures.append(
            Figure(f"bind {site.kind}", f"{what}: p99", p99, "ms", base, "with none waiting", f"median of {_ROUNDS} runs in turn")
        )
        rate, base = (statistics.median(load.rate for load in each) for each in (loads, alone))
        figures.append(
            Figure(
                f"bind {site.kind}", f"{what}: rate", rate, "/s", base, "with none waiting", f"median of {_ROUNDS} runs in turn"
            )
        )
    return figures


@contextlib.asynccontextmanager
async def _waiting(server: Server, ids: Sequence[str]) -> AsyncIterator[None]:
    """Binds of these ports to a host that nobody serves, sent and not answered."""
    writers = []
    for id in ids:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = json.dumps({"host_id": "nowhere", "device_id": f"vm-{time.monotonic_ns()}"}).encode()
        writer.write(
            f"PATCH {PORTS}/{id} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        writers.append(writer)
    await asyncio.gather(*(writer.drain() for writer in writers))
    await asyncio.sleep(1.0)  # let the server take them in before the gets are measured
    try:
        yield
    finally:
        for writer in writers:
            writer.close()
