# SPDX-License-Identifier: Apache-2.0
"""Take-over: what clients, changes and binds feel when one of two servers or one of three etcd members fails.

A steady stream of creates and of binds goes through a front; a watcher follows etcd as a shim does. Everyone speaks first to
the member that is to fail, so that everyone has to move: the worst that one failure does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.front import Front
from bench.ground import Ground
from bench.rest import PORTS, TENANT, ids_of
from gluon.kv import etcd
from gluon.kv.cluster import EtcdCluster
from gluon.kv.contract import Kv
from gluon.kv.process import EtcdProcess
from gluon.parts.site import Server
from gluon.settings import Etcd

#: What fails: a server or a member, which one, and whether it is killed or hangs.
FAULTS: Final = {
    "nothing": ("", "", ""),
    "relay's server killed": ("server", "relay", "kill"),
    "relay's server paused": ("server", "relay", "pause"),
    "etcd leader killed": ("etcd", "leader", "kill"),
    "etcd leader paused": ("etcd", "leader", "pause"),
    "etcd follower killed": ("etcd", "follower", "kill"),
    "etcd follower paused": ("etcd", "follower", "pause"),
}
_BEFORE: Final = 2.0  # seconds of quiet before the fault
_AFTER: Final = 13.0  # seconds that are watched after it
_PACE: Final = 0.02  # seconds between two creates
_BIND_PACE: Final = 0.1


@dataclass(slots=True)
class Seen:
    """What was noted, by the clock of the bench."""

    answered: dict[str, float] = field(default_factory=dict)  # the id of a created port -> when its answer came
    shown: dict[str, float] = field(default_factory=dict)  # the same -> when the watcher saw it
    binds: list[float] = field(default_factory=list)  # seconds that each bind took
    unbound: int = 0
    wrong: int = 0

    @property
    def pause(self) -> float:
        """The longest time without an answer to a create."""
        times = sorted(self.answered.values())
        return max(after - before for before, after in itertools.pairwise(times))

    @property
    def delays(self) -> list[float]:
        """From the answer to the watcher, sorted."""
        return sorted(max(0.0, self.shown[id] - at) for id, at in self.answered.items())


async def measure(ground: Ground, seconds: int) -> list[Figure]:
    """Each fault on servers, shim and etcd members of its own."""
    figures = []
    for fault, (part, which, how) in FAULTS.items():
        folder = ground.folder / fault.replace(" ", "-").replace("'", "")
        folder.mkdir()
        seen = await _measure(ground, folder, part, which, how)
        delays = seen.delays
        group, what = f"take-over {ground.kind}", fault
        note = f"p99 {delays[len(delays) * 99 // 100]:.2f} s of {len(delays):,} creates"
        binds = f"of {len(seen.binds)} binds, {seen.unbound} without an answer within 8 s"
        wrong = f"{seen.wrong} creates refused" if seen.wrong else ""
        figures += [
            Figure(group, f"{what}: longest time without an answer", seen.pause, "s", note=wrong),
            Figure(group, f"{what}: longest way of a change to a watcher", delays[-1], "s", note=note),
            Figure(group, f"{what}: longest bind", max(seen.binds), "s", note=binds),
        ]
    return figures


async def _measure(ground: Ground, folder: Path, part: str, which: str, how: str) -> Seen:
    seen = Seen()
    async with contextlib.AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(EtcdCluster(folder))
        leader = await _leader(cluster)
        first = leader if which == "leader" else next(member for member in cluster.members if member is not leader)
        endpoints = [first.endpoint, *(member.endpoint for member in cluster.members if member is not first)]
        settings = {"etcd": {"endpoints": ",".join(endpoints)}}
        servers = [await ground.start_server(settings=settings) for _ in range(2)]
        shim = await ground.start_shim("compute-1", settings=settings, ready=False)
        kv = await etcd.connect(Etcd(endpoints=tuple(endpoints)))
        stack.push_async_callback(kv.close)
        await ground.until(lambda: kv.get("/gluon/shim/net-l3vpn/compute-1"), "the shim to sign in", shim)
        ids = (await asyncio.to_thread(ids_of, servers[0], folder, 300)).read_text().split()
        relay = await _relay(kv, servers)
        front = Front([server.port for server in servers])
        await stack.enter_async_context(front.watching())
        async with _streams(front, kv, seen, ids):
            await asyncio.sleep(_BEFORE)
            victim: EtcdProcess | None = first if part == "etcd" else None
            if victim is not None:
                await victim.kill() if how == "kill" else victim.pause()
            elif part == "server":
                await relay.child.kill() if how == "kill" else relay.child.pause()
            await asyncio.sleep(_AFTER)
        if how == "pause":
            first.resume() if part == "etcd" else relay.child.resume()
        await shim.stop()
        for server in servers:
            await server.stop() if how != "kill" or part != "server" or server is not relay else None
    return seen


@contextlib.asynccontextmanager
async def _streams(front: Front, kv: Kv, seen: Seen, ids: list[str]) -> AsyncIterator[None]:
    """Creates, binds and the watcher; ends once every create was seen in etcd and every bind answered."""
    going = True
    pending: set[asyncio.Task[None]] = set()

    async def create() -> None:
        id = str(uuid.uuid4())
        status, _ = await front.request("POST", PORTS, {"id": id, "tenant_id": TENANT})
        # Sent twice where the first answer was lost with its server: then it is there already.
        seen.wrong += status not in (201, 409)
        seen.answered[id] = time.perf_counter()

    async def bind(id: str) -> None:
        start = time.perf_counter()
        _, port = await front.request("PATCH", f"{PORTS}/{id}", {"host_id": "compute-1", "device_id": f"vm-{id}"})
        seen.binds.append(time.perf_counter() - start)
        seen.unbound += port["binding_state"] != "BOUND"

    async def stream(pace: float, binds: bool) -> None:
        waiting = iter(ids)
        while going:
            task = asyncio.create_task(bind(next(waiting)) if binds else create())
            pending.add(task)
            task.add_done_callback(pending.discard)
            await asyncio.sleep(pace)

    async def follow() -> None:
        async for batch in kv.watch("/proton/net-l3vpn/ProtonBasePort/"):
            for event in batch.events:
                seen.shown.setdefault(event.kv.key.rpartition("/")[2], time.perf_counter())

    following = asyncio.create_task(follow())
    streams = [asyncio.create_task(stream(_PACE, False)), asyncio.create_task(stream(_BIND_PACE, True))]
    try:
        yield
        going = False
        await asyncio.gather(*streams)
        await asyncio.gather(*pending)
        async with asyncio.timeout(60):
            while not seen.answered.keys() <= seen.shown.keys():
                await asyncio.sleep(0.05)
    finally:
        for task in (*streams, *pending, following):
            task.cancel()
        await asyncio.gather(*streams, *pending, following, return_exceptions=True)


async def _leader(cluster: EtcdCluster) -> EtcdProcess:
    """The member that leads."""
    for member in cluster.members:
        command = ("etcdctl", "--endpoints", member.endpoint, "endpoint", "status", "--write-out=json")
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={"ETCDCTL_API": "3"}
        )
        output, _ = await process.communicate()
        status = json.loads(output)[0]["Status"]
        if status["leader"] == status["header"]["member_id"]:
            return member
    raise RuntimeError("etcd has no leader")


async def _relay(kv: Kv, servers: list[Server]) -> Server:
    """The server that relays."""
    (leader,) = (await kv.page("/gluon/leader/")).items
    pid = int(json.loads(leader.value)["who"].rpartition("/")[2])
    return next(server for server in servers if server.child.pid == pid)
