# SPDX-License-Identifier: Apache-2.0
"""REST: create, get, update and list ports at several numbers of clients."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from bench import floors, inserts, wrk
from bench.figures import Figure
from bench.ground import Ground, cpu
from gluon.parts.site import Server

TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"
PORTS = "/proton/net-l3vpn/v1.0/ports"
_SHARED = "server, etcd and wrk shared the cores"


def ids_of(server: Server, folder: Path, count: int) -> Path:
    """A file with the ids of ``count`` ports of the server, making those that are missing."""
    found = _ids(server, count)
    while len(found) < count:
        body = json.dumps({"tenant_id": TENANT, "name": "bench"}).encode()
        request = urllib.request.Request(server.url + PORTS, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            found.append(json.load(answer)["id"])
    path = folder / "ids.txt"
    path.write_text("\n".join(found) + "\n")
    return path


def _ids(server: Server, count: int) -> list[str]:
    found: list[str] = []
    href = f"{PORTS}?limit=1000"
    while href and len(found) < count:
        with urllib.request.urlopen(href if href.startswith("http") else server.url + href, timeout=30) as answer:
            page = json.load(answer)
        found += [port["id"] for port in page["ports"]]
        href = next((link["href"] for link in page.get("links", ()) if link["rel"] == "next"), "")
    return found[:count]


async def measure(ground: Ground, seconds: int) -> list[Figure]:
    """All REST figures."""
    server = await ground.start_server()
    get = _Answers(server)
    group = f"REST {ground.kind}"
    figures: list[Figure] = []
    create = wrk.sending({"tenant_id": TENANT, "name": "bench"})
    one = ids_of(server, ground.folder, 1).read_text().strip()
    async with floors.bare_http(ground.folder, get(f"{PORTS}/{one}")) as bare:
        for clients in (1, 8, 64):
            floor = (await wrk.run(create, bare, ground.folder, clients=clients, seconds=seconds)).rate
            used = cpu(server.child.pid)
            load = await wrk.run(create, server.url + PORTS, ground.folder, clients=clients, seconds=seconds)
            each = (cpu(server.child.pid) - used) / (load.rate * seconds) * 1e6
            what = f"create port, {clients} clients"
            figures.append(_figure(group, what, load, floor, "bare ASGI app", f"{each:.0f} µs of the server's CPU each"))
            if clients != 8:
                together = clients if clients > 1 else 1
                floor = await inserts.rate(ground.database_url, one, together, min(seconds, 2))
                floor_is = (
                    f"bare {ground.kind}, {together} ports a commit" if together > 1 else f"bare {ground.kind}, one commit a port"
                )
                figures.append(Figure(group, what, load.rate, "/s", floor, floor_is, "the database alone"))
        many = ids_of(server, ground.folder, 10_000)
        for clients in (1, 8, 64):
            floor = (await wrk.run("", bare, ground.folder, clients=clients, seconds=seconds)).rate
            for what, script in (
                ("get port", wrk.getting(many, PORTS)),
                ("update port", wrk.patching(many, PORTS, '{"name": "bench-%d"}')),
            ):
                load = await wrk.run(script, server.url, ground.folder, clients=clients, seconds=seconds)
                figures.append(_figure(group, f"{what}, {clients} clients", load, floor, "bare ASGI app"))
    path = f"{PORTS}?limit=100"
    async with floors.bare_http(ground.folder, get(path)) as bare:
        for clients in (1, 8, 64):
            floor = (await wrk.run("", bare, ground.folder, clients=clients, seconds=seconds)).rate
            load = await wrk.run("", server.url + path, ground.folder, clients=clients, seconds=seconds)
            figures.append(
                _figure(group, f"list 100 of 10,000 ports, {clients} clients", load, floor, "bare ASGI app, same page")
            )
    await server.stop()
    return figures


async def workers(ground: Ground, seconds: int) -> list[Figure]:
    """Creates with one worker and with two, in turn, since the machine's speed drifts."""
    create = wrk.sending({"tenant_id": TENANT, "name": "bench"})
    rates: dict[int, list[wrk.Load]] = {1: [], 2: []}
    for _ in range(3):
        for count, loads in rates.items():
            server = await ground.start_server(settings={"api": {"workers": count}})
            loads.append(await wrk.run(create, server.url + PORTS, ground.folder, clients=64, seconds=max(1, seconds // 2)))
            await server.stop()
    one, two = (sorted(loads, key=lambda load: load.rate)[1] for loads in rates.values())
    note = f"p50 {two.p50:.1f} ms, p99 {two.p99:.1f} ms, median of 3 runs in turn, {_SHARED}"
    return [Figure(f"REST {ground.kind}", "create port, 64 clients, two workers", two.rate, "/s", one.rate, "one worker", note)]


class _Answers:
    """Bodies of a server's answers."""

    def __init__(self, server: Server) -> None:
        self._url = server.url

    def __call__(self, path: str) -> bytes:
        with urllib.request.urlopen(self._url + path, timeout=30) as answer:
            body: bytes = answer.read()
            return body


def _figure(group: str, what: str, load: wrk.Load, floor: float, floor_is: str, more: str = "") -> Figure:
    note = ", ".join(filter(None, (f"p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms", more, load.note, _SHARED)))
    return Figure(group, what, load.rate, "/s", floor, floor_is, note)
