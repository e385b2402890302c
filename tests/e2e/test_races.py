# SPDX-License-Identifier: Apache-2.0
"""Many clients change the same few objects at once, through two workers and a second server, while two shims bind.

What each answer may be is the other tests' matter; here it is what must hold whatever happened: in the database, in etcd,
and between the two.
"""

import asyncio
import json
import random
import threading
import uuid

from gluon.client.errors import Problem, Unreachable
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.kv.contract import Kv
from gluon.model.catalogue import load_catalogue
from gluon.parts.site import Site
from gluon.store.opening import open_store
from gluon.sync.resync import check
from tests.e2e.test_crash import Watcher

ROOT = "/proton/net-l3vpn/v1.0"
SECONDS = 5.0
CLIENTS = 12
TENANT = "0123456789abcdef0123456789abcdef"
PORTS, QUAYS, VPNS = ([str(uuid.UUID(int=kind << 64 | number)) for number in range(4)] for kind in (1, 2, 3))
TARGETS = [f"65000:{number}" for number in range(4)]
LAST_VNI = 16777215
EXPECTED = {400, 404, 409, 412}
STATE_AT = {"compute-1": "BOUND", "compute-2": "BOUND", "nowhere": "BINDING"}


class Rival(threading.Thread):
    """One client: anything, to any of the objects, as fast as it goes. ``faults`` is what it should not have been told."""

    def __init__(self, url, seed, stop):
        super().__init__(daemon=True)
        self._url = url
        self._chance = random.Random(seed)
        self._stopped = stop
        self.done = 0
        self.faults = []

    def run(self):
        with Client(self._url, timeout=20) as client:
            while not self._stopped.is_set():
                kind, verb, *arguments = self._pick()
                try:
                    getattr(Collection(client, f"{ROOT}/{kind}"), verb)(*arguments)
                except Problem as problem:
                    if problem.status not in EXPECTED:
                        self.faults.append(f"{kind} {verb} {arguments}: {problem.status} {problem}")
                except Unreachable as error:
                    self.faults.append(f"{kind} {verb} {arguments}: {error}")
                self.done += 1

    def _pick(self):
        pick, some = self._chance.choice, self._chance.random
        port, vpn, target = pick(PORTS), pick(VPNS), pick(TARGETS)
        interface = pick(PORTS + QUAYS)
        place = {"host_id": pick([*STATE_AT, ""]), "device_id": pick(["vm", "other", ""])}
        address = {"service_id": vpn, "ipaddress": pick(["10.0.0.1", "10.0.0.2", None])}
        vpn_values = {"route_distinguishers": [pick(TARGETS)], "import_targets": self._chance.sample(TARGETS, 2)}
        vni = {"vni": pick([1, 2, LAST_VNI])} if some() < 0.3 else {}
        return pick(
            [
                ("ports", "create", {"id": port, "tenant_id": TENANT, **(place if some() < 0.5 else {})}),
                ("ports", "update", port, place),
                ("ports", "update", port, {"name": str(some())}),
                ("ports", "delete", port),
                ("interfaces", "create", {"id": pick(QUAYS), "tenant_id": TENANT, "port_id": port}),
                ("interfaces", "update", interface, {"name": str(some())}),
                ("interfaces", "delete", interface),
                ("vpns", "create", {"id": vpn, "tenant_id": TENANT, **vpn_values, **vni}),
                ("vpns", "update", vpn, {**vpn_values, **vni}),
                ("vpns", "delete", vpn),
                ("vpnbindings", "create", {"interface_id": interface, "tenant_id": TENANT, **address}),
                ("vpnbindings", "update", interface, address),
                ("vpnbindings", "delete", interface),
                ("vpnafconfigs", "create", {"vrf_rt_value": target, "vrf_rt_type": "both"}),
                ("vpnafconfigs", "delete", target),
            ]
        )


