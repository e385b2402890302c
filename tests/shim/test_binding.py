# SPDX-License-Identifier: Apache-2.0
"""Answers to binds: of several controllers one wins, whoever they are; on the etcd in memory and on a real one."""

import asyncio

import pytest

from gluon.kv.contract import Delete, Txn
from gluon.particle import keys
from gluon.shim.backend import Permanent, Temporary

from .conftest import OVS, PORT, Recorder, Stage, quiet, until


async def test_a_port_of_the_host_is_bound_and_answered(both: Stage) -> None:
    backend = Recorder()
    await both.shim(backend)
    port = await both.wanted.put(PORT, name="p")
    await both.reported(PORT, port, state="ready")
    binding = await both.wanted.bind(port, "h1", "vm")
    answer = await both.answered(port, binding_id=binding)
    assert answer == {**OVS, "controller": "c1", "binding_id": binding}
    report = await both.reported(PORT, port, state="ready", generation=both.wanted.records[PORT, port]["generation"])
    assert report["data"]["bound"] == binding
    assert backend.names(port) == ["modify_port", "bind_port", "modify_port"]
    _, _, new, prev = backend.told[1]
    assert (new["host_id"], prev["host_id"], new["device_id"]) == ("h1", None, "vm")


async def test_a_port_that_is_created_with_a_host_is_bound(stage: Stage) -> None:
    backend = Recorder()
    await stage.shim(backend)
    port = await stage.wanted.put(PORT, host_id="h1", device_id="vm", binding_id="b")
    await stage.answered(port, binding_id="b")
    assert backend.names(port) == ["modify_port", "bind_port"]
    assert backend.told[1][3] == {}


@pytest.mark.parametrize(
    "values",
    [
        {"host_id": "h2", "device_id": "vm", "binding_id": "b"},
        {"host_id": "h1", "device_id": "", "binding_id": "b"},
        {"host_id": "h1", "device_id": None, "binding_id": "b"},
        {"host_id": "", "device_id": "vm", "binding_id": "b"},
        {"host_id": "h1", "device_id": "vm", "binding_id": None},
    ],
)
async def test_what_is_no_bind_request_for_this_shim_is_not_bound(stage: Stage, values: dict[str, str | None]) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT, **values)
    await until(lambda: bool(backend.calls))
    await quiet(shim)
    assert backend.names(port) == ["modify_port"]
    assert await stage.answer(port) is None


async def test_a_star_binds_on_every_host(stage: Stage) -> None:
    await stage.shim(Recorder(), hosts=("*",))
    port = await stage.wanted.put(PORT)
    await stage.answered(port, binding_id=await stage.wanted.bind(port, "anywhere"))


async def test_ports_of_other_tenants_are_not_taken_on(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend, tenants=("mine",))
    mine, other = await stage.wanted.put(PORT, tenant_id="mine"), await stage.wanted.put(PORT, tenant_id="other")
    await stage.wanted.bind(other, "h1")
    await stage.answered(mine, binding_id=await stage.wanted.bind(mine, "h1"))
    await quiet(shim)
    assert backend.names(other) == []


async def test_of_two_controllers_one_wins_and_the_other_unbinds(both: Stage) -> None:
    backends = {"c1": Recorder(), "c2": Recorder()}
    for name, backend in backends.items():
        await both.shim(backend, name=name)
    ports = [await both.wanted.put(PORT) for _ in range(10)]
    for port in ports:
        await both.wanted.bind(port, "h1")
    for port in ports:
        answer = await both.answered(port, vif_type="ovs")
        loser = backends["c2" if answer["controller"] == "c1" else "c1"]
        await until(lambda loser=loser, port=port: "unbind_port" in loser.names(port))
        assert "unbind_port" not in backends[answer["controller"]].names(port)
        assert loser.names(port).count("bind_port") == 1


