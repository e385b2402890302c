# SPDX-License-Identifier: Apache-2.0
"""What ends the following of etcd does so for a moment only, and takes no port away meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gluon.kv.contract import Kv
from gluon.kv.etcd import connect
from gluon.particle import keys
from gluon.plugin.following import Follower
from gluon.plugin.notifying import GONE, Notifying, Transition
from gluon.settings import Etcd
from tests.backends.test_catalogue import put, remove
from tests.backends.test_registrations import say, until
from tests.kv.certificates import Authority

NAME = "following"


@pytest.fixture
async def kv(etcd_endpoint: str) -> AsyncIterator[Kv]:
    opened = await connect(Etcd(endpoints=(etcd_endpoint,)))
    for prefix in (keys.PORTS, keys.SYNCS, keys.PROTONS):
        await opened.delete(prefix, prefix=True)
    await say(opened, "complete")
    yield opened
    await opened.close()


@asynccontextmanager
async def following(follower: Follower) -> AsyncIterator[None]:
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_bug_ends_it_for_a_moment_only(kv: Kv, etcd_endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
    told, broken = list[Transition](), True

    def send(transition: Transition) -> None:
        if broken:
            raise KeyError("a bug")
        told.append(transition)

    await put(kv, "a", device_id="vm", status="DOWN")
    await put(kv, "gone", device_id="vm", status="DOWN")
    follower = Follower(Etcd(endpoints=(etcd_endpoint,)), NAME, Notifying(send))
    async with following(follower):
        await until(follower.ready.is_set)
        first = follower.catalogue
        assert first is not None and first.find("a") is not None and follower.trouble == ""
        await put(kv, "a", device_id="vm", status="ACTIVE", revision=2)
        await until(lambda: follower.trouble == "following them failed, as Neutron's log says")
        assert follower.catalogue is first, "what is known stays known"
        broken = False
        await put(kv, "b")
        await put(kv, "a", device_id="vm", status="ERROR", revision=3)
        await remove(kv, "gone")
        await until(lambda: follower.trouble == "")
        second = follower.catalogue
        assert second is not None and second is not first
        await until(lambda: second.find("b") is not None)
        ends = {Transition("a", "vm", "", "ACTIVE", "ERROR"), Transition("gone", "vm", "", "DOWN", GONE)}
        await until(lambda: ends <= set(told))
    (said,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert said.exc_info is not None and isinstance(said.exc_info[1], KeyError)


async def test_what_is_missing_after_a_bug_is_not_gone_while_etcd_is_filled_again(kv: Kv, etcd_endpoint: str) -> None:
    told, broken = list[Transition](), True

    def send(transition: Transition) -> None:
        if broken:
            raise KeyError("a bug")
        told.append(transition)

    for id in ("a", "gone"):
        await put(kv, id, device_id="vm", status="DOWN")
    follower = Follower(Etcd(endpoints=(etcd_endpoint,)), NAME, Notifying(send))
    async with following(follower):
        await until(follower.ready.is_set)
        await put(kv, "a", device_id="vm", status="ACTIVE", revision=2)
        await until(lambda: follower.trouble != "")
        await say(kv, "repairing", "2")
        await remove(kv, "gone")
        broken = False
        await put(kv, "a", device_id="vm", status="ERROR", revision=3)
        await until(lambda: follower.trouble == "")
        await until(lambda: Transition("a", "vm", "", "ACTIVE", "ERROR") in told)
        assert "gone" not in {transition.id for transition in told}


async def test_another_thread_looks_for_a_port_that_has_just_come(kv: Kv, etcd_endpoint: str) -> None:
    follower = Follower(Etcd(endpoints=(etcd_endpoint,)), NAME)
    assert not follower.look("new")
    async with following(follower):
        await until(lambda: follower.catalogue is not None)
        await put(kv, "new")
        assert await asyncio.to_thread(follower.look, "new")
        assert follower.catalogue is not None and follower.catalogue.find("new") is not None
        assert not await asyncio.to_thread(follower.look, "another")
    assert not await asyncio.to_thread(follower.look, "another"), "nobody follows any more"


async def test_what_is_wrong_in_the_settings_may_be_put_right(
    kv: Kv, etcd_endpoint: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await put(kv, "a")
    missing = tmp_path / "ca.pem"
    follower = Follower(Etcd(endpoints=(etcd_endpoint,), ca_file=str(missing)), NAME)
    async with following(follower):
        await until(follower.ready.is_set)
        assert follower.catalogue is None and str(missing) in follower.trouble
        assert Authority(tmp_path).pair.cert == missing
        await until(lambda: follower.catalogue is not None)
        assert follower.trouble == ""
    assert caplog.records and not any(record.exc_info for record in caplog.records)


async def test_an_endpoint_that_is_none(caplog: pytest.LogCaptureFixture) -> None:
    follower = Follower(Etcd(endpoints=("nonsense",)), NAME)
    async with following(follower):
        await until(follower.ready.is_set)
    assert follower.catalogue is None
    assert follower.trouble == "[etcd] endpoints: 'nonsense' is not a URL like https://etcd.example.org:2379"
    assert not any(record.exc_info for record in caplog.records)


async def test_why_there_is_no_list_yet(unused_tcp_port: int) -> None:
    follower: Any = Follower(Etcd(endpoints=(f"http://127.0.0.1:{unused_tcp_port}",), timeout=0.5), NAME)
    async with following(follower):
        await until(lambda: str(unused_tcp_port) in follower.trouble)
    assert follower.catalogue is None and not follower.ready.is_set()
