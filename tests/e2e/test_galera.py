# SPDX-License-Identifier: Apache-2.0
"""Two servers write to two nodes of a Galera cluster, on the same few objects, while a node dies and another one hangs.

Two nodes commit what collides; the loser learns it at COMMIT. The store repeats it, so that clients see their changes made,
one after the other, none lost: the revisions of an object count them.
"""

from __future__ import annotations

import asyncio
import random
import threading
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.engine import make_url

from gluon.client.errors import Problem, Unreachable
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.errors import Conflict, Invalid
from gluon.model.catalogue import load_catalogue
from gluon.model.links import links
from gluon.parts.databases import GaleraCluster
from gluon.parts.site import Site
from gluon.settings import Database
from gluon.store.contract import Query
from gluon.store.mariadb.driver import MariadbDriver
from gluon.store.mariadb.url import target
from gluon.store.opening import open_store
from gluon.sync.resync import check
from tests.store.conftest import Desk
from tests.store.models import network

T = TypeVar("T")
PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"
IDS = [str(uuid.UUID(int=number)) for number in range(1, 5)]
CLIENTS = 8


@dataclass
class Story:
    """What clients know of one object: what was confirmed at which revision, and what was asked for without an answer."""

    confirmed: dict[int, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    doubles: list[int] = field(default_factory=list)

    def confirm(self, revision: int, name: str) -> None:
        if revision in self.confirmed:
            self.doubles.append(revision)
        self.confirmed[revision] = name


class Writer(threading.Thread):
    """One client: names the objects anew as fast as it goes. ``refused``: answers other than 200, with their texts."""

    def __init__(self, url: str, number: int, stories: dict[str, Story], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._url, self._number, self._stories, self._stopped = url, number, stories, stop
        self._chance = random.Random(number)
        self.done = 0
        self.refused: list[tuple[int, str]] = []

    def run(self) -> None:
        with Client(self._url, timeout=30) as client:
            ports = Collection(client, PORTS)
            for count in range(10**9):
                if self._stopped.is_set():
                    return
                id, name = self._chance.choice(IDS), f"{self._number}/{count}"
                try:
                    record = ports.update(id, {"name": name}).json()
                except Problem as problem:
                    self.refused.append((problem.status, str(problem)))
                    self._stories[id].unknown.add(name)
                except Unreachable as error:
                    self.refused.append((0, str(error)))
                    self._stories[id].unknown.add(name)
                else:
                    self._stories[id].confirm(record["revision"], name)
                    self.done += 1


class Load:
    """Writers on two servers for as long as the context lasts."""

    def __init__(self, urls: list[str], stories: dict[str, Story]) -> None:
        self._stop = threading.Event()
        self.writers = [Writer(urls[n % len(urls)], n, stories, self._stop) for n in range(CLIENTS)]

    @property
    def done(self) -> int:
        return sum(writer.done for writer in self.writers)

    @property
    def refused(self) -> list[tuple[int, str]]:
        return [answer for writer in self.writers for answer in writer.refused]

    async def more(self, count: int) -> None:
        """Return once every server has confirmed that many more."""
        halves = [self.writers[0::2], self.writers[1::2]]
        goals = [sum(w.done for w in half) + count for half in halves]
        async with asyncio.timeout(60):
            while any(sum(w.done for w in half) < goal for half, goal in zip(halves, goals, strict=True)):
                await asyncio.sleep(0.05)

    async def __aenter__(self) -> Load:
        for writer in self.writers:
            writer.start()
        return self

    async def __aexit__(self, *args: object) -> None:
        self._stop.set()
        for writer in self.writers:
            await asyncio.to_thread(writer.join, 40)


async def test_what_one_node_committed_is_seen_through_the_others_at_once(tmp_path):
    async with GaleraCluster(tmp_path, size=2, durable=False) as cluster:
        await cluster.create_database("gluon")
        here, there = [
            await MariadbDriver(target(make_url(cluster.url("gluon", first=first)), Database()), 5.0).connect()
            for first in (0, 1)
        ]
        await here.fetch("CREATE TABLE notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, number INT, text LONGTEXT) ENGINE=InnoDB")
        last = 0
        for number in range(60):
            await here.begin()
            await here.many("INSERT INTO notes (number, text) VALUES (%s, %s)", [(number, "x" * 50_000)] * 10)
            await here.commit()
            start = (there.begin, there.snapshot, None)[number % 3]
            if start is not None:
                await start()
            rows = await there.fetch("SELECT id FROM notes WHERE number = %s", (number,))
            await there.rollback()
            assert len(rows) == 10
            assert min(rows)[0] > last, "an id was used again, or an older one"
            last = max(rows)[0]
            await here.fetch("DELETE FROM notes")
            here, there = there, here
        for connection in (here, there):
            await connection.close()


async def test_two_nodes_never_commit_what_does_not_go_together(tmp_path):
    chance = random.Random(1)
    async with GaleraCluster(tmp_path, size=2, durable=False) as cluster:
        await cluster.create_database("gluon")
        proton = network()
        here, there = [Desk(await open_store(cluster.url("gluon", first=first), [proton]), proton) for first in (0, 1)]
        for number in range(60):
            port, chain, vpn = await here.new("Harbour"), await here.new("Chain"), await here.new("Vpn")
            mark = await here.new("Mark", value=f"65000:{number}", group="both")
            works = [
                here.new("Berth", interface_id=port["id"], service_id=chain["id"]),
                there.drop("Chain", chain["id"]),
                there.new("Quay", port_id=port["id"]),
                here.drop("Harbour", port["id"]),
                here.change("Vpn", vpn["id"], imports=[mark["value"]]),
                there.drop("Mark", mark["value"]),
                here.new("Peer", as_number=1, vpn_id=vpn["id"]),
                there.new("Vpn"),
            ]
            chance.shuffle(works)
            done = await asyncio.gather(*(after(chance.uniform(0, 0.004), work) for work in works), return_exceptions=True)
            assert [error for error in done if isinstance(error, Exception) and not isinstance(error, Conflict | Invalid)] == []
            for created in await there.store.page(proton.by_name["Vpn"], Query({}, 10)):
                await there.drop("Vpn", created["id"])
        await whole(there)
        for desk in (here, there):
            await desk.store.close()


async def after(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    await asyncio.sleep(seconds)
    return await work


async def whole(desk: Desk) -> None:
    """Nothing refers to what is not there."""
    records = {o.name: await desk.store.page(o, Query({}, 10_000)) for o in desk.proton.objects}
    ids = {o.name: {record[o.identifier.name] for record in records[o.name]} for o in desk.proton.objects}
    missing = [
        (obj.name, record[obj.identifier.name], link.attribute.name, key)
        for obj in desk.proton.objects
        for link in links(obj)
        for record in records[obj.name]
        for _, key in link.held(record[link.attribute.name])
        if not any(key in ids[target] for target in link.reference.targets)
    ]
    assert missing == []


async def test_nothing_is_lost_when_nodes_collide_die_and_hang(tmp_path):
    stories = {id: Story() for id in IDS}
    async with GaleraCluster(tmp_path, durable=False) as cluster:
        await cluster.create_database("gluon")
        async with Site(tmp_path, database=cluster.url("gluon")) as site:
            servers = [
                await site.start_server(settings={"database": {"connection": cluster.url("gluon", first=first)}})
                for first in (0, 1)
            ]
            urls = [server.url for server in servers]
            await asyncio.to_thread(make, urls[0])
            async with Load(urls, stories) as load:
                await load.more(200)
                collided = await collisions(cluster)
                refused_while_all_was_well = list(load.refused)

                await cluster.nodes[0].kill()
                await cluster.until_size(2, node=1)
                await load.more(100)
                await cluster.nodes[0].start()
                await load.more(100)

                cluster.nodes[1].pause()
                await cluster.until_size(2, node=2)
                await load.more(100)
                cluster.nodes[1].resume()
                await cluster.until_size(3, node=2)
                await load.more(100)
            assert collided > 0
            assert refused_while_all_was_well == []
            assert {status for status, _ in load.refused} <= {503}
            print(f"{load.done} changes, {await collisions(cluster)} collisions, {len(load.refused)} refused")

            await settled(site, cluster)
            for node in cluster.nodes:
                await told_truly(node.url("gluon"), stories)
            assert [server.child.name for server in servers if "Traceback" in server.child.output()] == []


def make(url: str) -> None:
    with Client(url) as client:
        for id in IDS:
            Collection(client, PORTS).create({"id": id, "tenant_id": TENANT})


async def collisions(cluster: GaleraCluster) -> int:
    """How often a node took back what another one had overtaken: at COMMIT, or before."""
    names = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
    return sum([int(await node.status(name)) for node in cluster.nodes for name in names])


async def settled(site: Site, cluster: GaleraCluster) -> None:
    """Return once etcd equals the database."""
    proton = load_catalogue()["net-l3vpn"].newest
    store = await open_store(cluster.url("gluon"), [proton], auto_apply=False)
    try:

        async def equal() -> bool:
            return not [difference async for difference in check(proton, site.kv, store)]

        await site.until(equal, "etcd to equal the database")
    finally:
        await store.close()


async def told_truly(connection: str, stories: dict[str, Story]) -> None:
    """Every confirmed change was made, and the last one stands, unless a later one stands of which no client knows."""
    proton = load_catalogue()["net-l3vpn"].newest
    store = await open_store(connection, [proton], auto_apply=False)
    try:
        for id, story in stories.items():
            record = await store.get(proton.port, id)
            assert record is not None
            assert story.doubles == [], "two changes were confirmed as one and the same revision"
            last = max(story.confirmed)
            assert record["revision"] >= last
            if record["revision"] == last:
                assert record["name"] == story.confirmed[last]
            else:
                assert record["name"] in story.unknown
            made = set(range(2, record["revision"] + 1)) - set(story.confirmed)
            assert len(made) <= len(story.unknown), "more was done than anyone asked for"
    finally:
        await store.close()