async def test_a_foreign_answer_of_the_classic_fields_stands(both: Stage) -> None:
    backend, shim = await _behind(both, lambda port: both.put_answer(port, {**OVS, "controller": "odl"}))
    port = await both.wanted.put(PORT)
    await both.wanted.bind(port, "h1")
    await until(lambda: "unbind_port" in backend.names(port))
    await quiet(shim)
    assert (await both.answer(port))["controller"] == "odl"


async def test_a_foreign_answer_to_an_earlier_binding_does_not(both: Stage) -> None:
    port = await both.wanted.put(PORT)
    await both.put_answer(port, {**OVS, "controller": "odl"})
    await both.wanted.bind(port, "h1")
    await both.shim(Recorder())
    await both.answered(port, controller="c1")


async def test_a_failure_of_another_is_replaced_and_of_ones_own_is_not_put_over_a_success(both: Stage) -> None:
    failed = {"vif_type": "binding_failed", "vif_details": {}, "controller": "odl", "reason": "no"}
    await _behind(both, lambda port: both.put_answer(port, failed))
    port = await both.wanted.put(PORT)
    binding = await both.wanted.bind(port, "h1")
    await both.answered(port, controller="c1", binding_id=binding, vif_type="ovs")


async def test_ones_own_failure_does_not_replace_anothers_answer(stage: Stage) -> None:
    backend, shim = await _behind(stage, lambda port: stage.put_answer(port, {**OVS, "controller": "odl"}))
    backend.answer = {"vif_type": "binding_failed", "reason": "no"}
    port = await stage.wanted.put(PORT)
    await stage.wanted.bind(port, "h1")
    await until(lambda: "unbind_port" in backend.names(port))
    await quiet(shim)
    assert (await stage.answer(port))["controller"] == "odl"


async def _behind(stage: Stage, first) -> tuple[Recorder, object]:
    """A shim whose bind ends only after somebody else has done something."""
    backend = Recorder()

    def before(name: str, uuid: str):
        return first(uuid) if name == "bind_port" else None

    backend.before = before
    return backend, await stage.shim(backend)


async def test_what_the_server_writes_meanwhile_does_not_spoil_an_answer(both: Stage) -> None:
    backend, _ = await _behind(both, lambda port: both.wanted.serve(port, status="BUILD"))
    port = await both.wanted.put(PORT)
    await both.answered(port, binding_id=await both.wanted.bind(port, "h1"))
    assert backend.names(port).count("bind_port") == 1


async def test_an_answer_to_a_binding_that_was_overtaken_is_not_written(both: Stage) -> None:
    port = await both.wanted.put(PORT)
    later: list[str] = []

    async def again(uuid: str) -> None:
        if not later:
            later.append(await both.wanted.bind(uuid, "h1", "another"))

    backend, shim = await _behind(both, again)
    await both.wanted.bind(port, "h1", "vm")
    await until(lambda: bool(later))
    await both.answered(port, binding_id=later[0])
    await quiet(shim)
    assert backend.names(port).count("bind_port") == 2
    assert backend.names(port).count("unbind_port") == 1, "the device differs"


async def test_a_port_deleted_while_it_is_bound_leaves_no_answer(both: Stage) -> None:
    backend, shim = await _behind(both, lambda port: both.wanted.delete(PORT, port))
    port = await both.wanted.put(PORT)
    await both.wanted.bind(port, "h1")
    await until(lambda: "delete_port" in backend.names(port))
    await quiet(shim)
    assert backend.names(port)[-2:] == ["unbind_port", "delete_port"]
    assert await both.answer(port) is None
    assert await both.report(PORT, port) is None


async def test_unbinding_empties_ones_own_answer(both: Stage) -> None:
    backend = Recorder()
    await both.shim(backend)
    port = await both.wanted.put(PORT)
    await both.answered(port, binding_id=await both.wanted.bind(port, "h1"))
    await both.wanted.unbind(port)
    await both.reported(PORT, port, generation=both.wanted.records[PORT, port]["generation"], state="ready")
    assert await both.answer(port) == {}
    assert backend.names(port)[-2:] == ["unbind_port", "modify_port"]


