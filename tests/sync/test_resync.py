# SPDX-License-Identifier: Apache-2.0
"""Where etcd is not as the database left it: noticed, compared, put right; and what is not ours is left alone."""

import asyncio
import json

import pytest

from gluon.kv.contract import KeyValue, Put, Txn
from gluon.store.contract import SyncMark
from gluon.sync.position import Position, Verdict, decide
from gluon.sync.resync import Difference, Refused, check, repair

from .conftest import LIMIT, Rig, until


async def differences(rig: Rig) -> list[Difference]:
    return [difference async for difference in check(rig.proton, rig.kv, rig.store)]


async def filled(rig: Rig, slots: int = 20) -> dict[str, object]:
    """Some objects of each kind, in etcd; the sync key's value."""
    for number in range(slots):
        await rig.create(rig.Slot, number=number)
    port = await rig.create(rig.Port)
    net = await rig.create(rig.Net, slot=1)
    await rig.create(rig.Attachment, interface_id=port["id"], service_id=net["id"])
    await until(rig.equal)
    await until(rig.complete)
    return await rig.value(rig.sync_key)


async def wipe(rig: Rig) -> None:
    """Delete all that the relay wrote, as far as one Proton of a shared etcd is concerned."""
    for prefix in (f"/proton/{rig.proton.name}/", rig.sync_key):
        await rig.kv.delete(prefix, prefix=True)


async def test_an_etcd_wiped_while_running_is_filled_again_in_a_new_epoch(rig: Rig) -> None:
    async with rig.running() as sync:
        before = await filled(rig)
        await wipe(rig)
        await until(rig.equal)
        await until(rig.complete)
        assert (await rig.value(rig.sync_key))["epoch"] != before["epoch"]
        assert await differences(rig) == []
        await until(lambda: sync.report().protons[rig.proton.name].state == "complete")


async def test_an_etcd_replaced_by_an_empty_one_is_filled_again(memory: Rig) -> None:
    async with memory.running(ttl=0.5):
        before = await filled(memory)
        memory.kv.wipe()
        await memory.create(memory.Slot, number=1000)
        await until(memory.equal)
        await until(memory.complete)
        assert (await memory.value(memory.sync_key))["epoch"] != before["epoch"]


async def test_an_etcd_wiped_while_no_one_ran_is_filled_again(rig: Rig) -> None:
    async with rig.running():
        before = await filled(rig)
    await wipe(rig)
    await rig.create(rig.Slot, number=1000)
    async with rig.running():
        await until(rig.equal)
        await until(rig.complete)
    assert (await rig.value(rig.sync_key))["epoch"] != before["epoch"]


async def test_an_etcd_restored_to_an_older_state_is_brought_up_to_date(rig: Rig) -> None:
    async with rig.running():
        await filled(rig)
        old = [kv for prefix in (f"/proton/{rig.proton.name}/", rig.sync_key) for kv in (await rig.kv.page(prefix)).items]
        await rig.update(rig.Slot, 3, label="newer")
        await rig.delete(rig.Slot, 4)
        await rig.create(rig.Slot, number=1000)
        await until(rig.equal)
    before = await rig.value(rig.sync_key)
    await wipe(rig)
    for kv in old:
        await rig.kv.put(kv.key, kv.value)
    async with rig.running():
        await until(rig.equal)
        await until(rig.complete)
        assert (await rig.value(rig.key(rig.Slot, 3)))["label"] == "newer"
        assert await rig.value(rig.key(rig.Slot, 4)) is None
    assert (await rig.value(rig.sync_key))["epoch"] != before["epoch"]


