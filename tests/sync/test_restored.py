# SPDX-License-Identifier: Apache-2.0
"""A real etcd under the feet of a running server: killed, gone for a while, back empty, back with an old state."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gluon.kv.contract import Kv
from gluon.kv.etcd import connect
from gluon.kv.process import EtcdProcess
from gluon.model.schema import Proton
from gluon.settings import Etcd
from gluon.store.contract import Store

from .conftest import LIMIT, Rig, until


@pytest.fixture
async def etcd(tmp_path: Path) -> AsyncIterator[EtcdProcess]:
    async with EtcdProcess(tmp_path / "etcd") as running:
        yield running


@pytest.fixture
async def own(etcd: EtcdProcess, store: Store, proton: Proton, tmp_path: Path) -> AsyncIterator[Rig]:
    async def beside() -> Kv:
        return await connect(Etcd(endpoints=(etcd.endpoint,)))

    rig = Rig(await beside(), beside, store, proton, tmp_path / "gluon.sqlite")
    yield rig
    await rig.kv.close()


async def test_an_old_state_comes_back_while_the_server_runs(own: Rig, etcd: EtcdProcess, tmp_path: Path) -> None:
    async with own.running() as sync:
        port = await own.create(own.Port)
        for number in range(50):
            await own.create(own.Slot, number=number)
        await until(own.equal)
        await until(own.complete)
        before = await own.value(own.sync_key)
        await etcd.stop()
        shutil.copytree(tmp_path / "etcd", tmp_path / "old")
        await etcd.start()
        await own.update(own.Slot, 1, label="newer")
        await own.delete(own.Slot, 2)
        await own.create(own.Slot, number=1000)
        await until(own.equal)
        await etcd.kill()
        shutil.rmtree(tmp_path / "etcd")
        shutil.copytree(tmp_path / "old", tmp_path / "etcd")
        await etcd.start()
        await until(own.equal)
        await until(own.complete)
        assert (await own.value(own.sync_key))["epoch"] != before["epoch"]
        # The way back up is whole too.
        with sync.waits.expect(own.Port, port["id"], "b") as wait:
            await own.bind(port["id"], binding_id="b")
            await own.answer(port["id"], binding_id="b")
            record = await wait.outcome(LIMIT)
        assert record is not None
        assert record["binding_state"] == "BOUND"


async def test_an_etcd_that_was_gone_comes_back_empty(own: Rig, etcd: EtcdProcess, tmp_path: Path) -> None:
    async with own.running() as sync:
        await own.create(own.Slot, number=1)
        await until(own.equal)
        await etcd.kill()
        for number in range(2, 100):
            await own.create(own.Slot, number=number)
        shutil.rmtree(tmp_path / "etcd")
        await etcd.start()
        await until(own.equal)
        await until(own.complete)
        await until(lambda: sync.report().etcd_error is None)
