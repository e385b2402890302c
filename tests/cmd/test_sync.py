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


def create(server: Server) -> str:
    request = urllib.request.Request(
        f"{server.url}/proton/net-l3vpn/v1.0/ports",
        data=b'{"tenant_id": "t"}',
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        made: str = json.load(answer)["id"]
        return made


async def test_what_differs_is_listed_and_repaired(site):
    server = await site.start_server()
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


async def test_another_databases_keys_are_left_alone(site):
    server = await site.start_server()
    await server.stop()
    site.database.rename(site.folder / "old.sqlite")
    server = await site.start_server()
    status, _, error = await call(site, "repair", "--force")
    assert status == 1 and "belong to database" in error and "delete /gluon/sync/" in error
    await server.stop()


def test_an_unknown_proton_is_refused(capsys):
    assert main(["sync", "check", "net-l3vpm"]) == 1
    assert "there is no Proton 'net-l3vpm': did you mean 'net-l3vpn'?" in capsys.readouterr().err