async def test_a_repair_writes_only_what_differs(rig: Rig) -> None:
    async with rig.running():
        await filled(rig)
    kept = await rig.kv.get(rig.key(rig.Slot, 1))
    await rig.kv.delete(rig.key(rig.Slot, 2))
    await rig.kv.put(rig.key(rig.Slot, 3), b"{}")
    await rig.kv.put(rig.key(rig.Slot, 777), b"{}")
    await rig.kv.put(rig.key(rig.Slot, "no-number"), b"{}")
    await rig.kv.put(f"/proton/{rig.proton.name}/Unknown/1", b"{}")
    await rig.kv.put(f"/gluon/port/lost-{rig.proton.name}", json.dumps({"service": rig.proton.name}).encode())
    assert {(d.kind, d.key) for d in await differences(rig)} == {
        ("missing", rig.key(rig.Slot, 2)),
        ("other", rig.key(rig.Slot, 3)),
        ("extra", rig.key(rig.Slot, 777)),
        ("extra", rig.key(rig.Slot, "no-number")),
        ("extra", f"/proton/{rig.proton.name}/Unknown/1"),
        ("extra", f"/gluon/port/lost-{rig.proton.name}"),
    }
    async with rig.running():
        await until(rig.complete)
        await repair(rig.proton, rig.kv, rig.store)
        await until(rig.equal)
        await until(rig.complete)
        assert await differences(rig) == []
        assert await rig.kv.get(rig.key(rig.Slot, 1)) == kept


async def test_what_waits_to_be_relayed_is_no_difference(rig: Rig) -> None:
    await rig.create(rig.Slot, number=1)
    assert await differences(rig) == []


async def test_another_databases_keys_are_never_touched(rig: Rig) -> None:
    theirs = Position("another", "e", 7, "complete").encode()
    await rig.kv.put(rig.sync_key, theirs)
    await rig.kv.put(rig.key(rig.Slot, 1), b"{}")
    async with rig.running() as sync:
        await until(lambda: sync.report().protons.get(rig.proton.name))
        await until(lambda: sync.report().protons[rig.proton.name].state == "foreign")
        assert "another" in sync.report().protons[rig.proton.name].reason
        await rig.create(rig.Slot, number=2)
        await asyncio.sleep(0.1)
        with pytest.raises(Refused):
            await repair(rig.proton, rig.kv, rig.store, force=True)
        assert (await rig.store.log.backlog()).rows == 1
    assert (await rig.kv.get(rig.sync_key)).value == theirs
    assert await rig.held() == {rig.key(rig.Slot, 1): {}}


async def test_a_repair_that_deletes_much_is_refused_until_it_is_forced(rig: Rig) -> None:
    async with rig.running() as sync:
        await filled(rig)
        for start in range(0, 150, 50):
            puts = tuple(Put(rig.key(rig.Slot, 10_000 + start + n), b"{}") for n in range(50))
            await rig.kv.txn(Txn((), puts))
        await repair(rig.proton, rig.kv, rig.store)
        await until(lambda: sync.report().protons[rig.proton.name].state == "refused")
        assert "150 of" in sync.report().protons[rig.proton.name].reason
        await rig.create(rig.Slot, number=5000)
        await until(lambda: rig.kv.get(rig.key(rig.Slot, 5000)))
        assert await rig.kv.get(rig.key(rig.Slot, 10_000)) is not None
        assert (await rig.value(rig.sync_key))["state"] == "repairing"
        await repair(rig.proton, rig.kv, rig.store, force=True)
        await until(rig.equal)
        await until(rig.complete)
        assert "force" not in await rig.value(rig.sync_key)


