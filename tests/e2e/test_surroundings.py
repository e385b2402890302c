# SPDX-License-Identifier: Apache-2.0
"""Surroundings that fail: a clear message where the server cannot start, and nothing lost where it runs on."""

import asyncio
import json
import shutil
import socket
import sqlite3
import subprocess
import sys

import pytest

from gluon.client.errors import Problem
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.child import clean_environment
from gluon.parts.site import Site

PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"


def start(tmp_path, text, module="gluon.cmd.proton_server"):
    """Start a command that cannot run; its exit status and what it says on standard error."""
    conf = tmp_path / "wrong.conf"
    conf.write_text(text)
    done = subprocess.run(
        (sys.executable, "-m", module, f"--config-file={conf}"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stderr


def test_a_taken_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = start(tmp_path, f"[api]\nport = {port}\n[database]\nconnection = sqlite:///{tmp_path}/a.sqlite\n")
    assert status == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in said
    assert "in use" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[api]\nport = many\n", ["wrong.conf", "[api] port"]),
        ("[api]\nprot = 1\n", ["wrong.conf:2", "did you mean port"]),
        ("[api]\nhost = 0.0.0.0\n", ["0.0.0.0", "noauth_beyond_loopback"]),
        ("[api]\nhost = no.such.host.invalid\nnoauth_beyond_loopback = true\n", ["no.such.host.invalid"]),
        ("[database]\nconnection = sqlite:////nowhere/at/all/gluon.sqlite\n", ["/nowhere/at/all"]),
        ("[database]\nconnection = postgresql://x/y\n", ["postgresql"]),
        ("[database]\nconnection = nonsense\n", ["[database] connection", "not a URL"]),
        ("[etcd]\nendpoints = ftp://x\n", ["[etcd]", "ftp://x"]),
        ("[etcd]\nca_file = /no/such.pem\nendpoints = https://127.0.0.1:1\n", ["[etcd]", "/no/such.pem"]),
        ("[DEFAULT]\nmodel_path = /no/such/folder\n", ["/no/such/folder"]),
        ("[DEFAULT]\nprotons = net-l3vpm, ietf-sfc\n", ["[DEFAULT] protons", "'net-l3vpm': did you mean 'net-l3vpn'"]),
    ],
)
def test_wrong_settings_of_the_server(tmp_path, text, words):
    if "[database]" not in text:
        text += f"[database]\nconnection = sqlite:///{tmp_path}/a.sqlite\n"
    if "[api]" not in text:
        text += "[api]\nport = 0\n"
    status, said = start(tmp_path, text)
    assert status == 1
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["host_list"]),
        ("[shim]\nhost_list = a\nhandlers = net-l3vpn\n", ["'net-l3vpn' is not of the form proton:backend"]),
        (
            "[shim]\nhost_list = a\nhandlers = net-l3vpn:net-l3vpn-dummy, net-l3vpn:net-l3vpn-dummy\n",
            ["two are for 'net-l3vpn'", "[shim] name"],
        ),
        ("[shim]\nhost_list = a\nhandlers = net-l3vpn:net-l3vpn-dummy:mine\n", ["data model 'mine'", "gluon.shim.models"]),
        ("[shim]\nhost_list = a\nhandlers = net-l3vpn:net-l3vpn-dummy:\n", ["proton:backend:model"]),
        ("[shim]\nhost_list = a\nhandlers = net-l3vpm:x\n", ["net-l3vpm", "did you mean 'net-l3vpn'"]),
        ("[DEFAULT]\nprotons = ietf-sfc\n[shim]\nhost_list = a\n", ["[shim] handlers", "'net-l3vpn' (there are ietf-sfc)"]),
        ("[shim]\nhost_list = a\nhandlers = net-l3vpn:dummy\n", ["dummy", "net-l3vpn-dummy"]),
    ],
)
def test_wrong_settings_of_the_shim(tmp_path, text, words):
    status, said = start(tmp_path, text, "gluon.cmd.shimserver")
    assert status == 1
    for word in words:
        assert word in said


def test_a_wrong_model_is_refused_with_its_places(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        'file_version: "1.0"\ninfo: {name: bad, version: 1.0}\nobjects:\n  A: {api: {name: a}, atributes: {}}\n'
    )
    status, said = start(
        tmp_path, f"[DEFAULT]\nmodel_path = {tmp_path}\n[database]\nconnection = sqlite:///{tmp_path}/a.sqlite\n"
    )
    assert status == 1
    assert "bad.yaml:4:" in said
    assert "did you mean 'attributes'" in said
    assert not (tmp_path / "a.sqlite").exists()


