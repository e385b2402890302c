# SPDX-License-Identifier: Apache-2.0
"""Binds: the round trip through database, etcd, shim and back, and gets while 2,000 binds wait in vain."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence

from bench import floors, wrk
from bench.figures import Figure
from bench.rest import PORTS, ids_of
from gluon.parts.site import Server, Site

_SHARED = "server, etcd, shim and wrk shared the cores"


async def measure(site: Site, seconds: float) -> list[Figure]:
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
        figures.append(Figure("bind", f"round trip, {clients} clients", load.rate, "/s", floor, "etcd puts, 64 at once", note))
    await shim.stop()
    figures += await _beside_waiting(site, server, seconds)
    await server.stop()
    return figures


async def _beside_waiting(site: Site, server: Server, seconds: float) -> list[Figure]:
    ids = ids_of(server, site.folder, 4000)
    get = wrk.getting(ids, PORTS)
    alone = await wrk.run(get, server.url, site.folder, clients=8, seconds=seconds)
    waiting = ids.read_text().split()[:2000]
    async with _waiting(server, waiting):
        beside = await wrk.run(get, server.url, site.folder, clients=8, seconds=seconds)
    what = "get, 8 clients, while 2,000 binds wait unanswered"
    return [
        Figure("bind", f"{what}: p99", beside.p99, "ms", alone.p99, "p99 with no bind waiting", beside.note),
        Figure("bind", f"{what}: rate", beside.rate, "/s", alone.rate, "rate with no bind waiting", beside.note),
    ]


@contextlib.asynccontextmanager
async def _waiting(server: Server, ids: Sequence[str]) -> AsyncIterator[None]:
    """Binds of these ports to a host that nobody serves, sent and not answered."""
    writers = []
    for number, id in enumerate(ids):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = json.dumps({"host_id": "nowhere", "device_id": f"vm-{number}"}).encode()
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