async def test_changes_flow_while_a_repair_runs(rig: Rig) -> None:
    async with rig.running():
        for number in range(400):
            await rig.create(rig.Slot, number=number)
        await until(rig.equal)
        await wipe(rig)
        for number in range(0, 400, 4):
            await rig.delete(rig.Slot, number)
            await rig.update(rig.Slot, number + 1, label="changed meanwhile")
            await rig.create(rig.Slot, number=number + 1000)
        await until(rig.equal)
        await until(rig.complete)
        await until(rig.equal)
        assert await differences(rig) == []


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An etcd that takes less than objects may have; as real ones may be told to."""
    monkeypatch.setattr("gluon.store.sizes.MAX_OBJECT", 10_000_000)


@pytest.mark.usefixtures("narrow")
async def test_what_etcd_refuses_is_set_aside_and_stops_no_other(rig: Rig) -> None:
    large = await rig.create(rig.Net, note="x" * 900_000, more="y" * 900_000)
    for number in range(5):
        await rig.create(rig.Net, name=str(number))
    async with rig.running():
        await until(lambda: _drained(rig))
        (stuck,) = await rig.store.log.stuck()
        assert (stuck.object, stuck.id) == ("Net", large["id"])
        assert "too large" in stuck.reason
        assert len(await rig.held()) == 5
        await until(rig.complete)
        await rig.update(rig.Net, large["id"], note="short")
        await until(rig.equal)
        assert await rig.store.log.stuck() == []


@pytest.mark.usefixtures("narrow")
async def test_a_batch_of_nothing_but_refused_keys_is_counted_too(memory: Rig) -> None:
    async with memory.running():
        await until(memory.complete)
        await memory.create(memory.Net, note="x" * 900_000, more="y" * 900_000)
        await until(lambda: _drained(memory))
        said = await memory.value(memory.sync_key)
        assert await memory.store.log.mark(memory.proton.name) == SyncMark(said["epoch"], said["batch"])
        await memory.create(memory.Slot, number=1)
        await until(lambda: memory.kv.get(memory.key(memory.Slot, 1)))
    async with memory.running():
        await until(lambda: _drained(memory))
        assert (await memory.value(memory.sync_key))["epoch"] == said["epoch"]


async def test_a_registration_with_another_server_is_as_good(rig: Rig) -> None:
    async with rig.running():
        port = await rig.create(rig.Port)
        await until(rig.equal)
        await until(rig.complete)
        key = f"/gluon/port/{port['id']}"
        said = await rig.value(key)
        await rig.kv.put(key, json.dumps({**said, "url": "http://elsewhere"}).encode())
        assert await differences(rig) == []
        await rig.kv.put(key, json.dumps({**said, "tenant_id": "other"}).encode())
        assert await differences(rig) == [Difference("other", key)]
        await rig.kv.put(key, b"no json")
        assert await differences(rig) == [Difference("other", key)]


async def _drained(rig: Rig) -> bool:
    return (await rig.store.log.backlog()).rows == 0


class Crashing:
    """A change log that fails between etcd's transaction and settling, as a server that is killed there does."""

    def __init__(self, log) -> None:
        self._log = log
        self.crash = asyncio.Event()

    def __getattr__(self, name: str):
        return getattr(self._log, name)

    async def settle(self, batch, mark) -> None:
        self.crash.set()
        await asyncio.Event().wait()


class OneLog:
    def __init__(self, store, log) -> None:
        self._store = store
        self.log = log

    def __getattr__(self, name: str):
        return getattr(self._store, name)


async def test_a_crash_before_settling_is_healed_by_doing_it_again(rig: Rig) -> None:
    async with rig.running():
        before = await filled(rig)
    log = Crashing(rig.store.log)
    async with rig.running(store=OneLog(rig.store, log)):
        await rig.create(rig.Slot, number=1000)
        await asyncio.wait_for(log.crash.wait(), LIMIT)
    assert (await rig.value(rig.sync_key))["batch"] == before["batch"] + 1
    assert await rig.value(rig.key(rig.Slot, 1000))
    await rig.delete(rig.Slot, 1000)
    async with rig.running():
        await until(rig.equal)
        assert await rig.value(rig.sync_key) == {**before, "batch": before["batch"] + 1}


async def test_transactions_whose_outcome_is_not_known_are_repeated(memory: Rig) -> None:
    async with memory.running():
        before = await filled(memory)
        for number in range(1000, 1010):
            memory.kv.unanswered = 1
            await memory.create(memory.Slot, number=number)
            await until(memory.equal)
        assert (await memory.value(memory.sync_key))["epoch"] == before["epoch"]


