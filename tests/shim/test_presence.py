# SPDX-License-Identifier: Apache-2.0
"""The lease: without it a shim starts no call and answers nothing; of two shims of a name one works."""

import asyncio
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gluon.kv.contract import KeyValue, LeaseLost
from gluon.kv.memory import MemoryKv
from gluon.particle import keys
from gluon.shim import presence, process
from gluon.shim.listing import Seen, seen

from .conftest import LIMIT, PACE, PORT, Recorder, Stage, found, gone, quiet, until


async def test_a_shim_says_that_it_is_alive_and_leaves_nothing_when_it_stops(both: Stage) -> None:
    await both.shim(Recorder())
    key = keys.shim(both.proton.name, "c1")
    card = await both.get(key)
    assert (card["hosts"], card["pid"], card["backend"]) == (["h1"], os.getpid(), "tests.shim.conftest:Recorder")
    assert card["since"].endswith("Z") and card["host"]
    await both.stop()
    assert await both.get(key) is None


async def test_a_second_shim_of_the_name_stands_by(both: Stage) -> None:
    first, second = Recorder(), Recorder()
    await both.shim(first)
    standby = await both.standby(second)
    port = await both.wanted.put(PORT)
    await both.reported(PORT, port, state="ready")
    await until_standing_by(both, keys.shim(both.proton.name, "c1"), 1)
    assert not standby.working and second.calls == []
    waiting = [(shim.state, shim.card.hosts) for shim in await seen(both.kv, both.proton.name)]
    assert waiting == [("active", ["h1"]), ("standby", ["h1"])]
    await both.stop(0)
    await until(lambda: standby.working)
    assert [shim.state for shim in await seen(both.kv, both.proton.name)] == ["active"]
    await both.answered(port, binding_id=await both.wanted.bind(port, "h1"))
    await until(lambda: second.names() == ["bind_port", "modify_port"])


async def test_who_is_there_how_far_behind_and_with_which_reports(stage: Stage) -> None:
    async def position(epoch: str, batch: int) -> None:
        value = {"database": "d", "epoch": epoch, "batch": batch, "state": "complete"}
        await stage.kv.put(keys.sync(stage.proton.name), msgspec.json.encode(value))

    async def one(holds: Callable[[Seen], bool]) -> Seen:
        """The shim once this holds. Its card is older than the reports that are read with it."""
        async with asyncio.timeout(LIMIT):
            while True:
                shims = [shim for shim in await seen(stage.kv, stage.proton.name) if shim.name == "c1"]
                if shims and holds(shims[0]):
                    return shims[0]
                await asyncio.sleep(0.01)

    backend, release = Recorder(), asyncio.Event()
    slow = await stage.wanted.put(PORT)
    backend.before = lambda name, uuid: release.wait() if uuid == slow else None
    await position("e", 7)
    await stage.shim(backend, lease_ttl=0.2)
    await stage.wanted.put(PORT)
    await one(lambda c1: (c1.behind, c1.reports, c1.card.left) == (0, {"pending": 1, "ready": 1}, 1))
    written = (await stage.kv.get(keys.shim(stage.proton.name, "c1"))).mod_revision
    await asyncio.sleep(0.3)
    assert (await stage.kv.get(keys.shim(stage.proton.name, "c1"))).mod_revision == written, (
        "where nothing is new, nothing is written"
    )
    await position("e", 9)
    release.set()
    assert (await one(lambda c1: (c1.behind, c1.reports) == (0, {"ready": 2}))).card.batch == 9
    await position("other", 1)
    await one(lambda c1: c1.behind == 0)
    await stage.kv.put(keys.report(stage.proton.name, PORT, slow, "c0"), b'{"state": "failed"}')
    gone_by, present = await seen(stage.kv, stage.proton.name)
    assert (gone_by.name, gone_by.state, gone_by.reports, present.name) == ("c0", "gone", {"failed": 1}, "c1")


