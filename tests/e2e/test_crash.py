# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the server at random points under load: what was acknowledged stays, and etcd comes to equal the database.

Eight clients each own their ports, so each knows for every port which states it may be in: the last acknowledged one or,
where an answer never came, the one that was asked for.
"""

import asyncio
import json
import os
import random
import threading
import time

from gluon.client.errors import Problem, Unreachable
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.kv.ports import free_ports
from gluon.particle import keys
from gluon.parts.site import Site

KILLS = int(os.environ.get("GLUON_TEST_KILLS", "50"))
PORTS = "/proton/net-l3vpn/v1.0/ports"
INTERFACES = "/proton/net-l3vpn/v1.0/interfaces"
TENANT = "0123456789abcdef0123456789abcdef"
GONE = "gone"


class Worker(threading.Thread):
    """One client: creates, updates, binds and deletes its own ports, one request at a time."""

    def __init__(self, number, url, seed, stop):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.number = number
        self.url = url
        self.stop = stop
        self.known = {}  # id -> name as acknowledged, or GONE
        self.doubtful = {}  # id -> the states it may be in after an answer that never came
        self.acknowledged = 0
        self.faults = []

    def run(self):
        with Client(self.url, timeout=20) as client:
            ports = Collection(client, PORTS)
            while not self.stop.is_set():
                try:
                    self.settle(ports)
                    self.act(ports)
                except Unreachable:
                    time.sleep(0.02)
                except Problem as problem:
                    if problem.status != 503:
                        self.faults.append(f"{problem.status} {problem}")

    def settle(self, ports):
        """Ask what became of what is in doubt; it must be one of the states that it may be in."""
        for id, states in list(self.doubtful.items()):
            found = self.look(ports, id)
            if found not in states:
                self.faults.append(f"{id} is {found!r} and not one of {states!r}")
            self.known[id] = found
            del self.doubtful[id]

    def look(self, ports, id):
        try:
            return ports.show(id).json()["name"]
        except Problem as problem:
            if problem.status != 404:
                raise
            return GONE

    def act(self, ports):
        alive = [id for id, state in self.known.items() if state != GONE]
        kind = self.random.choice(["create", "create", "update", "update", "bind", "delete"]) if alive else "create"
        name = f"{kind}-{self.number}-{self.random.randrange(10**9)}"
        id = self.random.choice(alive) if kind != "create" else new_id(self.random)
        before = self.known.get(id, GONE)
        after = GONE if kind == "delete" else name
        self.doubtful[id] = {before, after}
        try:
            if kind == "create":
                ports.create({"id": id, "tenant_id": TENANT, "name": name})
            elif kind == "update":
                ports.update(id, {"name": name})
            elif kind == "bind":
                ports.update(id, {"name": name, "host_id": "compute-1", "device_id": name})
            else:
                ports.delete(id)
        except Problem:
            self.known[id] = before
            del self.doubtful[id]
            raise
        self.known[id] = after
        del self.doubtful[id]
        self.acknowledged += 1


def new_id(source):
    text = f"{source.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Watcher:
    """Follows /proton/ and notes every revision that falls within an incarnation."""

    def __init__(self, kv):
        self._kv = kv
        self.last = {}
        self.fell = []
        self.events = 0

    async def run(self):
        async for batch in self._kv.watch(keys.PROTONS, start=1):
            for event in batch.events:
                self.events += 1
                if event.type == "put":
                    value = json.loads(event.kv.value)
                    incarnation, revision = self.last.get(event.kv.key, ("", 0))
                    if value["incarnation"] == incarnation and value["revision"] < revision:
                        self.fell.append(event.kv.key)
                    self.last[event.kv.key] = value["incarnation"], value["revision"]


async def test_what_was_acknowledged_survives_kills_at_random_points(tmp_path, database):
    seed = int(os.environ.get("GLUON_TEST_SEED", random.randrange(10**9)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with Site(tmp_path, database=database) as site:
        (port,) = free_ports(1)
        server = await site.start_server(port=port, settings={"api": {"bind_timeout": 2}, "sync": {"leader_ttl": 1}})
        await site.start_shim("compute-1")
        watcher = Watcher(site.kv)
        watching = asyncio.create_task(watcher.run())
        stop = threading.Event()
        workers = [Worker(number, server.url, seed + number, stop) for number in range(8)]
        for worker in workers:
            worker.start()
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.02, 0.5))
            await server.child.kill()
            await server.child.start()
            if chance.random() < 0.7:  # at times it is killed before it is ready
                await site.until_ready(server)
        await site.until_ready(server)
        await asyncio.sleep(0.5)
        stop.set()
        for worker in workers:
            await asyncio.to_thread(worker.join, 30)
        print(f"{KILLS} kills, {sum(w.acknowledged for w in workers)} acknowledged, {watcher.events} events in etcd")
        await check(site, server, workers)
        assert watcher.fell == []
        assert watcher.events > 0
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def check(site, server, workers):
    with Client(server.url) as client:
        for worker in workers:
            worker.settle(Collection(client, PORTS))
            assert worker.faults == []
        known = {id: state for worker in workers for id, state in worker.known.items() if state != GONE}
        assert sum(worker.acknowledged for worker in workers) > KILLS
        stored = {p["id"]: p for page in Collection(client, PORTS).pages() for p in page.json()["ports"]}
        interfaces = {i["id"] for page in Collection(client, INTERFACES).pages() for i in page.json()["interfaces"]}
        assert {id: port["name"] for id, port in stored.items()} == known
        assert interfaces == set(known)

        async def equal():
            kept = {}
            after = None
            while True:
                page = await site.kv.page("/proton/net-l3vpn/ProtonBasePort/", after=after)
                kept |= {kv.key.rpartition("/")[2]: json.loads(kv.value) for kv in page.items}
                if not page.more:
                    break
                after = page.items[-1].key
            now = {p["id"]: p for page in Collection(client, PORTS).pages() for p in page.json()["ports"]}
            revisions = {id: port["revision"] for id, port in kept.items()}
            return revisions == {id: port["revision"] for id, port in now.items()} and (kept, now)

        kept, now = await site.until(equal, "etcd to equal the database", server.child)
        for id, port in now.items():
            for name, value in port.items():
                assert name in ("created_at", "updated_at") or kept[id][name] == value, (id, name)
