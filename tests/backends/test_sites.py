# SPDX-License-Identifier: Apache-2.0
"""Two sites of real servers, each with a database and Protons of its own, on one etcd and behind one list of servers."""

from __future__ import annotations

import asyncio
import shutil
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gluon.backends.arbiter import Arbiter
from gluon.backends.errors import NotFound, Unavailable
from gluon.backends.registrations import Registrations
from gluon.backends.servers import ProtonServers
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.site import Server, Site

from .conftest import MODEL

RENAMED = Path(__file__).parents[1] / "models/renamed.yaml"
SOCKETS = {"renamed": "/proton/renamed/v2.10/sockets", "blue": "/proton/blue/v1.0/sockets", "red": "/proton/red/v1.0/sockets"}


@dataclass
class Sites:
    """The one in Oslo has the Proton renamed, that in Rome has blue, and may get red."""

    site: Site

    async def oslo(self, port: int = 0) -> Server:
        return await self._server("oslo", port)

    async def rome(self, port: int = 0) -> Server:
        return await self._server("rome", port)

    async def _server(self, name: str, port: int) -> Server:
        folder = self.site.folder / name
        database = f"sqlite:///{folder}/gluon.sqlite"
        settings = {"DEFAULT": {"model_path": folder}, "database": {"connection": database}, "api": {"bind_timeout": 4}}
        return await self.site.start_server(settings=settings, port=port)

    def adds(self, name: str) -> None:
        """Rome's servers have another Proton from their next start."""
        (self.site.folder / "rome" / f"{name}.yaml").write_text(MODEL.replace("name: blue", f"name: {name}"))


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[Sites]:
    for name in ("oslo", "rome"):
        (tmp_path / name).mkdir()
    shutil.copy(RENAMED, tmp_path / "oslo")
    async with Site(tmp_path) as site:
        sites = Sites(site)
        sites.adds("blue")
        yield sites


def create(server: Server, proton: str) -> str:
    with Client(server.url) as client:
        return str(Collection(client, SOCKETS[proton]).create({"tenant_id": "t"}).json()["id"])


def requests(server: Server) -> float:
    """How many requests about Protons the server has answered."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("gluon_api_requests_total{") and "/proton" in line)


async def test_one_site_is_nothing_to_another(sites: Sites) -> None:
    rome, oslo, spare = await asyncio.gather(sites.rome(), sites.oslo(), sites.oslo())
    for proton, host in (("renamed", "compute-1"), ("blue", "compute-2")):
        folder = sites.site.folder / ("oslo" if proton == "renamed" else "rome")
        shim = {"DEFAULT": {"model_path": folder}, "shim": {"handlers": f"{proton}:net-l3vpn-dummy"}}
        await sites.site.start_shim(host, settings=shim, ready=False)
        key = f"/gluon/shim/{proton}/{host}"
        await sites.site.until(lambda key=key: sites.site.kv.get(key), "a shim")  # type: ignore[misc]
    socket, blue = create(oslo, "renamed"), create(rome, "blue")
    registrations = Registrations(sites.site.kv)
    following = asyncio.create_task(registrations.run())

    async def registered() -> bool:
        return all(map(registrations.find, (socket, blue)))

    await sites.site.until(registered, "the registrations")
    with ProtonServers([rome.url, oslo.url, spare.url]) as servers:
        arbiter = Arbiter(servers, registrations)

        def bound(id: str, host: str) -> tuple[str, str]:
            driver = arbiter.owner(id)
            port = driver.bind(id, "compute:nova", "", "vm", host)
            assert driver.unbind(id).host_id == ""
            return port.service, port.binding_state

        assert await asyncio.to_thread(bound, socket, "compute-1") == ("renamed", "BOUND")
        assert await asyncio.to_thread(bound, blue, "compute-2") == ("blue", "BOUND")
        before = [requests(server) for server in (rome, oslo, spare)]
        for id in (socket, blue):
            assert (await asyncio.to_thread(arbiter.port, id)).id == id
        after = [requests(server) for server in (rome, oslo, spare)]
        assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 0], "one request for each port"

        await oslo.child.kill()
        assert await asyncio.to_thread(bound, socket, "compute-1") == ("renamed", "BOUND"), "the other one of its site"
        await rome.stop()
        with pytest.raises(Unavailable):
            await asyncio.to_thread(arbiter.port, blue)
        assert await asyncio.to_thread(bound, socket, "compute-1") == ("renamed", "BOUND")
        await spare.stop()
        with pytest.raises(Unavailable):
            await asyncio.to_thread(arbiter.port, socket)
        await asyncio.gather(sites.oslo(oslo.port), sites.rome(rome.port))
        assert await asyncio.to_thread(bound, socket, "compute-1") == ("renamed", "BOUND")
        assert await asyncio.to_thread(bound, blue, "compute-2") == ("blue", "BOUND")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_proton_that_one_site_gets_later_is_found(sites: Sites) -> None:
    oslo, rome = await asyncio.gather(sites.oslo(), sites.rome())
    with ProtonServers([oslo.url, rome.url]) as servers:
        arbiter = Arbiter(servers)
        red = arbiter.driver("red")
        with pytest.raises(Unavailable, match="there is no Proton 'red'"):
            await asyncio.to_thread(red.ports, {})
        await rome.stop()
        with pytest.raises(Unavailable, match=f"no answer from {rome.url}"):
            await asyncio.to_thread(red.ports, {})
        sites.adds("red")
        rome = await sites.rome(rome.port)
        id = create(rome, "red")
        assert [port.id for port in (await asyncio.to_thread(red.ports, {})).ports] == [id]
        with pytest.raises(NotFound):
            await asyncio.to_thread(red.port, "00000000-0000-4000-8000-000000000000")
        assert (await asyncio.to_thread(arbiter.protons)).names == ("ietf-sfc", "net-l3vpn", "renamed", "blue", "red")
