# SPDX-License-Identifier: Apache-2.0
"""The stack: on an etcd in memory and on a real one, on a Proton that ships and on one whose nouns all have other names."""

import asyncio
import json
from pathlib import Path

import pytest

from gluon.client.errors import Problem
from gluon.kv.process import EtcdProcess
from gluon.particle import keys
from gluon.shim.backend import Permanent, Temporary
from gluon.shim.backends.dummy_net_l3vpn import DummyNetL3VPN
from gluon.testing.bugs import BackendFailed
from gluon.testing.stack import Stack, Unsettled

MODELS = Path(__file__).parent.parent / "models"
TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"
HERE = {"host_id": "compute-1", "device_id": "vm-1"}


class Recorder(DummyNetL3VPN):
    """Does what it is told to, or fails as ``failure`` says."""

    failure = None

    def modify_interface(self, uuid, model, changes):
        self._fail()

    def bind_port(self, uuid, model, changes):
        self._fail()
        return super().bind_port(uuid, model, changes)

    def delete_port(self, uuid, model, changes):
        self._fail()

    def _fail(self):
        if self.failure is not None:
            raise self.failure


@pytest.fixture(params=["memory", "etcd"])
async def endpoint(request, tmp_path):
    if request.param == "memory":
        yield ""
        return
    async with EtcdProcess(tmp_path / "etcd") as etcd:
        yield etcd.endpoint


def methods(shim, id):
    return [call.method for call in shim.witness.calls if call.id == id]


@pytest.mark.parametrize(
    ("proton", "port", "service", "binding"),
    [("net-l3vpn", "ports", "vpns", "vpnbindings"), ("renamed", "sockets", "overlays", "memberships")],
)
async def test_a_life_with_restarts(endpoint, proton, port, service, binding, tmp_path):
    stack = Stack(tmp_path, Recorder(), proton=proton, hosts=["compute-1"], model_path=[MODELS], endpoint=endpoint)
    async with stack:
        served = await stack.create(service, tenant_id=TENANT)
        made = await stack.create(port, tenant_id=TENANT)
        await stack.create(binding, interface_id=made["id"], service_id=served["id"], tenant_id=TENANT)
        bound = await stack.update(port, made["id"], **HERE)
        assert (bound["binding_state"], bound["binding_controller"]) == ("BOUND", "compute-1")
        await stack.settled()
        name = stack.model().port.name
        held = await stack.kv.get(keys.object(proton, name, made["id"]))
        assert json.loads(held.value)["revision"] == bound["revision"]
        assert stack.shim().model.ports[made["id"]].binding_state == "BOUND"
        calls = len(stack.shim().witness.calls)

        await stack.restart_server()
        await stack.restart_shim(backend=Recorder())
        await stack.settled()
        assert len(stack.shim().witness.calls) == calls
        assert await stack.get(port, made["id"]) == bound

        await stack.shim().stop()
        await stack.delete(binding, made["id"])
        await stack.delete(port, made["id"])
        await stack.restart_shim()
        await stack.settled()
        last = methods(stack.shim(), made["id"])[-4:]
        assert sorted(last) == ["delete_interface", "delete_port", "delete_service_binding", "unbind_port"]
        assert last.index("delete_service_binding") < last.index("delete_interface") < last.index("delete_port") == 3
        assert await stack.list(port) == []
        assert [found["id"] for found in await stack.list(service, tenant_id=TENANT)] == [served["id"]]


async def test_many_changes_settle(endpoint, tmp_path):
    async with Stack(tmp_path, Recorder(), endpoint=endpoint) as stack:
        made = []
        for number in range(20):
            made.append(await stack.create("ports", tenant_id=TENANT, **(HERE if number % 2 else {})))
            await stack.update("ports", made[-1]["id"], name=f"port-{number}")
        await stack.settled()
        for port in made[::3]:
            await stack.delete("ports", port["id"])
        await stack.settled()
        left = {port["id"]: (port["name"], port["revision"]) for port in await stack.list("ports", limit="3")}
        assert {id: (port.name, port.revision) for id, port in stack.shim().model.ports.items()} == left
        reports = (await stack.kv.page(keys.controllers("net-l3vpn"))).items
        assert {keys.parse_controller(item.key).id for item in reports} == left.keys()


async def test_several_protons_and_shims(tmp_path):
    async with Stack(tmp_path, Recorder(), hosts=["compute-1"], model_path=[MODELS]) as stack:
        other = await stack.start_shim(Recorder(), proton="renamed", hosts=["compute-1"])
        await stack.start_shim(Recorder(), hosts=["compute-2"])
        socket = await stack.api("renamed").create("sockets", tenant_id=TENANT, **HERE)
        port = await stack.create("ports", tenant_id=TENANT, host_id="compute-2", device_id="vm-2")
        await stack.settled()
        assert (socket["binding_state"], port["binding_controller"]) == ("BOUND", "compute-2")
        assert "bind_port" in methods(other, socket["id"])
        assert "bind_port" not in methods(stack.shim("compute-1"), port["id"])
        assert stack.shim("compute-1", "renamed") is other
        with pytest.raises(ValueError, match="there is a shim 'compute-2'"):
            await stack.start_shim(Recorder(), hosts=["compute-2"])


