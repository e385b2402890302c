# SPDX-License-Identifier: Apache-2.0
"""Resync: an etcd that lost everything is filled again from the database while changes go on; then both are compared."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass

from bench import floors
from bench.figures import Figure
from bench.filling import fill
from bench.ground import Ground, memory
from bench.rest import PORTS, TENANT
from gluon.errors import GluonError
from gluon.kv.contract import KeyValue, Kv
from gluon.parts.child import clean_environment
from gluon.parts.site import Server

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "200000"))
_SYNC = "/gluon/sync/net-l3vpn"
#: The command, and then how much memory its process had at the most. What its parent is told of that includes the parent's own.
_TELLING = """
import atexit, sys
from gluon.cmd.gluon import main
atexit.register(lambda: print(*[line for line in open("/proc/self/status") if line.startswith("VmHWM")]))
sys.exit(main(sys.argv[1:]))
"""


async def measure(ground: Ground, seconds: int) -> list[Figure]:
    """The repair and the check, each with its memory over that of a process which compares nothing."""
    group = f"resync {ground.kind}"
    server = await ground.start_server()
    await _complete(ground.kv)
    await fill(ground.database_url, OBJECTS // 2)
    _, base = memory(server.child.pid)
    await ground.etcd.kill()
    ground.etcd.wipe()
    await ground.etcd.start()
    start = time.perf_counter()
    delays = asyncio.create_task(_delays(ground, server))
    await _complete(ground.kv)
    took = time.perf_counter() - start
    peak, _ = memory(server.child.pid)
    lags = sorted(await _stopped(delays))
    total = (await ground.kv.page("/proton/net-l3vpn/", limit=1)).count
    await server.stop()
    floor = await floors.etcd_batches(ground.kv, b"x" * 400, keys=20_000)
    check = await _check(ground, "net-l3vpn")
    empty = await _check(ground, "ietf-sfc")
    note = f"{total:,} objects in {took:.1f} s, counted from when etcd was back; a port has a second key"
    lag = f"p50 {lags[len(lags) // 2] * 1e3:.0f} ms of {len(lags)} creates"
    return [
        Figure(group, "wiped etcd filled again", total / took, "objects/s", floor, "etcd puts, 100 a transaction", note),
        Figure(group, "memory of the server: peak over what it had", peak - base, "MiB", note=f"it had {base:.0f} MiB"),
        Figure(group, "longest way of a create to etcd meanwhile", lags[-1] * 1e3, "ms", note=lag),
        Figure(group, f"gluon sync check on {total:,} objects", check.seconds, "s", note=check.note),
        Figure(group, "its memory: peak", check.peak, "MiB", empty.peak, "the same with nothing to compare"),
    ]


async def _complete(kv: Kv) -> None:
    """Return once the relay has said so. An etcd that was wiped says nothing until the relay takes a new epoch."""
    while (found := await _get(kv, _SYNC)) is None or json.loads(found.value)["state"] != "complete":
        await asyncio.sleep(0.05)


async def _delays(ground: Ground, server: Server) -> list[float]:
    """Create a port now and again until cancelled; how long each took to reach etcd. The first where etcd has come back."""
    found: list[float] = []
    try:
        while True:
            id = str(uuid.uuid4())
            body = json.dumps({"id": id, "tenant_id": TENANT}).encode()
            await asyncio.to_thread(_post, server.url + PORTS, body)
            start = time.perf_counter()
            while await _get(ground.kv, f"/proton/net-l3vpn/ProtonBasePort/{id}") is None:
                await asyncio.sleep(0.002)
            found.append(time.perf_counter() - start)
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return found


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    urllib.request.urlopen(request, timeout=30).close()


async def _get(kv: Kv, key: str) -> KeyValue | None:
    try:
        return await kv.get(key)
    except GluonError:
        return None


async def _stopped(task: asyncio.Task[list[float]]) -> list[float]:
    task.cancel()
    return await task


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: seconds, peak memory in MiB, what it said last."""

    seconds: float
    peak: float
    note: str


async def _check(ground: Ground, *protons: str) -> Run:
    """``gluon sync check`` as an operator runs it."""
    conf = ground.folder / "check.conf"
    conf.write_text(f"[database]\nconnection = {ground.database_url}\n[etcd]\nendpoints = {ground.etcd.endpoint}\n")
    return await asyncio.to_thread(_run, (sys.executable, "-c", _TELLING, "sync", "check", f"--config-file={conf}", *protons))


def _run(words: tuple[str, ...]) -> Run:
    start = time.perf_counter()
    done = subprocess.run(words, env=clean_environment(), stdout=subprocess.PIPE, text=True, check=False)
    took = time.perf_counter() - start
    peak = int(done.stdout.rpartition("VmHWM:")[2].split()[0])
    return Run(took, peak / 1024, "nothing differs" if done.returncode == 0 else f"status {done.returncode}")
