# SPDX-License-Identifier: Apache-2.0
"""``[DEFAULT] protons``: a server has just these, and leaves alone what its database and etcd hold of others."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from gluon.client.errors import Problem
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.child import clean_environment
from gluon.parts.site import Site

PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"
#: A server that has one Proton; by its /readyz no change may wait at all.
CHAINS = {"DEFAULT": {"protons": "ietf-sfc"}, "sync": {"lag_limit": 0}}


def served(server):
    with Client(server.url) as client:
        return [proton["proton_service"] for proton in client.request("GET", "/proton").json()["protons"]]


def command(site, *words):
    """``gluon`` with the settings of the server that has one Proton; its status and output."""
    conf = site.folder / "gluon.conf"
    conf.write_text(
        f"[DEFAULT]\nprotons = ietf-sfc\n[database]\nconnection = {site.database_url}\n[etcd]\nendpoints = {site.etcd.endpoint}\n"
    )
    done = subprocess.run(
        (sys.executable, "-m", "gluon.cmd.gluon", *words, f"--config-file={conf}"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def keys(site):
    """All that servers wrote of net-l3vpn to etcd: keys, with what they say and when they were written."""
    pages = [await site.kv.page(prefix) for prefix in ("/proton/net-l3vpn/", "/gluon/port/", "/gluon/sync/net-l3vpn")]
    return [(kv.key, kv.value, kv.mod_revision) for page in pages for kv in page.items]


async def test_a_server_has_just_these(tmp_path):
    async with Site(tmp_path) as site:
        server = await site.start_server(settings=CHAINS)
        assert served(server) == ["ietf-sfc"]
        with Client(server.url) as client, pytest.raises(Problem) as caught:
            client.request("GET", "/proton/net-l3vpn")
        assert caught.value.status == 404
        with closing(sqlite3.connect(site.database)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert {name.split("_")[0] for name in tables} == {"gluon", "ietf", "sqlite"}
        await site.until(lambda: site.kv.get("/gluon/sync/ietf-sfc"), "the relay", server.child)
        assert await keys(site) == []
        status, said = await asyncio.to_thread(command, site, "sync", "check", "net-l3vpn")
        assert status == 1 and "there is no Proton 'net-l3vpn' (there are ietf-sfc)" in said
        assert (await asyncio.to_thread(command, site, "db", "plan"))[0] == 0


async def test_servers_of_one_database_must_have_the_same(tmp_path):
    async with Site(tmp_path) as site:
        relaying = await site.start_server(settings=CHAINS)
        await site.until(lambda: site.kv.get("/gluon/sync/ietf-sfc"), "the relay", relaying.child)
        server = await site.start_server(settings={"sync": {"lag_limit": 0}})
        with Client(server.url) as client:
            Collection(client, PORTS).create({"tenant_id": TENANT})
            with pytest.raises(Problem) as caught:
                client.request("GET", "/readyz")
            assert caught.value.status == 503, "its changes wait"
        await site.until_ready(relaying)
        await relaying.stop()
        await site.until_ready(server)
        assert await keys(site)


async def test_a_proton_that_is_taken_off_the_list_is_left_as_it_is_until_it_is_back(tmp_path):
    async with Site(tmp_path) as site:
        server = await site.start_server()
        await site.start_shim("compute-1")
        with Client(server.url) as client:
            ports = Collection(client, PORTS)
            id = ports.create({"tenant_id": TENANT, "host_id": "compute-1", "device_id": "vm"}).json()["id"]

            async def settled():
                said = await site.kv.get(f"/proton/net-l3vpn/ProtonBasePort/{id}")
                return said and b'"BOUND"' in said.value

            await site.until(settled, "the bound port in etcd", server.child)
            await site.etcd.stop()
            ports.update(id, {"name": "later"})
        await server.stop()
        await site.etcd.start()
        before, answer = await keys(site), await site.kv.get(f"/controller/net-l3vpn/ProtonBasePort/{id}")

        server = await site.start_server(settings=CHAINS)
        assert served(server) == ["ietf-sfc"]
        for words in ("sync check", "sync stuck", "sync repair --wait", "db plan", "db apply", "shim list"):
            status, said = await asyncio.to_thread(command, site, *words.split())
            assert status == 0 and "l3vpn" not in said, said
        assert await keys(site) == before
        assert await site.kv.get(answer.key) == answer
        await server.stop()

        server = await site.start_server()
        with Client(server.url) as client:
            port = Collection(client, PORTS).show(id).json()
        assert (port["name"], port["binding_state"]) == ("later", "BOUND")

        async def caught_up():
            said = await site.kv.get(f"/proton/net-l3vpn/ProtonBasePort/{id}")
            return said and b'"later"' in said.value

        await site.until(caught_up, "the change that had waited", server.child)
        (position,) = [value for key, value, _ in before if key == "/gluon/sync/net-l3vpn"]
        epoch = position.split(b'"epoch":"')[1].split(b'"')[0]
        now = await site.kv.get("/gluon/sync/net-l3vpn")
        assert epoch in now.value, "the relay went on where it was, and repaired nothing"
