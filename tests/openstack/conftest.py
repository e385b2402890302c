# SPDX-License-Identifier: Apache-2.0
"""One whole cloud with Gluon for the tests of this folder, and what a tenant makes in it."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.environments import RELEASES
from gluon.parts.openstack.installing import install
from gluon.parts.openstack.users import ADMIN, OWNER
from gluon.parts.site import Site

from .stacks import SERVED, UNSERVED, Stack, stand_in

#: An older one where the variable asks for it.
RELEASE = os.environ.get("OPENSTACK_RELEASE", RELEASES[0])


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    """What OpenStack is made of is there. The first time on a machine that takes minutes, in which other processes test on."""
    asyncio.run(install(RELEASE))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A real OpenStack that tests share, and a site of Gluon's: leave nothing behind in it that others would see.

    The binds of ``SERVED`` hosts are answered by shims; of ``UNSERVED`` by nobody.
    """
    folder = tmp_path_factory.mktemp("stack")
    (folder / "site").mkdir()
    async with Site(folder / "site") as site:
        server = await site.start_server()
        for host in SERVED:
            await site.start_shim(host)
        options = {
            # Where Neutron has the DNS extension, which needs that of routers, Nova names every port that it binds.
            "DEFAULT": {"service_plugins": "router"},
            "ml2": {"extension_drivers": "port_security,dns"},
            "gluon": {"etcd_endpoints": site.etcd.endpoint, "proton_endpoints": server.url},
        }
        hosts = (*SERVED, UNSERVED)
        async with Cloud(folder / "cloud", release=RELEASE, core_plugin="gluon", computes=hosts, neutron=options) as cloud:
            yield Stack(site, server, cloud, await asyncio.to_thread(stand_in, cloud.api(ADMIN)))


@pytest.fixture
def cloud(stack: Stack) -> Cloud:
    """The OpenStack of the stack."""
    return stack.cloud


@pytest.fixture
def network(cloud: Cloud) -> Iterator[str]:
    """The id of a network of the owner's, with a subnet; removed with all its ports after the test."""
    api = cloud.api(OWNER)
    made = api.post("network", "/v2.0/networks", {"network": {"name": f"net-{uuid.uuid4().hex}"}})["network"]["id"]
    subnet = {"network_id": made, "ip_version": 4, "cidr": "10.1.0.0/24"}
    api.post("network", "/v2.0/subnets", {"subnet": subnet})
    yield made
    for port in api.get("network", f"/v2.0/ports?network_id={made}")["ports"]:
        api.delete("network", f"/v2.0/ports/{port['id']}")
    api.delete("network", f"/v2.0/networks/{made}")


@pytest.fixture
def own(cloud: Cloud, network: str) -> dict[str, Any]:
    """An ordinary port of ML2, which belongs to the owner."""
    body = {"port": {"network_id": network, "name": "own"}}
    made: dict[str, Any] = cloud.api(OWNER).post("network", "/v2.0/ports", body)["port"]
    return made


@pytest.fixture
def port(stack: Stack) -> Iterator[dict[str, Any]]:
    """A port of Gluon's of the owner's, with an address, known to Neutron."""
    service = stack.service()
    made = stack.port(service, "10.0.0.5")
    yield made
    stack.remove(made["id"])
    stack.proton("DELETE", f"/vpns/{service}")
