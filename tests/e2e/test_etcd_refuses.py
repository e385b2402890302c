# SPDX-License-Identifier: Apache-2.0
"""An etcd that refuses everything, until its operator sees to it: each part says why, waits, and goes on by itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress

import grpc

from gluon.kv.contract import KvRefused
from gluon.kv.process import EtcdProcess
from gluon.parts.child import clean_environment
from gluon.parts.site import Server, Site
from tests.kv.administration import compact, enable_users
from tests.kv.certificates import Authority, Pair

TENANT = "0123456789abcdef0123456789abcdef"
PATIENT = {"api": {"bind_timeout": 20}}
QUOTA = "--quota-backend-bytes=4000000"


def ask(server: Server, path: str, values: dict[str, object] | None = None, wait: float = 20) -> tuple[int, str]:
    """The status and body of an answer, for which a bind may be waited so long."""
    body = None if values is None else json.dumps({"tenant_id": TENANT, **values}).encode()
    headers = {"Content-Type": "application/json", "Prefer": f"wait={wait:g}"} if body else {}
    request = urllib.request.Request(server.url + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


async def create(server: Server, wait: float = 20, **values: object) -> tuple[int, dict[str, object]]:
    status, body = await asyncio.to_thread(ask, server, "/proton/net-l3vpn/v1.0/ports", values, wait)
    return status, json.loads(body)


async def says(site: Site, look: Callable[[], str], *words: str) -> None:
    """Wait until a text holds these words."""

    async def found() -> bool:
        text = await asyncio.to_thread(look)
        return all(word in text for word in words)

    await site.until(found, f"the words {words}")


def readiness(server: Server) -> Callable[[], str]:
    return lambda: ask(server, "/readyz")[1]


def figures(server: Server) -> Callable[[], str]:
    return lambda: ask(server, "/metrics")[1]


def sync(site: Site, server: Server, *words: str) -> tuple[int, str]:
    """``gluon sync`` with the server's settings: its status and what it says on standard error."""
    conf = site.folder / f"{server.child.name}.conf"
    command = (sys.executable, "-m", "gluon.cmd.gluon", "sync", *words, "--config-file", str(conf))
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


async def works(site: Site, server: Server) -> None:
    """All is well again: nothing waits, nothing is set aside, etcd is as the database wants it, binds are answered."""
    await site.until_ready(server)
    await says(site, figures(server), "gluon_sync_backlog_rows 0.0", "gluon_sync_stuck_keys 0.0", "gluon_sync_troubles 0.0")
    assert (await asyncio.to_thread(sync, site, server, "check"))[0] == 0
    status, port = await create(server, host_id="h2", device_id="d")
    assert (status, port["binding_state"]) == (201, "BOUND")


async def test_an_etcd_out_of_space(tmp_path):
    site = Site(tmp_path)
    site.etcd.options = (QUOTA,)
    async with site:
        server = await site.start_server(settings=PATIENT)
        first = await site.start_shim("h1")
        with suppress(KvRefused):
            for number in range(1000):
                await site.kv.put(f"/others/{number}", b"x" * 100_000)
        status, port = await create(server, wait=1, host_id="h1", device_id="d", name="meanwhile")
        assert (status, port["binding_state"]) == (202, "BINDING")
        full = "etcd is out of space and takes no writes until room is made"
        second = await site.start_shim("h2", ready=False)
        for look in (readiness(server), server.child.output, second.output):
            await says(site, look, full)
        await says(site, figures(server), "gluon_sync_stuck_keys 0.0")
        assert "gluon_sync_troubles 0.0" not in figures(server)()
        status, said = await asyncio.to_thread(sync, site, server, "repair")
        assert status == 1 and len(said.splitlines()) == 1 and full in said
        assert first.running and second.running
        await site.kv.delete("/others/", prefix=True)
        await compact(site.etcd.endpoint, await site.kv.revision())
        for words in (("defrag",), ("alarm", "disarm")):
            subprocess.run(("etcdctl", f"--endpoints={site.etcd.endpoint}", *words), check=True, capture_output=True, timeout=30)
        await works(site, server)

        async def bound() -> bool:
            _, body = await asyncio.to_thread(ask, server, f"/proton/net-l3vpn/v1.0/ports/{port['id']}")
            return json.loads(body)["binding_state"] == "BOUND"

        await site.until(bound, "the bind that waited")