async def test_an_outage_under_load_loses_nothing(memory: Rig) -> None:
    async with memory.running(ttl=0.5):
        before = await filled(memory)
        memory.kv.unavailable = True
        for number in range(1000, 1200):
            await memory.create(memory.Slot, number=number)
        await asyncio.sleep(0.7)
        memory.kv.unavailable = False
        await until(memory.equal)
        assert (await memory.value(memory.sync_key))["epoch"] == before["epoch"]


MARK = SyncMark("e", 5)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (None, Verdict.NEW_EPOCH),
        (Position("db", "e", 5, "complete"), Verdict.GO_ON),
        (Position("db", "e", 6, "complete"), Verdict.GO_ON),
        (Position("db", "e", 6, "repairing"), Verdict.REPAIR_ON),
        (Position("db", "e", 4, "complete"), Verdict.NEW_EPOCH),
        (Position("db", "e", 7, "complete"), Verdict.NEW_EPOCH),
        (Position("db", "other", 5, "complete"), Verdict.NEW_EPOCH),
        (Position("db", "e", 5, "repairing", force=True), Verdict.NEW_EPOCH),
        (Position("other", "e", 5, "complete"), Verdict.FOREIGN),
    ],
)
def test_how_a_relay_starts(said: Position | None, verdict: Verdict) -> None:
    assert decide("db", MARK, said and _kv(said.encode())).verdict is verdict


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("", Verdict.NEW_EPOCH),
        ("1.9 a", Verdict.NEW_EPOCH),
        ("1.10 b", Verdict.NEW_EPOCH),
        ("1.10 a", Verdict.GO_ON),
        ("1.11 b", Verdict.GO_ON),
        ("2.0 b", Verdict.GO_ON),
    ],
)
def test_what_another_model_s_relay_wrote(said: str, verdict: Verdict) -> None:
    decision = decide("db", MARK, _kv(Position("db", "e", 5, "complete", model=said).encode()), "1.10 a")
    assert decision.verdict is verdict
    assert decision.position.model == "1.10 a"


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"no json", b'{"database": 3}'])
def test_a_sync_key_that_cannot_be_read_is_foreign(value: bytes) -> None:
    decision = decide("db", MARK, _kv(value))
    assert decision.verdict is Verdict.FOREIGN
    assert "cannot be read" in decision.reason


def _kv(value: bytes):
    return KeyValue("/gluon/sync/p", value, 1, 1, 1)


async def test_a_comparison_tells_how_far_it_is(rig: Rig) -> None:
    async with rig.running():
        await filled(rig, slots=130)
    told: list[int] = []
    assert [difference async for difference in check(rig.proton, rig.kv, rig.store, told.append)] == []
    assert told == sorted(told)
    # Each side: slots, a net, a port with its interface, an attachment; a port has a second key.
    assert told[-1] == 2 * 134 + 1


async def test_many_keys_are_read_by_parts_and_none_is_missed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gluon.kv.paging._MANY", 3)
    monkeypatch.setattr("gluon.kv.paging._PAGE", 2)
    async with rig.running():
        await filled(rig, slots=60)
    for stray in ("5000", "5", "50000", "500000", "x", "é", "\U0001f600", ""):
        await rig.kv.put(f"/proton/{rig.proton.name}/Net/{stray}", b"{}")
    await rig.kv.delete(rig.key(rig.Slot, 59))
    found = await differences(rig)
    assert [d.key for d in found if d.kind == "missing"] == [rig.key(rig.Slot, 59)]
    assert {d.key.rpartition("/")[2] for d in found if d.kind == "extra"} == {
        *("5000", "5", "50000", "500000", "x", "é", "\U0001f600", "")
    }
    assert len(found) == 9
    async with rig.running():
        await repair(rig.proton, rig.kv, rig.store, force=True)
        await until(rig.complete)
        await until(rig.equal)
        assert await differences(rig) == []