async def test_a_card_of_another_hand_is_read_as_far_as_it_goes(stage: Stage) -> None:
    for name, card in (("a", b'{"hosts": ["x"]}'), ("b", b"nonsense"), ("c", b'{"pid": "text"}')):
        await stage.kv.put(keys.shim(stage.proton.name, name), card)
    await stage.kv.put(keys.sync(stage.proton.name), b"nonsense")
    assert [(s.name, s.state, s.card.hosts, s.behind) for s in await seen(stage.kv, stage.proton.name)] == [
        ("a", "active", ["x"], None),
        ("b", "active", [], None),
        ("c", "active", [], None),
    ]


async def test_the_name_of_a_process_that_was_killed_is_taken_over_at_once(both: Stage) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = process.identity().rpartition("/")[0].rpartition("/")[0] + f"/{dead.pid}/"
    start = Path(f"/proc/{dead.pid}/stat").read_text().rpartition(")")[2].split()[19]
    lease = await both.kv.lease(60)
    key = keys.shim(both.proton.name, "c1")
    await both.kv.put(key, msgspec.json.encode({"process": identity + start}), lease=lease.id)
    standby = await both.standby(Recorder())
    await until_standing_by(both, key, 1)
    assert not standby.working and not process.ended(identity + start)
    await both.stop()
    dead.kill()
    await asyncio.to_thread(os.waitid, os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    assert process.ended(identity + start), "though nobody has collected it"
    dead.wait()
    assert process.ended(identity + start)
    assert process.ended(identity.replace(f"/{dead.pid}/", f"/{os.getpid()}/") + start), "the id is another process's now"
    await both.shim(Recorder())


@pytest.mark.parametrize("other", ["", "x", "boot/pid:[1]/1/1", "{0}/nonsense/1"])
def test_of_a_process_that_is_not_of_this_machine_nothing_is_known(other: str) -> None:
    here = process.identity().rpartition("/")[0].rpartition("/")[0]
    assert not process.ended(other.format(here))
    assert not process.ended(process.identity())


async def test_a_standby_whose_lease_is_gone_takes_another(both: Stage) -> None:
    await both.shim(Recorder())
    standby = await both.standby(Recorder())
    (waiting,) = await until_standing_by(both, keys.shim(both.proton.name, "c1"), 1)
    await both.kv.revoke(waiting.lease)
    await both.stop(0)
    await until(lambda: standby.working)


async def test_after_etcd_was_wiped_the_shim_that_worked_goes_first(stage: Stage) -> None:
    """It alone still knows what its backend was told: the reports are gone with etcd.

    All hear of their loss within a third of what their leases last; the others then wait as long as these last.
    """
    key = keys.shim(stage.proton.name, "c1")
    worked = await stage.shim(Recorder())
    for _ in range(2):
        for _ in range(7):
            await stage.standby(Recorder())
        await until_standing_by(stage, key, 7)
        stage.kv.wipe()
        async with asyncio.timeout(LIMIT):
            while (held := await stage.kv.get(key)) is None:
                await asyncio.sleep(0.001)
        await until(lambda: worked.working and worked._presence.lease.id == held.lease)
        for _ in range(7):
            await stage.stop()


async def test_after_etcd_was_away_a_shim_does_not_wait_for_itself(both: Stage) -> None:
    """It has lost its lease, which etcd still has. As a standby it would let others go first, should etcd be wiped then."""
    key = keys.shim(both.proton.name, "c1")
    old = await both.kv.lease(60)
    before = await both.kv.put(key, b"{}", lease=old.id)
    async with asyncio.timeout(LIMIT):
        again = await presence.appear(both.kv, key, b"{}", 60, before=old.id)
    assert again.revision > before
    with pytest.raises(LeaseLost):
        await both.kv.put(key, b"late", lease=old.id)
    await again.lease.revoke()


async def until_standing_by(stage: Stage, key: str, count: int) -> tuple[KeyValue, ...]:
    """What those have written who wait for this key, once they are so many."""
    async with asyncio.timeout(LIMIT):
        while len(waiting := (await stage.kv.page(key + "/")).items) < count:
            await asyncio.sleep(0.01)
    return waiting


async def test_a_standby_can_be_stopped(stage: Stage) -> None:
    await stage.shim(Recorder())
    await stage.standby(Recorder())
    await asyncio.sleep(0.01)
    await stage.stop()


async def test_without_its_lease_a_shim_calls_and_answers_nothing(stage: Stage) -> None:
    backend = Recorder()
    release = asyncio.Event()
    backend.before = lambda name, uuid: release.wait() if name == "bind_port" else None
    shim = await stage.shim(backend, lease_ttl=0.2)
    port = await stage.wanted.put(PORT)
    await stage.wanted.bind(port, "h1")
    await until(lambda: "bind_port" in backend.names())
    connection = shim._kv
    assert isinstance(connection, MemoryKv)
    connection.unavailable = True
    await until(lambda: not shim.working)
    await gone(lambda: stage.get(keys.shim(stage.proton.name, "c1")))
    release.set()
    other = await stage.wanted.put(PORT)
    await asyncio.sleep(0.1)
    assert await stage.answer(port) is None
    assert backend.names(other) == []
    connection.unavailable = False
    await stage.answered(port, controller="c1")
    await until(lambda: backend.names(other) == ["modify_port"])


async def test_a_lease_key_that_is_deleted_ends_the_work_until_it_is_there_again(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await stage.reported(PORT, port, state="ready")
    await stage.kv.delete(keys.shim(stage.proton.name, "c1"))
    await stage.wanted.put(PORT, port, name="changed")
    await found(lambda: stage.get(keys.shim(stage.proton.name, "c1")), {"hosts": ["h1"]})
    await stage.reported(PORT, port, state="ready", generation=stage.wanted.records[PORT, port]["generation"])
    await quiet(shim)
    assert backend.names() == ["modify_port", "modify_port"]


async def test_etcd_may_be_away_at_the_start_and_for_a_while(stage: Stage) -> None:
    backend = Recorder()
    kv = stage.kv.beside()
    kv.unavailable = True

    async def beside() -> MemoryKv:
        return kv

    stage._beside = beside
    shim = await stage.standby(backend)
    port = await stage.wanted.put(PORT)
    await asyncio.sleep(0.05)
    kv.unavailable = False
    await until(lambda: backend.names(port) == ["modify_port"])
    kv.unavailable = True
    await stage.wanted.put(PORT, port, name="meanwhile")
    await asyncio.sleep(0.05)
    kv.unavailable = False
    await until(lambda: len(backend.calls) == 2)
    await quiet(shim)
    assert backend.told[1][3]["name"] is None, "what was handed over is still known"
    await kv.close()


async def test_a_stop_lets_calls_that_run_finish_and_reports_them(stage: Stage) -> None:
    backend = Recorder()
    release = asyncio.Event()
    backend.before = lambda name, uuid: release.wait() if name == "bind_port" else None
    await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await stage.reported(PORT, port, state="ready")
    binding = await stage.wanted.bind(port, "h1")
    await until(lambda: "bind_port" in backend.names())
    stopping = asyncio.create_task(stage.stop())
    await asyncio.sleep(0.02)
    release.set()
    await stopping
    assert (await stage.answer(port))["binding_id"] == binding
    assert (await stage.report(PORT, port))["data"]["settled"] == binding
    assert backend.names() == ["modify_port", "bind_port"], "no call began after the stop"


async def test_a_stop_while_etcd_is_away_ends(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend, pace=dataclasses.replace(PACE, patience=0.5))
    port = await stage.wanted.put(PORT)
    await stage.reported(PORT, port, state="ready")
    backend.before = lambda name, uuid: cut()

    async def cut() -> None:
        shim._kv.unavailable = True

    await stage.wanted.bind(port, "h1")
    await until(lambda: "bind_port" in backend.names())
    async with asyncio.timeout(LIMIT):
        await stage.stop()


async def test_an_answer_whose_outcome_was_not_known_counts_as_given(stage: Stage) -> None:
    backend = Recorder()
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await stage.reported(PORT, port, state="ready")

    async def lose() -> None:
        shim._kv.unanswered = 1

    backend.before = lambda name, uuid: lose() if name == "bind_port" else None
    binding = await stage.wanted.bind(port, "h1")
    await stage.reported(PORT, port, state="ready", generation=stage.wanted.records[PORT, port]["generation"])
    assert (await stage.answer(port))["binding_id"] == binding
    assert backend.names() == ["modify_port", "bind_port", "modify_port"]
