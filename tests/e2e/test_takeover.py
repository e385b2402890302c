# SPDX-License-Identifier: Apache-2.0
"""Two shims of one name: one works and the other stands by, and takes over when the first is killed or paused."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.child import Child, clean_environment
from gluon.parts.site import Site

PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"
#: For the seconds of a lease the test waits; a shim that is slow must not lose it before.
QUICK = {"shim": {"lease_ttl": 6}}
PATIENT = {"api": {"bind_timeout": 20}}


def listed(site: Site, *words: str) -> list[dict[str, object]]:
    """``gluon shim list --json``."""
    conf = site.folder / "listing.conf"
    conf.write_text(f"[etcd]\nendpoints = {site.etcd.endpoint}\n[shim]\nhost_list = any\n")
    command = (sys.executable, "-m", "gluon.cmd.gluon", "shim", "list", *words, "--config-file", str(conf), "net-l3vpn")
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)["shims"] if "--json" in words else done.stdout.splitlines()


async def shims(site: Site) -> dict[int, str]:
    """The state of each shim that is there, by its process."""
    found = await asyncio.to_thread(listed, site, "--json")
    return {shim["pid"]: shim["state"] for shim in found if shim["pid"]}


async def until_states(site: Site, *expected: tuple[Child, str]) -> None:
    async def so() -> bool:
        return await shims(site) == {child.pid: state for child, state in expected}

    await site.until(so, f"the states {[state for _, state in expected]}")


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "paused"])
async def test_the_standby_takes_over_and_repeats_nothing(tmp_path, killed):
    async with Site(tmp_path) as site:
        server = await site.start_server(settings=PATIENT)
        first = await site.start_shim("h1", settings=QUICK)
        second = await site.start_shim("h1", settings=QUICK)
        await until_states(site, (first, "active"), (second, "standby"))
        with Client(server.url) as client:
            ports = Collection(client, PORTS)
            bound = [ports.create({"tenant_id": TENANT, "host_id": "h1", "device_id": f"d{n}"}).json() for n in range(5)]
            assert {port["binding_state"] for port in bound} == {"BOUND"}

            async def reported() -> bool:
                active, *standing_by = await asyncio.to_thread(listed, site, "--json")
                settled = active["reports"] == {"ready": 10} and (active["behind"], active["left"]) == (0, 0)
                return settled and len(standing_by) == 1

            await site.until(reported, "the reports of five ports and their interfaces")
            heads, *rows = [line for line in await asyncio.to_thread(listed, site) if line.startswith("|")]
            assert "standby" in rows[1] and "behind" in heads
            if killed:
                await first.kill()
            else:
                first.pause()
            await until_states(site, (second, "active"))
            for port in bound:
                assert port["id"] not in second.output(), "what was done is not done again"
            made = await asyncio.to_thread(ports.create, {"tenant_id": TENANT, "host_id": "h1", "device_id": "after"})
            assert made.json()["binding_state"] == "BOUND" and f"bind_port {made.json()['id']}" in second.output()
            if not killed:
                first.resume()
                await until_states(site, (second, "active"), (first, "standby"))
                assert made.json()["id"] not in first.output()
                await second.stop()
                await until_states(site, (first, "active"))
