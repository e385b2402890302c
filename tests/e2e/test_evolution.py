# SPDX-License-Identifier: Apache-2.0
"""A model evolves on a database with rows in place, while clients are at work: the command brings the tables to each new model,
then the two servers are upgraded one after the other. No request fails, no value is lost, etcd follows.

A load balancer's part is played here: a server that is to be restarted gets no new requests before.
"""

import asyncio
import random
import subprocess
import sys
import threading
from collections import Counter

from gluon.client.errors import Problem, Unreachable
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.model.compile import compile_file
from gluon.parts.child import clean_environment
from gluon.parts.site import Site
from gluon.store.opening import open_store
from gluon.sync.resync import check
from tests.store.schema.evolution import VERSIONS, write

CLIENTS = 4
#: The models that servers are upgraded to; between these the tables run ahead of them.
UPGRADED = ("1.2", "1.4", "1.5")
TENANT = "0123456789abcdef0123456789abcdef"


class Balancer:
    """Hands out servers, each with the version that it serves."""

    def __init__(self):
        self._changed = threading.Condition()
        self._open = []
        self._running = Counter()
        self._chance = random.Random(7)

    def add(self, server, version):
        with self._changed:
            self._open.append((server.url, version))

    def drain(self, server):
        """No new requests for it; returns when the last has been answered."""
        with self._changed:
            self._open = [key for key in self._open if key[0] != server.url]
            self._changed.wait_for(lambda: not self._running[server.url])

    def use(self, work):
        with self._changed:
            url, version = self._chance.choice(self._open)
            self._running[url] += 1
        try:
            with Client(url, timeout=20) as client:
                return work(Collection(client, f"/proton/depot/v{version}/boxes"), version)
        finally:
            with self._changed:
                self._running[url] -= 1
                self._changed.notify_all()


class Worker(threading.Thread):
    """One client, with boxes of its own. ``boxes`` is what was acknowledged; ``faults`` what should not have happened."""

    def __init__(self, balancer, seed, stop):
        super().__init__(daemon=True)
        self._balancer = balancer
        self._chance = random.Random(seed)
        self._stopped = stop
        self.boxes = {}
        self.faults = []
        self.done = 0

    def run(self):
        while not self._stopped.is_set():
            try:
                self._balancer.use(self._act)
            except (Problem, Unreachable) as error:
                self.faults.append(repr(error))
            self.done += 1

    def _act(self, boxes, version):
        some = self._chance.random()
        values = {"speed": self._chance.randrange(10**9), group_in(version): str(some)}
        if not self.boxes or some < 0.1:
            self._noted(boxes.create({"tenant_id": TENANT, "name": "load", **values}).json(), version)
            return
        id = self._chance.choice(list(self.boxes))
        if some < 0.6:
            self._noted(boxes.update(id, values).json(), version)
        elif (found := said(boxes.show(id).json(), version)) != self.boxes[id]:
            self.faults.append(f"{id} is {found}, not {self.boxes[id]}")

    def _noted(self, answer, version):
        self.boxes[answer["id"]] = said(answer, version)


def group_in(version):
    return "group" if version < "1.2" else "vlan_group"


def said(answer, version):
    return {"speed": answer["speed"], "group": answer[group_in(version)], "kind": answer["kind"]}


class Town:
    """A site with two servers, and the command beside them."""

    def __init__(self, site, balancer):
        self.site = site
        self.balancer = balancer
        self.servers = []

    async def start(self, version):
        server = await self.site.start_server(settings=self.settings(version))
        self.balancer.add(server, version)
        self.servers.append(server)

    async def upgrade(self, version):
        """One after the other."""
        for old in tuple(self.servers):
            await asyncio.to_thread(self.balancer.drain, old)
            await old.stop()
            self.servers.remove(old)
            await self.start(version)

    def settings(self, version):
        folder = self.site.folder / f"models-{version}"
        write(folder, version)
        return {"DEFAULT": {"model_path": folder}, "database": {"auto_apply": "never"}}

    async def command(self, version, *words, status=0):
        conf = self.site.folder / f"command-{version}.conf"
        path = self.settings(version)["DEFAULT"]["model_path"]
        conf.write_text(f"[DEFAULT]\nmodel_path = {path}\n[database]\nconnection = {self.site.database_url}\n")
        done = await asyncio.to_thread(
            subprocess.run,
            (sys.executable, "-m", "gluon.cmd.gluon", "db", *words, f"--config-file={conf}"),
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


async def test_a_model_and_its_servers_are_upgraded_under_load(tmp_path, database):
    balancer, stop = Balancer(), threading.Event()
    workers = [Worker(balancer, seed, stop) for seed in range(CLIENTS)]
    async with Site(tmp_path, database=database) as site:
        town = Town(site, balancer)
        await town.command("1.0", "apply")
        for _ in range(2):
            await town.start("1.0")
        for worker in workers:
            worker.start()
        for version in list(VERSIONS)[1:]:
            plan = await town.command(version, "plan", status=2)
            print(plan)
            await town.command(version, "apply")
            if version in UPGRADED:
                await town.upgrade(version)
            if version == "1.4":
                assert "--allow drop-column:depot_box.notes" in await town.command(version, "plan")
                await town.command(version, "apply", "--allow", "drop-column:depot_box.notes")
            assert [fault for worker in workers for fault in worker.faults] == [], version
        await asyncio.sleep(1)
        stop.set()
        for worker in workers:
            await asyncio.to_thread(worker.join, 30)

        assert [fault for worker in workers for fault in worker.faults] == []
        assert all(worker.done > 50 for worker in workers)
        wanted = {id: box for worker in workers for id, box in worker.boxes.items()}
        assert await asyncio.to_thread(stored, town.servers[0].url) == wanted
        proton = compile_file(tmp_path / "models-1.5" / "depot.yaml")
        await site.until(lambda: as_in_etcd(site, proton), "etcd to equal the database", town.servers[0].child)
        steps = await town.command("1.5", "history")
        assert steps.count("note that the tables are those of depot") == len(VERSIONS)
        assert "drop the column notes" in steps
        assert "[started]" not in steps
        assert "[failed" not in steps
        assert [server.child.name for server in town.servers if "Traceback" in server.child.output()] == []


def stored(url):
    with Client(url) as client:
        pages = Collection(client, "/proton/depot/v1.5/boxes").pages()
        return {box["id"]: said(box, "1.5") for page in pages for box in page.json()["boxes"]}


async def as_in_etcd(site, proton):
    """Whether ``gluon sync check`` would find nothing."""
    store = await open_store(site.database_url, [proton], auto_apply=False)
    try:
        return not [difference async for difference in check(proton, site.kv, store)]
    finally:
        await store.close()
