# SPDX-License-Identifier: Apache-2.0
from gluon.shim.backends.dummy_net_l3vpn import DummyNetL3VPN
from gluon.testing.stack import Stack

T = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"


async def test_life(tmp_path):
    async with Stack(tmp_path, DummyNetL3VPN(), hosts=["compute-1"]) as stack:
        port = await stack.create("ports", tenant_id=T)
        port = await stack.update("ports", port["id"], host_id="compute-1", device_id="vm-1")
        assert port["binding_state"] == "BOUND"
        await stack.settled()
        print([(c.method) for c in stack.shim().witness.calls])
