# SPDX-License-Identifier: Apache-2.0
"""``gluon sync`` beside a server that runs, and on keys that are another database's."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request

import pytest

from gluon.cmd.gluon import main
from gluon.parts.site import Server, Site

KEY = "/proton/net-l3vpn/VpnInstance/stray"


@pytest.fixture
async def site(tmp_path):
    async with Site(tmp_path) as running:
        yield running


async def call(site: Site, *words: str) -> tuple[int, str, str]:
    """``gluon sync`` as a user runs it, on the site's database and etcd."""
    conf = site.folder / "gluon.conf"
    conf.write_text(f"[database]\nconnection = sqlite:///{site.database}\n[etcd]\nendpoints = {site.etcd.endpoint}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gluon.cmd.gluon", "sync", *words, "--config-file", str(conf)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def started(site: Site) -> Server:
    """A server that has brought etcd to its database once, as it begins with: else it may repair what a test has just broken."""
    server = await site.start_server()

    async def complete() -> bool:
        found = await site.kv.get("/gluon/sync/net-l3vpn")
        return found is not None and json.loads(found.value)["state"] == "complete"

    await site.until(complete, "the first repair", server.child)
    return server


def create(server: Server, values: dict[str, object] | None = None) -> str:
    request = urllib.request.Request(
        f"{server.url}/proton/net-l3vpn/v1.0/ports",
        data=json.dumps({"tenant_id": "t", **(values or {})}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        made: str = json.load(answer)["id"]
        return made


async def test_what_differs_is_listed_and_repaired(site):
    server = await started(site)
    port = await asyncio.to_thread(create, server)
    await site.until(lambda: site.kv.get(f"/gluon/port/{port}"), "the port in etcd")
    assert await call(site, "check") == (0, "", "")
    await site.kv.delete(f"/gluon/port/{port}")
    await site.kv.put(KEY, b"{}")
    status, said, _ = await call(site, "check", "net-l3vpn")
    assert (status, said) == (1, f"/gluon/port/{port} is missing\n{KEY} should not be there\n")
    status, said, _ = await call(site, "repair", "net-l3vpn")
    assert status == 0 and "/gluon/sync/net-l3vpn" in said

    async def repaired():
        return await site.kv.get(f"/gluon/port/{port}") is not None and await site.kv.get(KEY) is None

    await site.until(repaired, "the repair")


async def test_a_repair_can_be_waited_for(site):
    server = await started(site)
    port = await asyncio.to_thread(create, server)
    await site.until(lambda: site.kv.get(f"/gluon/port/{port}"), "the port in etcd")
    await site.kv.delete(f"/gluon/port/{port}")
    assert await call(site, "repair", "--wait", "net-l3vpn") == (0, "net-l3vpn: repaired\n", "")
    assert await site.kv.get(f"/gluon/port/{port}") is not None
    for n in range(150):
        await site.kv.put(f"/proton/net-l3vpn/VpnInstance/stray-{n}", b"{}")
    status, said, error = await call(site, "repair", "--wait", "net-l3vpn")
    assert (status, said) == (1, "") and "would delete 150 of" in error
    status, said, _ = await call(site, "repair", "--wait", "--force", "net-l3vpn")
    assert (status, said) == (0, "net-l3vpn: repaired\n")
    assert await call(site, "check") == (0, "", "")


async def test_another_databases_keys_are_left_alone(site):
    server = await started(site)
    await server.stop()
    site.database.rename(site.folder / "old.sqlite")
    server = await site.start_server()
    status, _, error = await call(site, "repair", "--force")
    assert status == 1 and "belong to database" in error and "delete /gluon/sync/" in error
    await server.stop()


async def test_what_etcd_refuses_for_good_is_listed_and_sent_again(tmp_path):
    """etcd takes little here, so that it refuses a large object for good; then more, as after its operator saw to it."""
    site = Site(tmp_path)
    site.etcd.options = ("--max-request-bytes=20000",)
    async with site:
        server = await site.start_server()
        nothing = "0 keys will be sent again; what etcd refuses again is listed again\n"
        assert await call(site, "stuck", "--retry") == (0, nothing, "")
        port = await asyncio.to_thread(create, server, {"profile": {"x": "y" * 60_000}})

        async def refused():
            return (await call(site, "stuck"))[0] == 1

        await site.until(refused, "the key to be set aside")
        key = f"/proton/net-l3vpn/ProtonBasePort/{port}"
        _, said, _ = await call(site, "stuck")
        assert said.startswith(f"{key} since 20") and "too large" in said
        (listed,) = json.loads((await call(site, "stuck", "--json"))[1])["stuck"]
        assert listed["key"] == key and listed["since"].endswith("Z") and "too large" in listed["reason"]
        status, _, error = await call(site, "stuck", "--retry", f"{key}0")
        assert status == 1 and f"did you mean {key}?" in error
        await site.etcd.stop()
        site.etcd.options = ()
        await site.etcd.start()
        status, said, _ = await call(site, "stuck", "--retry", key)
        assert (status, said.split()[:2]) == (0, ["1", "key"])

        async def sent():
            return (await call(site, "stuck"))[0] == 0 and (await call(site, "check"))[0] == 0

        await site.until(sent, "the key to be sent")


def test_an_unknown_proton_is_refused(capsys):
    assert main(["sync", "check", "net-l3vpm"]) == 1
    assert "there is no Proton 'net-l3vpm': did you mean 'net-l3vpn'?" in capsys.readouterr().err
