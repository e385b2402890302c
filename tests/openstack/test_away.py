# SPDX-License-Identifier: Apache-2.0
"""etcd or the Proton Server is away: ML2's ports go on, Gluon's are 503, and neither is ever taken for the other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gluon.parts.openstack.cloud import Cloud, Extent
from gluon.parts.openstack.users import ADMIN, OWNER
from gluon.parts.ports import free_ports
from gluon.parts.site import Site

from .stacks import Stack, refused, stand_in

pytestmark = pytest.mark.asyncio(loop_scope="function")


def plugin(endpoint: str, url: str) -> dict[str, Any]:
    options = {"etcd_endpoints": endpoint, "proton_endpoints": url, "etcd_timeout": 1}
    return {"core_plugin": "gluon", "extent": Extent.NEUTRON, "computes": (), "neutron": {"gluon": options}}


@pytest_asyncio.fixture(loop_scope="function")
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    (tmp_path / "site").mkdir()
    async with Site(tmp_path / "site") as site:
        server = await site.start_server()
        async with Cloud(tmp_path / "cloud", **plugin(site.etcd.endpoint, server.url)) as cloud:
            yield Stack(site, server, cloud, await asyncio.to_thread(stand_in, cloud.api(ADMIN)))


def own(stack: Stack) -> str:
    """A port of ML2's."""
    api = stack.api(OWNER)
    network = api.post("network", "/v2.0/networks", {"network": {"name": "mine"}})["network"]["id"]
    port: str = api.post("network", "/v2.0/ports", {"port": {"network_id": network, "device_id": "machine"}})["port"]["id"]
    return port


def ml2_works(stack: Stack, port: str) -> None:
    api = stack.api(OWNER)
    assert stack.shown(port, OWNER)["id"] == port
    assert [p["id"] for p in api.get("network", "/v2.0/ports?device_id=machine")["ports"]] == [port]
    name = {"port": {"name": "changed"}}
    assert api.put("network", f"/v2.0/ports/{port}", name)["port"]["name"] == "changed"


async def test_the_proton_server_is_away(stack: Stack) -> None:
    def check() -> None:
        port, mine = stack.port(stack.service(), "10.0.0.5")["id"], own(stack)
        asyncio.run_coroutine_threadsafe(stack.server.child.stop(), loop).result(20)
        ml2_works(stack, mine)
        refused(503, "which cannot be asked", lambda: stack.shown(port))
        refused(503, "cannot be listed", lambda: stack.api(OWNER).get("network", "/v2.0/ports"))
        host = {"port": {"binding:host_id": "compute-1", "device_id": "x"}}
        refused(503, "which cannot be asked", lambda: stack.api(ADMIN).put("network", f"/v2.0/ports/{port}", host))

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(check)


async def test_etcd_is_away_and_comes_back(stack: Stack) -> None:
    port = (await asyncio.to_thread(lambda: stack.port(stack.service(), "10.0.0.5")))["id"]
    mine = await asyncio.to_thread(own, stack)
    await stack.site.etcd.kill()
    await asyncio.to_thread(ml2_works, stack, mine)
    assert (await asyncio.to_thread(stack.shown, port))["name"] == "web", "what was known stays known"
    await stack.site.etcd.start()
    later = (await asyncio.to_thread(lambda: stack.port(stack.service(), "10.0.0.6", "later")))["id"]
    assert (await asyncio.to_thread(stack.shown, later))["name"] == "later"


async def test_etcd_is_wiped(stack: Stack) -> None:
    port = (await asyncio.to_thread(lambda: stack.port(stack.service(), "10.0.0.5")))["id"]
    gone = (await asyncio.to_thread(lambda: stack.port(stack.service(), "10.0.0.6")))["id"]
    await stack.site.etcd.kill()
    stack.site.etcd.wipe()
    await asyncio.to_thread(stack.remove, gone)
    await stack.site.etcd.start()
    for _ in range(20):
        assert (await asyncio.to_thread(stack.shown, port))["name"] == "web"
        await asyncio.sleep(0.1)
    await asyncio.to_thread(lambda: refused(404, "PortNotFound", lambda: stack.shown(gone)))


async def test_etcd_was_not_there_when_neutron_started(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    async with Cloud(tmp_path / "cloud", **plugin(nobody, nobody)) as cloud:
        stack: Any = Stack(None, None, cloud, "")  # type: ignore[arg-type]

        def check() -> None:
            mine = own(stack)
            ml2_works(stack, mine)
            unknown = "11111111-2222-4333-8444-555555555555"
            refused(503, "not known which ports are Gluon's", lambda: stack.shown(unknown))
            for query in ("device_id=another", f"id={unknown}"):
                refused(503, "not known", lambda query=query: stack.api(OWNER).get("network", f"/v2.0/ports?{query}"))

        await asyncio.to_thread(check)
