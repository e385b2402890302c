# SPDX-License-Identifier: Apache-2.0
"""What an operator sees: the report, the probes, the figures; and that trouble in one place stays there."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gluon.errors import GluonError
from gluon.kv.contract import KvUnavailable
from gluon.kv.etcd import connect
from gluon.kv.process import EtcdProcess
from gluon.model.schema import Proton
from gluon.settings import Etcd
from gluon.settings import Sync as Settings
from gluon.store.contract import Store
from gluon.store.opening import open_store
from gluon.sync.position import Position
from gluon.sync.service import Sync

from .conftest import URL, Rig, family, model, until


async def test_the_figures_are_all_there(memory: Rig) -> None:
    registry = CollectorRegistry()
    async with memory.running() as sync:
        sync.metrics(registry)
        await memory.create(memory.Slot, number=1)
        await until(memory.equal)
        await until(memory.complete)
        expected = (
            "gluon_sync_backlog_rows ",
            "gluon_sync_backlog_age_seconds ",
            "gluon_sync_stuck_keys 0.0",
            "gluon_sync_leader 1.0",
            "gluon_sync_batches_total 1.0",
            "gluon_sync_changes_total 1.0",
            "gluon_sync_repaired_total 0.0",
            "gluon_sync_answers_total 0.0",
            f'gluon_sync_proton{{proton="{memory.proton.name}",state="complete"}} 1.0',
        )
        await until(lambda: all(line in generate_latest(registry).decode() for line in expected))


async def test_the_probes_say_what_is_wrong(memory: Rig) -> None:
    sync = memory.sync(lag_limit=0.05)
    await sync.probe_etcd()
    await sync.probe_relay()
    memory.kv.unavailable = True
    task = asyncio.create_task(sync.run())
    await memory.create(memory.Slot, number=1)
    await until(lambda: sync.report().etcd_error)
    await asyncio.sleep(0.06)
    with pytest.raises(KvUnavailable):
        await sync.probe_etcd()
    with pytest.raises(GluonError, match=r"1 changes wait for etcd.*cut off"):
        await sync.probe_relay()
    await until(lambda: sync.report().backlog.rows == 1)
    memory.kv.unavailable = False
    await until(memory.equal)
    await sync.probe_relay()
    task.cancel()
    await asyncio.wait([task])


async def test_a_server_that_does_not_lead_reports_no_trouble_after_an_outage(memory: Rig) -> None:
    kv = await memory.beside()
    async with memory.running(ttl=1) as first:
        await until(lambda: first.report().leader)
        async with memory.another() as other, other.running(kv=kv, ttl=1) as second:
            await other.create(other.Slot, number=1)
            await until(memory.equal)
            kv.unavailable = True
            await other.create(other.Slot, number=2)
            await until(lambda: second.report().etcd_error)
            await until(memory.equal)
            kv.unavailable = False
            await other.create(other.Slot, number=3)
            await until(memory.equal)
            await until(lambda: second.report().etcd_error is None)
            assert (first.report().leader, second.report().leader) == (True, False)


async def test_a_foreign_proton_stops_no_other(memory: Rig, tmp_path: Path) -> None:
    other = model(f"{memory.proton.name}-b")
    store = await open_store(f"sqlite:///{tmp_path}/two.sqlite", [memory.proton, other])
    await memory.kv.put(memory.sync_key, Position("another", "e", 1, "complete").encode())
    families = {proton.name: family(proton) for proton in (memory.proton, other)}
    sync = Sync(Settings(), memory.kv, store, families, URL)
    task = asyncio.create_task(sync.run())
    rig = Rig(memory.kv, memory.beside, store, other, tmp_path / "two.sqlite")
    await rig.create(rig.Slot, number=1)
    await until(rig.equal)
    await until(lambda: sync.report().protons[memory.proton.name].state == "foreign")
    said = await sync.probe_relay()  # the server is usable: this Proton is not
    assert said is not None and f"delete {memory.sync_key}" in said
    await memory.kv.delete(memory.sync_key)  # the operator has decided whose it is
    await until(lambda: sync.report().protons[memory.proton.name].state == "complete")
    assert await sync.probe_relay() is None
    task.cancel()
    await asyncio.wait([task])
    await store.close()


async def test_a_database_in_the_place_of_another(
    memory: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so once, however often it looks; where the operator gives it the keys, its objects replace the others."""
    for number in range(5):
        await memory.create(memory.Slot, number=number)
    async with memory.running():
        await until(memory.equal)
    monkeypatch.setattr("gluon.sync.relay.FOREIGN", 0.01)
    store = await open_store(f"sqlite:///{tmp_path}/two.sqlite", [memory.proton])
    rig = Rig(memory.kv, memory.beside, store, memory.proton, tmp_path / "two.sqlite")
    await rig.create(rig.Slot, number=7)
    async with rig.running() as sync:
        await until(lambda: sync.report().protons and sync.report().protons[rig.proton.name].state == "foreign")
        await asyncio.sleep(0.2)
        assert caplog.text.count("is not relayed") == 1
        assert not await rig.equal()
        await rig.kv.delete(rig.sync_key)
        await until(rig.equal)
        await until(rig.complete)
    await store.close()


async def test_an_etcd_without_space_is_waited_for_and_nothing_set_aside(tmp_path: Path, store: Store, proton: Proton) -> None:
    async with EtcdProcess(tmp_path / "etcd", options=["--quota-backend-bytes=1000000"]) as etcd:
        kv = await connect(Etcd(endpoints=(etcd.endpoint,)))
        rig = Rig(kv, lambda: connect(Etcd(endpoints=(etcd.endpoint,))), store, proton, tmp_path / "gluon.sqlite")
        async with rig.running() as sync:
            await rig.create(rig.Slot, number=1)
            await until(rig.equal)

            async def full() -> bool:
                """After one more, and some time: etcd counts what is on disk, where its writes come a little later."""
                await rig.create(rig.Net, note="x" * 900_000)
                await asyncio.sleep(0.15)
                return "space" in (sync.report().etcd_error or "")

            await until(full)
            assert (await store.log.backlog()).rows
            assert await store.log.stuck() == []
        await kv.close()


async def test_an_etcd_with_narrower_limits_gets_all_that_it_takes(tmp_path: Path, store: Store, proton: Proton) -> None:
    async with EtcdProcess(tmp_path / "etcd", options=["--max-request-bytes=60000", "--max-txn-ops=16"]) as etcd:
        kv = await connect(Etcd(endpoints=(etcd.endpoint,)))
        rig = Rig(kv, lambda: connect(Etcd(endpoints=(etcd.endpoint,))), store, proton, tmp_path / "gluon.sqlite")
        large = await rig.create(rig.Net, note="x" * 100_000)
        for number in range(60):
            await rig.create(rig.Net, name=str(number), note="y" * 3000)
            await rig.create(rig.Slot, number=number)
        async with rig.running():

            async def drained() -> bool:
                return (await store.log.backlog()).rows == 0

            await until(drained)
            assert [key.id for key in await store.log.stuck()] == [large["id"]]
            assert len(await rig.held()) == 120
        await kv.close()
