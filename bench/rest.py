# SPDX-License-Identifier: Apache-2.0
"""REST: create, get, update and list ports at several numbers of clients."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from bench import floors, wrk
from bench.figures import Figure
from gluon.parts.site import Server, Site

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


async def measure(site: Site, seconds: float) -> list[Figure]:
    """All REST figures."""
    server = await site.start_server()
    one = site.folder / "one.json"
    ids = ids_of(server, site.folder, 1)
    with urllib.request.urlopen(f"{server.url}{PORTS}/{ids.read_text().strip()}", timeout=30) as answer:
        one.write_bytes(answer.read())
    with urllib.request.urlopen(f"{server.url}{PORTS}?limit=1", timeout=30) as answer:
        answer.read()
    figures: list[Figure] = []
    create = wrk.sending({"tenant_id": TENANT, "name": "bench"})
    floor_db = {
        group: floors.sqlite_commits(site.database, site.folder, group=group, seconds=min(seconds, 2)) for group in (1, 64)
    }
    async with floors.bare_http(site.folder, one.read_bytes()) as bare:
        for clients in (1, 8, 64):
            floor = (await wrk.run(create, bare, site.folder, clients=clients, seconds=seconds)).rate
            load = await wrk.run(create, server.url + PORTS, site.folder, clients=clients, seconds=seconds)
            figures += _figures(f"create port, {clients} clients", load, floor, "bare ASGI app")
            if clients in floor_db:
                name = "one commit a port" if clients == 1 else "64 ports a commit"
                what = f"create port, {clients} clients"
                figures.append(
                    Figure("REST", what, load.rate, "/s", floor_db[clients], f"bare SQLite, FULL, {name}", "SQLite alone")
                )
        many = ids_of(server, site.folder, 10_000)
        for clients in (1, 8, 64):
            get = wrk.getting(many, PORTS)
            floor = (await wrk.run("", bare, site.folder, clients=clients, seconds=seconds)).rate
            load = await wrk.run(get, server.url, site.folder, clients=clients, seconds=seconds)
            figures += _figures(f"get port, {clients} clients", load, floor, "bare ASGI app")
            update = wrk.patching(many, PORTS, '{"name": "bench-%d"}')
            load = await wrk.run(update, server.url, site.folder, clients=clients, seconds=seconds)
            figures += _figures(f"update port, {clients} clients", load, floor, "bare ASGI app")
    with urllib.request.urlopen(f"{server.url}{PORTS}?limit=100", timeout=30) as answer:
        page = answer.read()
    async with floors.bare_http(site.folder, page) as bare:
        for clients in (1, 8, 64):
            floor = (await wrk.run("", bare, site.folder, clients=clients, seconds=seconds)).rate
            load = await wrk.run("", f"{server.url}{PORTS}?limit=100", site.folder, clients=clients, seconds=seconds)
            figures += _figures(f"list 100 of 10,000 ports, {clients} clients", load, floor, "bare ASGI app, same page")
    await server.stop()
    return figures


def _figures(what: str, load: wrk.Load, floor: float, floor_is: str) -> list[Figure]:
    note = ", ".join(filter(None, (f"p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms", load.note, _SHARED)))
    return [Figure("REST", what, load.rate, "/s", floor, floor_is, note)]