def test_a_database_that_is_none_or_of_others(tmp_path):
    other = tmp_path / "other.sqlite"
    other.write_text("this is a text file, and a long enough one to be none of SQLite's " * 20)
    status, said = start(tmp_path, f"[api]\nport = 0\n[database]\nconnection = sqlite:///{other}\n")
    assert status == 1
    assert "other.sqlite" in said
    with sqlite3.connect(tmp_path / "foreign.sqlite") as database:
        database.execute("CREATE TABLE net_l3vpn_interface (x)")
    status, said = start(tmp_path, f"[api]\nport = 0\n[database]\nconnection = sqlite:///{tmp_path}/foreign.sqlite\n")
    assert status == 1
    assert "net_l3vpn_interface" in said


async def test_etcd_absent_at_start_then_there(tmp_path):
    async with Site(tmp_path) as site:
        await site.etcd.stop()
        server = await site.start_server(ready=False)
        with Client(server.url) as client:

            async def alive():
                try:
                    return client.request("GET", "/healthz").status == 200
                except Exception:
                    return False

            await site.until(alive, "the server to live", server.child)
            made = Collection(client, PORTS).create({"tenant_id": TENANT}).json()
            with pytest.raises(Problem) as caught:
                client.request("GET", "/readyz")
            assert caught.value.status == 503
            await site.etcd.start()
            await site.until_ready(server)

            async def there():
                return await site.kv.get(f"/proton/net-l3vpn/ProtonBasePort/{made['id']}")

            assert await site.until(there, "the port to reach etcd", server.child)


async def test_etcd_goes_under_load_and_comes_back_empty(tmp_path):
    async with Site(tmp_path) as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 1}})
        shim = await site.start_shim("compute-1")

        def make(count):
            with Client(server.url) as client:
                return [Collection(client, PORTS).create({"tenant_id": TENANT, "name": str(n)}).json() for n in range(count)]

        made = make(100)
        await site.etcd.kill()
        made += await asyncio.to_thread(make, 100)
        shutil.rmtree(tmp_path / "etcd")
        await site.etcd.start()
        made += await asyncio.to_thread(make, 100)
        await site.until_ready(server)

        async def all_there():
            page = await site.kv.page("/proton/net-l3vpn/ProtonBasePort/")
            names = {json.loads(kv.value)["name"] for kv in page.items}
            return len(page.items) == 300 and names == {str(n) for n in range(100)}

        await site.until(all_there, "all ports to be in etcd again", server.child)

        async def complete():
            return json.loads((await site.kv.get("/gluon/sync/net-l3vpn")).value)["state"] == "complete"

        await site.until(complete, "the repair to be complete", server.child)
        signed = "/gluon/shim/net-l3vpn/compute-1"
        await site.until(lambda: site.kv.get(signed), "the shim to sign in again", shim)

        def bind():
            with Client(server.url) as client:
                changes = {"host_id": "compute-1", "device_id": "vm"}
                return Collection(client, PORTS).update(made[0]["id"], changes, wait=1).json()

        async def bound():
            return (await asyncio.to_thread(bind))["binding_state"] == "BOUND"

        await site.until(bound, "a port to be bound after all that", shim)


async def test_a_full_disk_refuses_writes_and_loses_nothing(tmp_path):
    """The disk is a small file system of its own where we may make one; else SQLite's own limit stands in for it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)), check=True, timeout=10)
    try:
        async with Site(tmp_path) as site:
            site.database = disk / "gluon.sqlite"
            server = await site.start_server()
            acknowledged = []

            def fill():
                with Client(server.url) as client:
                    ports = Collection(client, PORTS)
                    for n in range(20_000):
                        try:
                            acknowledged.append(ports.create({"tenant_id": TENANT, "profile": {"x": "y" * 10_000}}).json()["id"])
                        except Problem as problem:
                            return problem, n
                    return None, 0

            problem, _ = await asyncio.to_thread(fill)
            assert problem is not None
            assert problem.status == 503
            assert "full" in str(problem).lower()

            def stored():
                with Client(server.url) as client:
                    return {p["id"] for page in Collection(client, PORTS).pages() for p in page.json()["ports"]}

            assert await asyncio.to_thread(stored) == set(acknowledged)
            await server.stop()
    finally:
        subprocess.run(("umount", "-l", str(disk)), check=True, timeout=10)
