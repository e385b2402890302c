# SPDX-License-Identifier: Apache-2.0
"""State, not events: whatever happens to the history, the backend is handed the difference and nothing else."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gluon.kv.contract import Kv, Put, Txn, WatchBatch
from gluon.kv.memory import MemoryKv
from gluon.particle import keys

from .conftest import PORT, Recorder, Stage, found, gone, quiet, until


async def test_what_is_there_at_the_start_comes_in_the_order_of_references(both: Stage) -> None:
    await _vpn(both)
    backend = Recorder()
    shim = await both.shim(backend)
    await until(lambda: len(backend.calls) == 5)
    await quiet(shim)
    assert sorted(backend.names()) == sorted(_ORDER)
    _in_order(backend)


_ORDER = ["modify_port", "modify_interface", "modify_VpnAfConfig", "modify_service", "modify_service_binding"]


def _in_order(backend: Recorder) -> None:
    names = backend.names()
    for before, after in [(0, 1), (2, 3), (1, 4), (3, 4)]:
        assert names.index(_ORDER[before]) < names.index(_ORDER[after])


async def _vpn(stage: Stage) -> dict[str, str]:
    """One of each, sent against the order of references."""
    target = stage.wanted.change("VpnAfConfig", "64512:1", vrf_rt_type="both")
    vpn = stage.wanted.change("VpnInstance", import_targets=["64512:1"])
    port = stage.wanted.change(PORT)
    interface = stage.wanted.change("Interface", port[1], port_id=port[1])
    binding = stage.wanted.change("VPNPort", port[1], interface_id=port[1], service_id=vpn[1])
    for key in (binding, vpn, interface, port, target):
        await stage.wanted.send([key])
    return {"port": port[1], "vpn": vpn[1]}


@pytest.mark.parametrize("restart", [False, True])
async def test_removals_come_in_the_reverse_order(both: Stage, restart: bool) -> None:
    await _vpn(both)
    backend = Recorder()
    await both.shim(backend)
    await until(lambda: len(backend.calls) == 5)
    if restart:
        await both.stop()
    backend.calls.clear()
    everything = list(both.wanted.records)
    both.wanted.records.clear()
    await both.wanted.send(everything)
    if restart:
        await both.shim(backend)
    await until(lambda: len(backend.calls) == 5)
    names = backend.names()
    reverse = [name.replace("modify", "delete") for name in _ORDER]
    for first, second in [(4, 1), (4, 3), (3, 2), (1, 0)]:
        assert names.index(reverse[first]) < names.index(reverse[second])


async def test_an_object_waits_for_what_it_refers_to(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    vpn = await stage.wanted.put("VpnInstance", import_targets=["64512:1", "64512:2"])
    await stage.wanted.put("VpnAfConfig", "64512:1")
    await until(lambda: bool(backend.calls))
    await quiet(shim)
    assert backend.names(vpn) == []
    await stage.wanted.put("VpnAfConfig", "64512:2")
    await until(lambda: backend.names(vpn) == ["modify_service"])


async def test_services_and_bindings_come_again_when_what_they_refer_to_changed(stage: Stage) -> None:
    made = await _vpn(stage)
    backend = Recorder()
    shim = await stage.shim(backend)
    await until(lambda: len(backend.calls) == 5)
    for kind, id, expected in (
        ("VpnAfConfig", "64512:1", ["modify_VpnAfConfig", "modify_service"]),
        ("VpnInstance", made["vpn"], ["modify_service", "modify_service_binding"]),
        ("Interface", made["port"], ["modify_interface", "modify_service_binding"]),
        (PORT, made["port"], ["modify_port"]),
    ):
        backend.calls.clear()
        await stage.wanted.put(kind, id)
        await until(lambda expected=expected: len(backend.calls) >= len(expected))
        await quiet(shim)
        assert backend.names() == expected


async def test_what_the_server_writes_itself_causes_no_call(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await until(lambda: bool(backend.calls))
    await stage.wanted.serve(port, status="ACTIVE")
    await until(lambda: shim.model.ports[port].status == "ACTIVE")
    await quiet(shim)
    assert backend.names() == ["modify_port"]
    await stage.wanted.put(PORT, port, name="changed")
    await until(lambda: len(backend.calls) == 2)
    new, prev = backend.told[-1][2:]
    assert (prev["status"], new["status"], prev["name"], new["name"]) == ("ACTIVE", "ACTIVE", None, "changed")


async def test_created_again_is_deleted_first(stage: Stage) -> None:
    backend = Recorder()
    await stage.shim(backend)
    port = await stage.wanted.put(PORT, host_id="h1", device_id="vm", binding_id="b1", name="old")
    await stage.answered(port, binding_id="b1")
    stage.wanted.records.pop((PORT, port))
    await stage.wanted.put(PORT, port, name="new")
    await until(lambda: len(backend.calls) == 5)
    assert backend.names() == ["modify_port", "bind_port", "unbind_port", "delete_port", "modify_port"]
    assert backend.told[3][3]["name"] == "old" and backend.told[4][3] == {}


async def test_lost_history_means_to_load_again(stage: Stage) -> None:
    kv = _memory(stage)
    backend = Recorder()
    shim = await stage.shim(backend)
    kept, gone = await stage.wanted.put(PORT), await stage.wanted.put(PORT)
    await until(lambda: len(backend.calls) == 2)
    connection = _connection(shim)
    connection.unavailable = True
    await stage.wanted.delete(PORT, gone)
    new = await stage.wanted.put(PORT)
    kv.compact(await kv.revision())
    connection.unavailable = False
    await until(lambda: len(backend.calls) == 4)
    await quiet(shim)
    assert sorted(backend.calls[2:]) == sorted([("delete_port", gone), ("modify_port", new)])
    assert backend.names(kept) == ["modify_port"]


def _memory(stage: Stage) -> MemoryKv:
    assert isinstance(stage.kv, MemoryKv)
    return stage.kv


def _connection(shim) -> MemoryKv:
    return shim._kv


async def test_another_epoch_means_to_load_again_and_removals_wait(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    ports = [await stage.wanted.put(PORT) for _ in range(3)]
    await until(lambda: len(backend.calls) == 3)
    await stage.wanted.tell("repairing", epoch="another")
    for port in ports:
        await stage.wanted.delete(PORT, port)
    new = await stage.wanted.put(PORT)
    await until(lambda: ("modify_port", new) in backend.calls)
    stage.wanted.records.pop((PORT, ports[0]), None)
    await stage.wanted.put(PORT, ports[0], name="back")
    await until(lambda: backend.names(ports[0])[-2:] == ["delete_port", "modify_port"])
    await quiet(shim)
    assert backend.names(ports[1]) == ["modify_port"] and ports[1] in shim.model.ports
    await stage.wanted.tell("complete")
    await until(lambda: backend.names().count("delete_port") == 3)
    await quiet(shim)
    assert set(shim.model.ports) == {ports[0], new}


async def test_a_start_while_etcd_is_being_repaired_removes_nothing(stage: Stage) -> None:
    backend = Recorder()
    await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await until(lambda: bool(backend.calls))
    await stage.stop()
    await stage.wanted.tell("repairing")
    await stage.wanted.delete(PORT, port)
    backend = Recorder()
    shim = await stage.shim(backend)
    await quiet(shim)
    assert backend.calls == []
    await stage.wanted.tell("complete")
    await until(lambda: backend.calls == [("delete_port", port)])


async def test_an_etcd_that_comes_back_empty_removes_nothing_before_it_is_complete(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend, lease_ttl=0.3)
    kept, gone = await stage.wanted.put(PORT), await stage.wanted.put(PORT)
    await until(lambda: len(backend.calls) == 2)
    _memory(stage).wipe()
    await found(lambda: stage.get(keys.shim(stage.proton.name, "c1")), {"hosts": ["h1"]})
    await until(lambda: shim.working)
    await quiet(shim)
    assert len(backend.calls) == 2
    await stage.wanted.tell("repairing", epoch="next")
    stage.wanted.records.pop((PORT, gone))
    await stage.wanted.send([(PORT, kept)])
    await stage.wanted.tell("complete")
    await until(lambda: len(backend.calls) == 3)
    assert backend.calls[2] == ("delete_port", gone)
    await stage.reported(PORT, kept, state="ready")


class Late:
    """A connection on which what the relay says is heard only from ``go_on`` on."""

    def __init__(self, kv: Kv, key: str) -> None:
        self._kv, self._key = kv, key
        self.go_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kv, name)

    async def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        async for batch in self._kv.watch(prefix, start=start):
            if prefix == self._key:
                await self.go_on.wait()
            yield batch


async def test_what_the_relay_said_before_etcd_was_wiped_is_not_believed_after_it(stage: Stage) -> None:
    backend = Recorder()
    await stage.wanted.tell("complete")
    late = Late(stage.kv, keys.sync(stage.proton.name))
    shim = await stage.standby(backend, kv=late)
    await until(lambda: shim.working)
    port = await stage.wanted.put(PORT)
    await until(lambda: len(backend.calls) == 1)
    await stage.wanted.tell("complete")
    for key in (keys.sync(stage.proton.name), keys.object(stage.proton.name, PORT, port)):
        await stage.kv.delete(key)
    await stage.kv.put(keys.object(stage.proton.name, PORT, "mark"), b'{"id": "mark"}')
    await until(lambda: "mark" in shim.model.ports)
    late.go_on.set()
    await quiet(shim)
    assert backend.names(port) == ["modify_port"]


@pytest.mark.parametrize("database", ["as it was", "restored, too"])
async def test_an_etcd_that_was_restored_is_not_acted_upon_while_it_is_repaired(stage: Stage, database: str) -> None:
    """Until it is complete again, what it holds may be of a time that is over; then it is what is wanted, older or not."""
    backend = Recorder()
    shim = await stage.shim(backend, lease_ttl=0.3)
    port, lost = await stage.wanted.put(PORT, name="one"), await stage.wanted.put(PORT)
    for kind, id in ((PORT, port), (PORT, lost)):
        await stage.reported(kind, id, state="ready")
    prefixes = (keys.objects(stage.proton.name), keys.controllers(stage.proton.name))
    backup = [kv for prefix in prefixes for kv in (await stage.kv.page(prefix)).items]
    await stage.wanted.put(PORT, port, name="two")
    await stage.wanted.delete(PORT, lost)
    await until(lambda: len(backend.calls) == 4)
    _memory(stage).wipe()
    await stage.kv.txn(Txn((), tuple(Put(kv.key, kv.value) for kv in backup)))
    await stage.wanted.tell("repairing", epoch="next")
    await found(lambda: stage.get(keys.shim(stage.proton.name, "c1")), {"hosts": ["h1"]})
    await until(lambda: shim.working)
    other = await stage.wanted.put(PORT)
    await until(lambda: ("modify_port", other) in backend.calls)
    await quiet(shim)
    said = [new.get("name") for _, id, new, _ in backend.told if id == port]
    assert said[:2] == ["one", "two"] and set(said[2:]) <= {"two"}, (
        "what a shim of this name may have left counts, not what it was told"
    )
    assert backend.names(lost) == ["modify_port", "delete_port"] and lost not in shim.model.ports
    if database == "as it was":
        await stage.wanted.send([(PORT, port), (PORT, lost)])
    await stage.wanted.tell("complete")
    await stage.wanted.put(PORT, other, name="mark")
    await until(lambda: backend.names(other) == ["modify_port"] * 2)
    await quiet(shim)
    again = [] if database == "as it was" else ["modify_port"]
    assert backend.names(lost) == ["modify_port", "delete_port", *again]
    if database == "as it was":
        await gone(lambda: stage.report(PORT, lost))
    assert shim.model.ports[port].name == ("two" if database == "as it was" else "one")


async def test_what_waited_when_etcd_was_wiped_is_handed_over_once_it_is_back_as_it_was(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend, lease_ttl=0.3)
    port = stage.wanted.change(PORT)[1]
    interface = await stage.wanted.put("Interface", port_id=port)
    await until(lambda: interface in shim.model.interfaces)
    await quiet(shim)
    assert backend.calls == []
    _memory(stage).wipe()
    await found(lambda: stage.get(keys.shim(stage.proton.name, "c1")), {"hosts": ["h1"]})
    await until(lambda: shim.working)
    await quiet(shim)
    await stage.wanted.tell("repairing", epoch="next")
    await stage.wanted.send([("Interface", interface)])
    await stage.wanted.send([(PORT, port)])
    await stage.wanted.tell("complete")
    await until(lambda: len(backend.calls) == 2)
    assert backend.calls == [("modify_port", port), ("modify_interface", interface)]


async def test_without_a_relay_what_is_there_is_what_is_wanted(stage: Stage) -> None:
    backend = Recorder()
    await stage.shim(backend)
    key = keys.object(stage.proton.name, PORT, "p1")
    await stage.kv.put(key, b'{"id": "p1", "name": "by hand"}')
    await until(lambda: backend.calls == [("modify_port", "p1")])
    await stage.kv.put(key, b'{"id": "p1", "name": "by another hand"}')
    await until(lambda: len(backend.calls) == 2)
    await stage.kv.delete(key)
    await until(lambda: backend.names()[-1] == "delete_port")


@pytest.mark.parametrize("value", [b"", b"[]", b"nonsense", b'{"mtu": "wide"}', b"\xff"])
async def test_what_cannot_be_read_changes_nothing(stage: Stage, value: bytes) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await until(lambda: bool(backend.calls))
    await stage.kv.txn(Txn((), (Put(keys.object(stage.proton.name, PORT, port), value),)))
    await stage.kv.put(keys.object(stage.proton.name, "Unheard", "x"), b"{}")
    await stage.kv.put(keys.answer(stage.proton.name, PORT, "x"), value)
    await stage.kv.put(keys.report(stage.proton.name, PORT, port, "other"), value)
    other = await stage.wanted.put(PORT)
    await until(lambda: other in shim.model.ports)
    await quiet(shim)
    assert backend.names() == ["modify_port", "modify_port"] and port in shim.model.ports


async def test_ids_that_need_encoding(both: Stage) -> None:
    backend = Recorder()
    await both.shim(backend)
    target = "64512/1 %2F\u00fc"
    await both.wanted.put("VpnAfConfig", target)
    await until(lambda: backend.calls == [("modify_VpnAfConfig", target)])
    await both.reported("VpnAfConfig", target, state="ready")
    await both.wanted.delete("VpnAfConfig", target)
    await until(lambda: backend.names()[-1] == "delete_VpnAfConfig")


async def test_the_reports_of_other_controllers_are_shown(stage: Stage) -> None:
    shim = await stage.shim(Recorder())
    await stage.shim(Recorder(), name="c2")
    port = await stage.wanted.put(PORT)
    await until(lambda: shim.model.reports(PORT, port).keys() == {"c2"})
    await until(lambda: shim.model.reports(PORT, port)["c2"].state == "ready")
    await stage.wanted.delete(PORT, port)
    await until(lambda: not shim.model.reports(PORT, port))


async def test_a_newer_server_may_write_attributes_that_this_model_does_not_know(stage: Stage) -> None:
    backend = Recorder()
    await stage.shim(backend)
    value = b'{"id": "p", "invented": {"later": 1}, "revision": 1, "generation": 1, "incarnation": "i"}'
    await stage.kv.put(keys.object(stage.proton.name, PORT, "p"), value)
    await until(lambda: backend.calls == [("modify_port", "p")])


async def test_two_protons_do_not_meet(stage: Stage) -> None:
    longer = dataclasses.replace(stage.proton, name=stage.proton.name + "2")
    neighbour = Stage(longer, stage.kv, stage._beside)
    backend = Recorder()
    shim = await stage.shim(backend)
    await neighbour.wanted.put(PORT)
    await neighbour.wanted.tell("repairing")
    mine = await stage.wanted.put(PORT)
    await stage.wanted.delete(PORT, mine)
    await quiet(shim)
    assert set(backend.names()) <= {"modify_port", "delete_port"}
    assert {id for _, id in backend.calls} <= {mine}
