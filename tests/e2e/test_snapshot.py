# SPDX-License-Identifier: Apache-2.0
"""An etcd restored from a snapshot of an hour ago, by ``etcdctl snapshot``, under a server and a shim that run on."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.site import Site

PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"


def etcdctl(*words: str) -> None:
    subprocess.run(("etcdctl", *words), check=True, capture_output=True, timeout=60)


async def restore(site: Site, snapshot: Path) -> None:
    """Put the snapshot in the place of etcd's data, as its operator would."""
    peer = f"http://127.0.0.1:{site.etcd._ports.peer}"
    await site.etcd.kill()
    shutil.rmtree(site.folder / "etcd" / "data")
    name = site.etcd.name
    cluster = (f"--name={name}", f"--initial-cluster={name}={peer}", f"--initial-advertise-peer-urls={peer}")
    etcdctl("snapshot", "restore", str(snapshot), f"--data-dir={site.folder / 'etcd' / 'data'}", *cluster)
    await site.etcd.start()


async def reports(site: Site) -> dict[str, tuple[str, int]]:
    """State and generation of every report of the shim, by kind and identifier."""
    page = await site.kv.page("/controller/net-l3vpn/", limit=10_000)
    keys = {found.key: json.loads(found.value) for found in page.items if found.key.endswith("/h1")}
    return {key.split("/", 3)[3].rpartition("/")[0]: (said["state"], said["generation"]) for key, said in keys.items()}


async def wanted(site: Site) -> dict[str, tuple[str, int]]:
    page = await site.kv.page("/proton/net-l3vpn/", limit=10_000)
    return {found.key.split("/", 3)[3]: ("ready", json.loads(found.value)["generation"]) for found in page.items}


async def test_all_is_as_it_was_before_the_restore(tmp_path):
    async with Site(tmp_path) as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 20}})
        shim = await site.start_shim("h1")
        with Client(server.url) as client:
            ports = Collection(client, PORTS)

            def create(**values: object) -> str:
                return ports.create({"tenant_id": TENANT, **values}).json()["id"]

            kept, gone, moved = [await asyncio.to_thread(create, host_id="h1", device_id=f"d{n}") for n in range(3)]

            async def settled() -> bool:
                return await wanted(site) == await reports(site)

            await site.until(settled, "the reports")
            etcdctl(f"--endpoints={site.etcd.endpoint}", "snapshot", "save", str(tmp_path / "snapshot"))
            ports.update(moved, {"host_id": "h2", "device_id": "x"}, wait=0)
            ports.delete(gone)
            new = await asyncio.to_thread(create, host_id="h1", device_id="new")
            ports.update(kept, {"name": "changed"})

            async def carried() -> bool:
                found = await site.kv.get(f"/proton/net-l3vpn/ProtonBasePort/{kept}")
                return found is not None and json.loads(found.value)["name"] == "changed" and await settled()

            await site.until(carried, "the reports of what came after")
            before = await reports(site)
            calls = shim.output().count(f"unbind_port {moved}"), shim.output().count(f"delete_port {gone}")
            assert calls == (1, 1)
            await restore(site, tmp_path / "snapshot")

            async def as_before() -> bool:
                return await reports(site) == before and await settled()

            await site.until(as_before, "etcd to be as before")
            await site.until_ready(server)
            assert (shim.output().count(f"unbind_port {moved}"), shim.output().count(f"delete_port {gone}")) == calls
            assert shim.output().count(f"bind_port {kept} ") == 1
            assert ports.show(new).json()["binding_state"] == "BOUND"
            port = await asyncio.to_thread(create, host_id="h1", device_id="after")
            assert ports.show(port).json()["binding_state"] == "BOUND"