async def test_a_refused_request_shows_every_fault(tmp_path):
    async with Stack(tmp_path) as stack:
        with pytest.raises(Problem) as refused:
            await stack.create("ports", tenant_id=TENANT, mac_address="none", mtu=1)
        assert refused.value.status == 400
        assert {fault.pointer for fault in refused.value.faults} == {"/mac_address", "/mtu"}
        assert [note.split(":")[0] for note in refused.value.__notes__[1:]] == ["/mac_address", "/mtu"]
        with pytest.raises(Problem) as missing:
            await stack.get("ports", "f6a1a0a4-0000-4000-8000-000000000000")
        assert missing.value.status == 404


async def test_wrong_names_are_told(tmp_path):
    async with Stack(tmp_path) as stack:
        with pytest.raises(LookupError, match="did you mean 'ports'"):
            await stack.create("port", tenant_id=TENANT)
        with pytest.raises(LookupError, match="net-l3vpn has no 'zebras': there are: "):
            await stack.list("zebras")
        with pytest.raises(LookupError, match="there is no Proton 'net-l3vnp': did you mean 'net-l3vpn'"):
            stack.api("net-l3vnp")
        with pytest.raises(LookupError, match="there is no shim 'compute-1'; there are: none"):
            stack.shim("compute-1")


@pytest.mark.parametrize("where", ["bind", "modify"])
async def test_a_bug_of_the_backend_ends_the_test_at_once(where, tmp_path):
    backend = Recorder()
    with pytest.raises(BackendFailed, match="KeyError") as failed:
        async with Stack(tmp_path, backend) as stack:
            port = await stack.create("ports", tenant_id=TENANT)
            await stack.settled()
            backend.failure = KeyError("bug")
            if where == "bind":
                await stack.update("ports", port["id"], **HERE)
            else:
                await stack.update("interfaces", port["id"], name="changed")
                await stack.settled()
    assert isinstance(failed.value.__cause__, KeyError)


async def unsettled(stack: Stack, why: str) -> None:
    """Hold that it does not settle, and comes to say why. How soon it does is for the machine to say."""
    patience, stack.patience = stack.patience, 0.1
    try:
        async with asyncio.timeout(patience):
            while True:
                with pytest.raises(Unsettled) as caught:
                    await stack.settled()
                if why in str(caught.value):
                    return
    finally:
        stack.patience = patience


async def test_a_bug_is_repeated_where_that_is_wanted(tmp_path):
    backend = Recorder()
    async with Stack(tmp_path, backend, strict=False) as stack:
        backend.failure = KeyError("bug")
        port = await stack.create("ports", tenant_id=TENANT)
        await unsettled(stack, "KeyError")
        backend.failure = None
        await stack.settled()
        assert methods(stack.shim(), port["id"]).count("modify_interface") > 1


async def test_what_is_put_off_is_waited_for(tmp_path):
    backend = Recorder()
    async with Stack(tmp_path, backend) as stack:
        port = await stack.create("ports", tenant_id=TENANT)
        await stack.settled()
        backend.failure = Temporary("the controller restarts", delay=0.05)
        await stack.delete("ports", port["id"])
        await unsettled(stack, "the controller restarts")
        backend.failure = None
        await stack.settled()
        assert methods(stack.shim(), port["id"])[-1] == "delete_port"


async def test_what_is_refused_is_settled(tmp_path):
    backend = Recorder()
    async with Stack(tmp_path, backend) as stack:
        backend.failure = Permanent("no room")
        port = await stack.create("ports", tenant_id=TENANT, **HERE)
        assert (port["binding_state"], port["binding_reason"]) == ("FAILED", "no room")
        await stack.settled()
        await stack.delete("ports", port["id"])
        await stack.settled()


async def test_a_bind_that_nobody_answers_ends_in_time(tmp_path):
    async with Stack(tmp_path, Recorder(), hosts=["compute-1"], bind_timeout=0.05) as stack:
        port = await stack.create("ports", tenant_id=TENANT, host_id="elsewhere", device_id="vm-1")
        await stack.settled()
        assert port["binding_state"] == "BINDING"
        await stack.start_shim(Recorder(), hosts=["elsewhere"])
        await stack.settled()
        assert (await stack.get("ports", port["id"]))["binding_state"] == "BOUND"


async def test_a_stopped_server_is_told(tmp_path):
    async with Stack(tmp_path, Recorder()) as stack:
        await stack.stop_server()
        with pytest.raises(AssertionError, match="the server is stopped"):
            await stack.list("ports")


async def test_leaving_ends_what_waits(tmp_path):
    async with Stack(tmp_path, Recorder(), hosts=["compute-1"]) as stack:
        port = await stack.create("ports", tenant_id=TENANT)
        collection = stack.api().path("ports", port["id"])
        answer = await stack.ask("PATCH", collection, {**HERE, "host_id": "elsewhere"}, {"Prefer": "wait=0"})
        assert answer.status == 202