async def test_an_etcd_that_wants_a_user(tmp_path):
    async with Site(tmp_path) as site:
        server = await site.start_server(settings=PATIENT)
        first = await site.start_shim("h1")
        async with grpc.aio.insecure_channel(site.etcd.endpoint.removeprefix("http://")) as channel:
            await enable_users(channel)
        wanted = "etcd wants a user and a password, and none are set ([etcd] username, password)"
        status, _ = await create(server, name="meanwhile")
        assert status == 201
        second = await site.start_shim("h2", ready=False)
        third = await site.start_shim("h3", settings={"etcd": {"username": "gluon", "password": "wrong"}}, ready=False)
        for look in (readiness(server), server.child.output, second.output):
            await says(site, look, wanted)
        await says(site, third.output, "etcd does not accept the user and password that are set ([etcd] username, password)")
        assert "wrong" not in third.output()
        status, said = await asyncio.to_thread(sync, site, server, "check")
        assert status == 1 and len(said.splitlines()) == 1 and wanted in said
        await says(site, figures(server), "gluon_sync_stuck_keys 0.0")
        assert first.running and second.running and third.running
        words = ("--user=root:secret", "auth", "disable")
        subprocess.run(("etcdctl", f"--endpoints={site.etcd.endpoint}", *words), check=True, capture_output=True, timeout=30)
        await works(site, server)


async def test_a_user_without_the_rights(tmp_path):
    """Who may not write an object is refused each of them: for want of a right nothing is set aside."""
    async with Site(tmp_path) as site:
        user = {"etcd": {"username": "gluon", "password": "secret"}}
        server = await site.start_server(settings=user | PATIENT)
        second = await site.start_shim("h2", settings=user)
        async with grpc.aio.insecure_channel(site.etcd.endpoint.removeprefix("http://")) as channel:
            await enable_users(channel)
            assert (await create(server, name="meanwhile"))[0] == 201
            await says(site, readiness(server), "has no right to do this")
            await says(site, figures(server), "gluon_sync_stuck_keys 0.0", "gluon_sync_backlog_rows 2.0")
            assert second.running
        words = ("--user=root:secret", "role", "grant-permission", "gluon", "readwrite", "--prefix=true", "/")
        subprocess.run(("etcdctl", f"--endpoints={site.etcd.endpoint}", *words), check=True, capture_output=True, timeout=30)
        await works(site, server)


async def test_a_certificate_of_etcd_that_has_expired(tmp_path):
    authority = Authority(tmp_path)
    fresh, old, ours = authority.issue("fresh"), authority.expired("old"), authority.issue("ours")

    def options(pair: Pair) -> tuple[str, ...]:
        return (
            f"--cert-file={pair.cert}",
            f"--key-file={pair.key}",
            "--client-cert-auth",
            f"--trusted-ca-file={authority.pair.cert}",
        )

    site = Site(tmp_path)
    site.etcd = EtcdProcess(tmp_path / "secure", options=options(fresh), scheme="https")
    async with site:
        files = {"ca_file": authority.pair.cert, "cert_file": ours.cert, "key_file": ours.key}
        server = await site.start_server(settings={"etcd": files} | PATIENT)
        shim = await site.start_shim("h2", settings={"etcd": files}, ready=False)
        await works(site, server)
        await site.etcd.kill()
        site.etcd.options = options(old)
        await site.etcd.start()
        expired = "its certificate has expired"
        assert (await create(server, name="meanwhile"))[0] == 201
        for look in (readiness(server), server.child.output, shim.output):
            await says(site, look, expired)
        status, said = await asyncio.to_thread(sync, site, server, "repair")
        assert status == 1 and len(said.splitlines()) == 1 and expired in said
        assert "ssl_transport" not in server.child.output() + shim.output()
        await says(site, figures(server), "gluon_sync_stuck_keys 0.0")
        await site.etcd.kill()
        site.etcd.options = options(fresh)
        await site.etcd.start()
        await works(site, server)