async def test_what_holds_after_everyone_changed_everything_at_once(tmp_path, database):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    async with Site(tmp_path, database=database) as site:
        settings = {"api": {"bind_timeout": 0.5, "workers": 2}}
        servers = [await site.start_server(settings=settings), await site.start_server(settings={"api": {"bind_timeout": 0.5}})]
        for host in ("compute-1", "compute-2"):
            await site.start_shim(host)
        watcher, stop = Watcher(site.kv), threading.Event()
        watching = asyncio.create_task(watcher.run())
        rivals = [Rival(servers[number % 2].url, seed + number, stop) for number in range(CLIENTS)]
        for rival in rivals:
            rival.start()
        await asyncio.sleep(SECONDS)
        stop.set()
        for rival in rivals:
            await asyncio.to_thread(rival.join, 30)
        assert [fault for rival in rivals for fault in rival.faults] == []
        assert sum(rival.done for rival in rivals) > CLIENTS * 20

        state = await site.until(lambda: settled(servers[0].url), "every bind to be answered", servers[0].child)
        whole(state)
        await site.until(lambda: as_in_etcd(site), "etcd to equal the database", servers[0].child)
        await site.until(lambda: answers_fit(site.kv, state["ports"]), "the shims' answers to fit the ports", servers[0].child)
        assert watcher.fell == []
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert [child.name for child in (servers[0].child, servers[1].child) if "Traceback" in child.output()] == []


async def settled(url):
    """Everything, once each port is as bound as its place lets it be."""

    def read():
        with Client(url) as client:
            kinds = ("ports", "interfaces", "vpns", "vpnbindings", "vpnafconfigs")
            return {
                kind: [o for page in Collection(client, f"{ROOT}/{kind}").pages() for o in page.json()[kind]] for kind in kinds
            }

    found = await asyncio.to_thread(read)
    return found if all(port["binding_state"] == wanted(port) for port in found["ports"]) else None


def wanted(port):
    return STATE_AT[port["host_id"]] if port["host_id"] and port["device_id"] else "UNBOUND"


def whole(state):
    """Nothing refers to what is not there, no port lacks its interface, nothing unique is there twice."""
    ids = {kind: {o["id"] for o in state[kind]} for kind in ("ports", "interfaces", "vpns")}
    targets = {o["vrf_rt_value"] for o in state["vpnafconfigs"]}
    assert ids["ports"] <= ids["interfaces"]
    assert {o["port_id"] for o in state["interfaces"]} <= ids["ports"]
    assert {o["interface_id"] for o in state["vpnbindings"]} <= ids["interfaces"]
    assert {o["service_id"] for o in state["vpnbindings"]} <= ids["vpns"]
    assert {target for o in state["vpns"] for target in o["import_targets"] or []} <= targets
    for values in (
        [o["vni"] for o in state["vpns"]],
        [mark for o in state["vpns"] for mark in set(o["route_distinguishers"] or [])],
        [(o["service_id"], o["ipaddress"]) for o in state["vpnbindings"] if o["ipaddress"]],
    ):
        assert len(values) == len(set(values))
    for port in state["ports"]:
        if port["binding_state"] == "BOUND":
            assert port["binding_controller"] == port["host_id"]


async def as_in_etcd(site):
    """Whether ``gluon sync check`` would find nothing."""
    proton = load_catalogue()["net-l3vpn"].newest
    store = await open_store(site.database_url, [proton], auto_apply=False)
    try:
        return not [difference async for difference in check(proton, site.kv, store)]
    finally:
        await store.close()


async def answers_fit(kv: Kv, ports):
    """Whether every answer that stands is that of the controller that bound the port."""
    controllers = {port["id"]: port["binding_controller"] for port in ports if port["binding_state"] == "BOUND"}
    page = await kv.page("/controller/net-l3vpn/ProtonBasePort/")
    answers = {kv.key.split("/")[4]: json.loads(kv.value) for kv in page.items if kv.key.count("/") == 4}
    return {id: answer["controller"] for id, answer in answers.items() if answer} == controllers
