# SPDX-License-Identifier: Apache-2.0
"""Reports are the memory: what a shim that comes back does, and what it does not do again."""

from gluon.particle import keys

from .conftest import PORT, Recorder, Stage, gone, quiet, until


async def _bound(stage: Stage, **more: object) -> tuple[str, str]:
    """A port that is bound by a shim that has stopped."""
    await stage.shim(Recorder(), **more)
    port = await stage.wanted.put(PORT, name="p")
    binding = await stage.wanted.bind(port, "h1", "vm")
    await stage.answered(port, binding_id=binding)
    await stage.reported(PORT, port, state="ready", generation=stage.wanted.records[PORT, port]["generation"])
    await stage.stop()
    return port, binding


async def test_nothing_is_done_again(both: Stage) -> None:
    port, binding = await _bound(both)
    await both.wanted.serve(port, binding_state="BOUND", status="ACTIVE")
    backend = Recorder()
    shim = await both.shim(backend)
    await quiet(shim)
    assert backend.calls == []
    assert (await both.answer(port))["binding_id"] == binding


async def test_what_vanished_meanwhile_is_undone(both: Stage) -> None:
    port, _ = await _bound(both)
    await both.wanted.delete(PORT, port)
    backend = Recorder()
    await both.shim(backend)
    await until(lambda: backend.names() == ["unbind_port", "delete_port"])
    assert [prev["host_id"] for *_, prev in backend.told] == ["h1", "h1"]
    assert backend.told[0][2] == {}
    await gone(lambda: both.report(PORT, port))


async def test_what_moved_meanwhile_is_undone_and_the_other_hosts_answer_is_left(both: Stage) -> None:
    port, _ = await _bound(both)
    binding = await both.wanted.bind(port, "h2", "vm")
    await both.put_answer(port, {"vif_type": "ovs", "vif_details": {}, "controller": "c2", "binding_id": binding})
    backend = Recorder()
    await both.shim(backend)
    await until(lambda: backend.names() == ["unbind_port", "modify_port"])
    assert (backend.told[0][3]["host_id"], backend.told[0][2]["host_id"]) == ("h1", "h2")
    assert (await both.answer(port))["controller"] == "c2"


async def test_what_was_unbound_meanwhile_is_undone(stage: Stage) -> None:
    port, _ = await _bound(stage)
    await stage.wanted.unbind(port)
    backend = Recorder()
    await stage.shim(backend)
    await until(lambda: backend.names() == ["unbind_port", "modify_port"])
    assert await stage.answered(port) == {}


async def test_a_host_that_left_the_host_list_is_unbound(stage: Stage) -> None:
    await _bound(stage)
    backend = Recorder()
    await stage.shim(backend, hosts=("h9",))
    await until(lambda: backend.names() == ["unbind_port"])


async def test_an_answer_that_was_written_but_not_remembered_is_not_given_twice(stage: Stage) -> None:
    port, binding = await _bound(stage)
    key = keys.report(stage.proton.name, PORT, port, "c1")
    found = await stage.kv.get(key)
    assert found is not None and binding.encode() in found.value
    await stage.kv.put(key, found.value.replace(b'"settled":"' + binding.encode() + b'"', b'"settled":""'))
    backend = Recorder()
    shim = await stage.shim(backend)
    await quiet(shim)
    assert backend.calls == []


async def test_a_binding_that_still_waits_is_answered_again(stage: Stage) -> None:
    port, binding = await _bound(stage)
    await stage.kv.delete(keys.answer(stage.proton.name, PORT, port))
    await stage.shim(Recorder())
    await stage.answered(port, binding_id=binding)


async def test_a_report_that_cannot_be_read_is_made_anew(stage: Stage) -> None:
    port, binding = await _bound(stage)
    await stage.kv.put(keys.report(stage.proton.name, PORT, port, "c1"), b"what?")
    backend = Recorder()
    await stage.shim(backend)
    await until(lambda: backend.names() == ["modify_port", "bind_port"])
    await stage.reported(PORT, port, state="ready")
    assert (await stage.answer(port))["binding_id"] == binding


async def test_the_report_stands_before_the_first_call_and_says_pending(both: Stage) -> None:
    reports = []
    backend = Recorder()

    async def look(uuid: str) -> None:
        reports.append(await both.report(PORT, uuid))

    backend.before = lambda name, uuid: look(uuid)
    await both.shim(backend)
    port = await both.wanted.put(PORT, host_id="h1", device_id="vm", binding_id="b")
    await both.reported(PORT, port, state="ready")
    assert [r["state"] for r in reports] == ["pending", "pending"]
    assert reports[1]["data"]["bound"] == "b", "a bind is remembered before it is made"


async def test_no_secret_is_kept_in_a_report(stage: Stage) -> None:
    await stage.shim(Recorder())
    peering = await stage.wanted.put("BGPPeering", password="hush", peer_ip_address="10.0.0.1")
    report = await stage.reported("BGPPeering", peering, state="ready")
    assert report["data"]["record"]["peer_ip_address"] == "10.0.0.1"
    assert "password" not in report["data"]["record"]


async def test_a_large_object_is_reported_without_its_state(stage: Stage) -> None:
    backend = Recorder()
    await stage.shim(backend)
    port = await stage.wanted.put(PORT, profile={"large": "x" * 600_000})
    report = await stage.reported(PORT, port, state="ready")
    assert report["data"]["record"].keys() == {"incarnation"}
