# SPDX-License-Identifier: Apache-2.0
"""Neutron binds and unbinds by a driver's own calls, whoever brings the driver."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from gluon.backends.servers import ProtonServers
from gluon.parts.openstack.program import clean_environment
from gluon.parts.site import Site

from .test_neutrons_own import outcome

DRIVER = """
from gluon.backends.errors import Refused
from gluon.backends.modelled import ModelDriver


class Provider:
    def driver(self, proton, servers):
        return RackDriver(proton, servers)


class RackDriver(ModelDriver):
    def bind(self, port_id, device_owner, zone, device_id, host_id, binding_profile=None, *, revision=None):
        if not host_id.startswith("rack-"):
            raise Refused(409, f"{host_id} is in no rack")
        if zone != "north":
            raise Refused(409, f"there are no racks in {zone}")
        return super().bind(port_id, device_owner, zone, device_id, host_id, binding_profile, revision=revision)

    def unbind(self, port_id, *, keeps=(), binding_profile=None, revision=None):
        if "device_id" in keeps:
            raise Refused(409, "no machine is shelved here")
        return super().unbind(port_id, keeps=keeps, binding_profile=binding_profile, revision=revision)
"""


@pytest.mark.asyncio(loop_scope="function")
async def test_what_a_driver_refuses_neutron_refuses(tmp_path: Path) -> None:
    metadata = tmp_path / "package" / "racks-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: racks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[gluon.backends]\nnet-l3vpn = racks:Provider\n")
    (metadata.parent / "racks.py").write_text(DRIVER)
    path = f"{clean_environment({})['PYTHONPATH']}:{metadata.parent}"
    (tmp_path / "site").mkdir()
    async with Site(tmp_path / "site") as site:
        server = await site.start_server(settings={"api": {"bind_timeout": 20}})
        await site.start_shim("rack-1")
        with ProtonServers([server.url]) as servers:
            make = {"tenant_id": "t", "name": "web"}
            made = await asyncio.to_thread(servers.json, "POST", "/proton/net-l3vpn/v1.0/ports", values=make)
        variables = {"PROTON": server.url, "PORT": made["id"], "MACHINE": str(uuid4()), "PYTHONPATH": path}
        assert await outcome("gluon", site.etcd.endpoint, ["in_neutron_drivers"], 0, **variables) == {"passed": 1}
