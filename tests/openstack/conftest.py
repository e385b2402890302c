# SPDX-License-Identifier: Apache-2.0
"""A whole cloud for the tests of this folder, and what a tenant makes in it. ``OPENSTACK_RELEASE`` asks for an older one."""

import os
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.environments import RELEASES
from gluon.parts.openstack.users import OWNER


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """A real OpenStack with two compute hosts that tests share: leave nothing behind in it that others would see."""
    release = os.environ.get("OPENSTACK_RELEASE", RELEASES[0])
    async with Cloud(tmp_path_factory.mktemp("cloud"), release=release, computes=("compute-1", "compute-2")) as cloud:
        yield cloud


@pytest.fixture
def network(cloud):
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
def port(cloud, network):
    """The id of an ordinary port of ML2, which belongs to the owner."""
    body = {"port": {"network_id": network, "name": f"port-{uuid.uuid4().hex}"}}
    return cloud.api(OWNER).post("network", "/v2.0/ports", body)["port"]["id"]
