# SPDX-License-Identifier: Apache-2.0
"""Tests of a backend: on the whole of Gluon in one process, and by the conformance suite."""

import json

import pytest
from vrf_files import VrfFiles

from gluon.model.catalogue import load_catalogue
from gluon.testing.conformance import Conformance
from gluon.testing.stack import Stack

TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"


@pytest.mark.asyncio
async def test_a_port_gets_into_a_vpn(tmp_path):
    files = tmp_path / "files"

    def read(name):
        return json.loads((files / name).read_text())

    async with Stack(tmp_path, VrfFiles(files), proton="net-l3vpn", hosts=["compute-1"]) as stack:
        await stack.create("vpnafconfigs", vrf_rt_value="65000:100", vrf_rt_type="both", tenant_id=TENANT)
        vpn = await stack.create("vpns", ipv4_family=["65000:100"], vni=7, tenant_id=TENANT)
        port = await stack.create("ports", tenant_id=TENANT)
        await stack.create("vpnbindings", interface_id=port["id"], service_id=vpn["id"], ipaddress="10.0.0.5", tenant_id=TENANT)
        port = await stack.update("ports", port["id"], host_id="compute-1", device_id="vm-1")
        assert (port["binding_state"], port["vif_type"]) == ("BOUND", "ovs")

        await stack.settled()
        assert read(f"vrfs/{vpn['id']}.json") == {"vni": 7, "import": ["65000:100"], "export": ["65000:100"]}
        assert read(f"routes/{port['id']}.json") == {"vrf": vpn["id"], "port": port["id"], "to": ["10.0.0.5"]}
        assert read(f"ports/{port['id']}.json")["device_id"] == "vm-1"

        # A route target changes: the VPNs that use it come again.
        await stack.update("vpnafconfigs", "65000:100", vrf_rt_type="import_extcommunity")
        await stack.settled()
        assert read(f"vrfs/{vpn['id']}.json")["export"] == []

        # What happens while the shim is away is made good when it is back.
        await stack.shim().stop()
        await stack.update("ports", port["id"], host_id="", device_id="")
        await stack.restart_shim(backend=VrfFiles(files))
        await stack.settled()
        assert not (files / f"ports/{port['id']}.json").exists()


@pytest.mark.asyncio
async def test_what_it_cannot_bind_is_refused(tmp_path):
    async with Stack(tmp_path, VrfFiles(tmp_path / "files")) as stack:
        port = await stack.create("ports", mtu=9216, tenant_id=TENANT)
        port = await stack.update("ports", port["id"], host_id="compute-1", device_id="vm-1")
        assert port["binding_state"] == "FAILED"
        assert port["binding_reason"] == "mtu 9216 is over 9000"


class TestConformance(Conformance):
    """Whatever may happen to a backend, happens to this one. It is made anew at each start of the shim."""

    proton = load_catalogue()["net-l3vpn"].newest
    make = VrfFiles

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VRF_FILES", str(tmp_path))
