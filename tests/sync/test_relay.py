# SPDX-License-Identifier: Apache-2.0
"""Changes reach etcd: all of them, in order, once settled never again."""

import asyncio

import pytest

from gluon.store.contract import SyncMark

from .conftest import LIMIT, TENANT, URL, Rig, until


async def test_a_change_is_in_etcd_with_its_registration(rig: Rig) -> None:
    async with rig.running():
        await until(rig.complete)
        port = await rig.create(rig.Port, name="p1", mtu=1400)
        await until(rig.equal)
        value = await rig.value(rig.key(rig.Port, port["id"]))
        assert value["name"] == "p1"
        assert value["mtu"] == 1400
        assert value["binding_id"] is None
        assert value["incarnation"] == port["incarnation"]
        assert "created_at" not in value
        registration = await rig.value(f"/gluon/port/{port['id']}")
        assert registration == {"tenant_id": TENANT, "service": rig.proton.name, "url": URL, "binding_id": None}


async def test_an_idle_relay_is_woken_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gluon.sync.relay.LOOK", 4 * LIMIT)  # it does not look by itself
    monkeypatch.setattr("gluon.kv.watching.SILENCE", 4 * LIMIT)  # each sign of life of an idle watch is a bell, too
    async with rig.running():
        await until(rig.complete)
        for number in range(20):
            await rig.create(rig.Slot, number=number)
            await until(lambda number=number: rig.kv.get(rig.key(rig.Slot, number)))


async def test_registration_marks_when_it_took_the_binding(rig: Rig) -> None:
    async with rig.running():
        port = await rig.create(rig.Port)
        await until(rig.equal)
        key = f"/gluon/port/{port['id']}"
        before = await rig.kv.get(key)
        await rig.update(rig.Port, port["id"], name="other")
        await until(rig.equal)
        assert await rig.kv.get(key) == before
        bound = await rig.bind(port["id"])
        await until(rig.equal)
        after = await rig.kv.get(key)
        assert after is not None
        assert before is not None
        assert after.mod_revision > before.mod_revision
        assert (await rig.value(key))["binding_id"] == bound["binding_id"]


async def test_deleting_a_port_takes_its_registration_and_answer_but_no_report(rig: Rig) -> None:
    async with rig.running():
        port = await rig.create(rig.Port)
        await rig.answer(port["id"])
        report = f"{rig.answer_key(port['id'])}/c1"
        await rig.kv.put(report, b"{}")
        await until(rig.equal)
        await rig.delete(rig.Port, port["id"])
        await until(rig.equal)
        assert await rig.kv.get(f"/gluon/port/{port['id']}") is None
        assert await rig.kv.get(rig.answer_key(port["id"])) is None
        assert await rig.kv.get(report) is not None


async def test_puts_come_in_the_order_of_references_and_deletes_reversed(rig: Rig) -> None:
    seen: list[tuple[str, str]] = []
    watch = (await rig.beside()).watch(f"/proton/{rig.proton.name}/")
    await anext(watch)

    async def follow() -> None:
        async for batch in watch:
            seen.extend((event.type, event.kv.key.split("/")[3]) for event in batch.events)

    following = asyncio.create_task(follow())
    slot = await rig.create(rig.Slot, number=1)
    net = await rig.create(rig.Net, slot=1)
    port = await rig.create(rig.Port)
    await rig.create(rig.Attachment, interface_id=port["id"], service_id=net["id"])
    await rig.update(rig.Slot, slot["number"], label="changed last")
    async with rig.running():
        await until(rig.equal)
        await until(lambda: len(seen) == 5)
        places = [[o.name for o in rig.proton.order].index(name) for _, name in seen]
        assert places == sorted(places)
        seen.clear()
        await rig.delete(rig.Attachment, port["id"])
        await rig.delete(rig.Port, port["id"])
        await rig.delete(rig.Net, net["id"])
        await rig.delete(rig.Slot, 1)
        await until(lambda: len(seen) == 5)
    following.cancel()
    await asyncio.wait([following])
    await watch.aclose()
    gone = [name for kind, name in seen if kind == "delete"]
    assert gone.index("Attachment") < gone.index("Interface") < gone.index("Port")
    assert gone.index("Attachment") < gone.index("Net") < gone.index("Slot")


async def test_every_batch_is_counted_on_both_sides(rig: Rig) -> None:
    async with rig.running(batch=10):
        await until(rig.complete)
        for number in range(35):
            await rig.create(rig.Slot, number=number)
        await until(rig.equal)
        said = await rig.value(rig.sync_key)
        assert said["state"] == "complete"
        assert said["database"] == await rig.store.log.database_id()
        assert await rig.store.log.mark(rig.proton.name) == SyncMark(said["epoch"], said["batch"])


async def test_a_restart_goes_on_in_the_same_epoch(rig: Rig) -> None:
    async with rig.running():
        await rig.create(rig.Slot, number=1)
        await until(rig.equal)
        await until(rig.complete)
    before = await rig.value(rig.sync_key)
    first = await rig.kv.get(rig.key(rig.Slot, 1))
    await rig.create(rig.Slot, number=2)
    async with rig.running():
        await until(rig.equal)
    after = await rig.value(rig.sync_key)
    assert after == {**before, "batch": before["batch"] + 1}
    assert await rig.kv.get(rig.key(rig.Slot, 1)) == first