async def test_moving_to_another_host_leaves_that_hosts_answer_alone(both: Stage) -> None:
    first, second = Recorder(), Recorder()
    await both.shim(first, name="c1", hosts=("h1",))
    await both.shim(second, name="c2", hosts=("h2",))
    port = await both.wanted.put(PORT)
    await both.answered(port, binding_id=await both.wanted.bind(port, "h1"), controller="c1")
    release = asyncio.Event()
    first.before = lambda name, uuid: release.wait() if name == "unbind_port" else None
    binding = await both.wanted.bind(port, "h2")
    await both.answered(port, binding_id=binding, controller="c2")
    release.set()
    await both.reported(PORT, port, state="ready", generation=both.wanted.records[PORT, port]["generation"])
    assert (await both.answer(port))["controller"] == "c2"
    assert "unbind_port" not in second.names(port)


async def test_an_answer_that_the_relay_deleted_is_not_made_anew(stage: Stage) -> None:
    await stage.shim(Recorder())
    port = await stage.wanted.put(PORT)
    await stage.answered(port, binding_id=await stage.wanted.bind(port, "h1"))
    await stage.kv.txn(Txn((), (Delete(keys.answer(stage.proton.name, PORT, port)),)))
    await stage.wanted.unbind(port)
    await stage.reported(PORT, port, state="ready", generation=stage.wanted.records[PORT, port]["generation"])
    assert await stage.answer(port) is None


async def test_a_refused_bind_is_answered_with_its_reason_and_reported(both: Stage) -> None:
    backend = Recorder()

    def refuse(name: str, uuid: str) -> None:
        if name == "bind_port":
            raise Permanent("no such network")

    backend.before = refuse
    shim = await both.shim(backend)
    port = await both.wanted.put(PORT)
    binding = await both.wanted.bind(port, "h1")
    answer = await both.answered(port, vif_type="binding_failed")
    assert (answer["reason"], answer["controller"], answer["binding_id"]) == ("no such network", "c1", binding)
    await both.reported(PORT, port, state="failed", reason="no such network")
    await both.wanted.serve(port, binding_state="FAILED", binding_reason="no such network")
    await quiet(shim)
    assert backend.names(port).count("bind_port") == 1
    backend.before = lambda name, uuid: None
    await both.answered(port, binding_id=await both.wanted.bind(port, "h1"), vif_type="ovs")
    await both.reported(PORT, port, state="ready", reason="")


async def test_a_bind_that_cannot_be_done_now_is_repeated(stage: Stage) -> None:
    backend = Recorder()
    tries = iter([Temporary("busy", delay=0.001), Temporary("busy", delay=0.0)])

    def before(name: str, uuid: str) -> None:
        if name == "bind_port" and (error := next(tries, None)):
            raise error

    backend.before = before
    await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await stage.answered(port, binding_id=await stage.wanted.bind(port, "h1"))
    assert backend.names(port).count("bind_port") == 3


@pytest.mark.parametrize("how", ["None", "binds"])
async def test_taking_part_without_answering(stage: Stage, how: str) -> None:
    backend = Recorder(answer=None if how == "None" else dict(OVS))
    shim = await stage.shim(backend, binds=how != "binds")
    port = await stage.wanted.put(PORT)
    await stage.wanted.bind(port, "h1")
    await until(lambda: "bind_port" in backend.names(port))
    await stage.reported(PORT, port, state="ready", generation=stage.wanted.records[PORT, port]["generation"])
    assert await stage.answer(port) is None
    await stage.put_answer(port, {**OVS, "controller": "other"})
    await stage.wanted.unbind(port)
    await until(lambda: "unbind_port" in backend.names(port))
    await quiet(shim)
    assert (await stage.answer(port))["controller"] == "other"
