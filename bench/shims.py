# SPDX-License-Identifier: Apache-2.0
"""Shims: start on 100,000 ports."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from functools import partial

from bench import floors
from bench.figures import Figure
from bench.ground import memory
from bench.rest import ids_of
from gluon.kv.contract import Put, Txn
from gluon.parts.site import Site

_PORTS = 100_000
_PREFIX = "/proton/net-l3vpn/"


async def measure(site: Site, seconds: int) -> list[Figure]:
    """Time and memory from the start of the process until every object was handed to the backend and reported."""
    server = await site.start_server()
    ids_of(server, site.folder, 1)
    pages = {}
    for name in ("ProtonBasePort", "Interface"):
        found = await site.until(partial(_first, site, f"{_PREFIX}{name}/"), f"a {name} in etcd") or b""
        pages[name] = json.loads(found)
    await server.stop()
    await _fill(site, pages)
    floor = await floors.etcd_batches(site.kv, b"x" * 200, keys=20_000)
    total = (await site.kv.page(_PREFIX, limit=1)).count
    start = time.perf_counter()
    shim = await site.start_shim("compute-1", settings={"DEFAULT": {"debug": "false"}})
    while (done := (await site.kv.page("/controller/net-l3vpn/", limit=1)).count) < total:
        await asyncio.sleep(0.1)
        if not shim.running:
            raise shim.failure("ended")
    took = time.perf_counter() - start
    peak, now = memory(shim.pid)
    await shim.stop()
    return [
        Figure(
            "shim", f"start on {_PORTS:,} ports ({done:,} objects)", took, "s", note="until each was handed over and reported"
        ),
        Figure("shim", "objects handed over and reported", done / took, "/s", floor, "etcd puts, 100 a transaction"),
        Figure("shim", "memory then (peak in the note)", now, "MiB", note=f"peak {peak:.0f} MiB"),
    ]


async def _first(site: Site, prefix: str) -> bytes | None:
    page = await site.kv.page(prefix, limit=1)
    return page.items[0].value if page.items else None


async def _fill(site: Site, models: dict[str, dict[str, object]]) -> None:
    """Put ports and their interfaces as the relay would have."""
    for _ in range(_PORTS // 50):
        puts = []
        for _ in range(50):
            id = str(uuid.uuid4())
            for name, value in models.items():
                changed = value | {"id": id, "incarnation": id.replace("-", "")}
                if "port_id" in changed:
                    changed["port_id"] = id
                puts.append(Put(f"{_PREFIX}{name}/{id}", json.dumps(changed).encode()))
        await site.kv.txn(Txn((), tuple(puts)), idempotent=True)
