# SPDX-License-Identifier: Apache-2.0
"""Two sites of real servers, each with a database and Protons of its own, on one etcd and behind one list of servers."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gluon.backends.arbiter import Arbiter
from gluon.backends.errors import NotFound, Unavailable
from gluon.backends.registrations import Registrations
from gluon.backends.servers import ProtonServers
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.child import clean_environment
from gluon.parts.site import Server, Site

from .conftest import MODEL

RENAMED = Path(__file__).parents[1] / "models/renamed.yaml"
PORTS = {
    "net-l3vpn": "/proton/net-l3vpn/v1.0/ports",
    "renamed": "/proton/renamed/v2.10/sockets",
    "blue": "/proton/blue/v1.0/sockets",
    "red": "/proton/red/v1.0/sockets",
}


class Sites:
    """Both have all models. The one in Oslo has the Protons net-l3vpn and renamed, that in Rome has blue."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.protons = {"oslo": "net-l3vpn, renamed", "rome": "blue"}

    async def oslo(self, port: int = 0) -> Server:
        return await self._server("oslo", port)

    async def rome(self, port: int = 0) -> Server:
        return await self._server("rome", port)

    async def _server(self, name: str, port: int) -> Server:
        database = f"sqlite:///{self.site.folder}/{name}.sqlite"
        settings = {
            "DEFAULT": {"protons": self.protons[name]},
            "database": {"connection": database},
            "api": {"bind_timeout": 20},  # the next leader comes once the lease of one that was killed has run out
        }
        return await self.site.start_server(settings=settings, port=port)


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[Sites]:
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(RENAMED, models)
    for name in ("blue", "red"):
        (models / f"{name}.yaml").write_text(MODEL.replace("name: blue", f"name: {name}"))
    async with Site(tmp_path, models=models) as site:
        yield Sites(site)


def create(server: Server, proton: str) -> str:
    with Client(server.url) as client:
        return str(Collection(client, PORTS[proton]).create({"tenant_id": "t"}).json()["id"])


def requests(server: Server) -> float:
    """How many requests about Protons the server has answered."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("gluon_api_requests_total{") and "/proton" in line)


async def test_one_site_is_nothing_to_another(sites: Sites) -> None:
    rome, oslo, spare = await asyncio.gather(sites.rome(), sites.oslo(), sites.oslo())
    for proton, host in (("renamed", "compute-1"), ("blue", "compute-2")):
        shim = {"shim": {"handlers": f"{proton}:net-l3vpn-dummy"}}
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
        sites.protons["rome"] = "blue, red"
        rome = await sites.rome(rome.port)
        id = create(rome, "red")
        assert [port.id for port in (await asyncio.to_thread(red.ports, {})).ports] == [id]
        with pytest.raises(NotFound):
            await asyncio.to_thread(red.port, "00000000-0000-4000-8000-000000000000")
        assert (await asyncio.to_thread(arbiter.protons)).names == ("net-l3vpn", "renamed", "blue", "red")


async def test_a_site_that_is_away_is_not_taken_for_one_without_ports(sites: Sites) -> None:
    """Of a model that both have, but not both as a Proton: the servers that answer have no say in it."""
    oslo, spare, rome = await asyncio.gather(sites.oslo(), sites.oslo(), sites.rome())
    ids = [create(oslo, "net-l3vpn") for _ in range(2)]
    blue = create(rome, "blue")
    with ProtonServers([oslo.url, spare.url, rome.url]) as servers:
        registrations = Registrations(sites.site.kv)
        following = asyncio.create_task(registrations.run())
        known, asking = Arbiter(servers, registrations), Arbiter(servers)

        async def registered() -> bool:
            return all(map(registrations.find, (*ids, blue)))

        await sites.site.until(registered, "the registrations")
        for arbiter in (known, asking):
            page = await asyncio.to_thread(arbiter.driver("net-l3vpn").ports, {})
            assert {port.id for port in page.ports} == set(ids)
        await asyncio.gather(oslo.stop(), spare.stop())
        with ProtonServers([oslo.url, spare.url, rome.url]) as others:  # that have never heard of net-l3vpn
            for arbiter in (known, asking, Arbiter(others, registrations), Arbiter(others)):
                driver = arbiter.driver("net-l3vpn")
                for ask in (arbiter.port, driver.port, driver.unbind):
                    with pytest.raises(Unavailable, match="no answer from"):
                        await asyncio.to_thread(ask, ids[0])
                with pytest.raises(Unavailable, match="no answer from"):
                    await asyncio.to_thread(driver.ports, {})
                assert (await asyncio.to_thread(arbiter.port, blue)).service == "blue"
        _, said = await asyncio.to_thread(listing, "--server", oslo.url, "--server", rome.url)
        assert f"no answer from {oslo.url}" in said
        status, said = await asyncio.to_thread(listing, "--server", oslo.url, "--server", rome.url, "--proton", "net-l3vpn")
        assert status == 1 and f"no answer from {oslo.url}" in said
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def listing(*words: str) -> tuple[int, str]:
    """The status of ``gluon port list``, and what it says is wrong."""
    command = (sys.executable, "-m", "gluon.cmd.gluon", "port", "list", *words)
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr
