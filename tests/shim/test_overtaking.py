# SPDX-License-Identifier: Apache-2.0
"""Objects that go while their first call is being prepared or made: nothing is undone before it is done, and nothing is left."""

import asyncio
from typing import Any

import pytest

from gluon.kv.contract import Kv, KvUnavailable, Put, Txn, TxnResult
from gluon.particle import keys

from .conftest import PORT, Recorder, Stage, gone, quiet, until


class Through:
    """A connection on which something befalls what puts one key."""

    def __init__(self, kv: Kv, key: str) -> None:
        self._kv, self._key = kv, key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kv, name)

    def puts(self, txn: Txn) -> bool:
        return any(isinstance(op, Put) and op.key == self._key for op in txn.success)


class Held(Through):
    """Writing the key waits until ``go_on``."""

    def __init__(self, kv: Kv, key: str) -> None:
        super().__init__(kv, key)
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult:
        if self.puts(txn):
            self.reached.set()
            await self.go_on.wait()
        return await self._kv.txn(txn, idempotent=idempotent)


class Twice(Through):
    """What writes the key is kept, to be carried out again: as etcd may, where a member was paused.

    The first time nobody hears the answer, so it is tried again.
    """

    def __init__(self, kv: Kv, key: str) -> None:
        super().__init__(kv, key)
        self.carried_out: list[Txn] = []

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult:
        if self.puts(txn):
            if not self.carried_out:
                await self._kv.txn(txn, idempotent=idempotent)
            self.carried_out.append(txn)
        return await self._kv.txn(txn, idempotent=idempotent)


async def test_a_report_that_etcd_carries_out_late_takes_no_newer_one_back(both: Stage) -> None:
    port = await both.wanted.put(PORT)
    twice = Twice(both.kv, keys.report(both.proton.name, PORT, port, "c1"))
    shim = await both.standby(Recorder(), kv=twice)
    await until(lambda: shim.working)
    await both.reported(PORT, port, state="ready")
    await quiet(shim)
    assert len(twice.carried_out) >= 2
    for txn in twice.carried_out:
        assert not (await both.kv.txn(txn)).succeeded
    await both.reported(PORT, port, state="ready")
    await both.wanted.put(PORT, port, name="another")
    await both.reported(PORT, port, state="ready", generation=both.wanted.records[PORT, port]["generation"])


class Unanswered(Through):
    """Nobody answers what first puts the key; it is kept, to be carried out late."""

    def __init__(self, kv: Kv, key: str) -> None:
        super().__init__(kv, key)
        self.late: list[Txn] = []

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult:
        if not self.late and self.puts(txn):
            assert not idempotent, "or the connection itself would try it again, and nobody know"
            self.late.append(txn)
            raise KvUnavailable("no answer in time")
        return await self._kv.txn(txn, idempotent=idempotent)


async def test_a_report_that_etcd_carries_out_after_its_object_has_gone_goes_too(
    both: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gluon.shim.journal._LOOK", 0.05)
    port = await both.wanted.put(PORT)
    unanswered = Unanswered(both.kv, keys.report(both.proton.name, PORT, port, "c1"))
    shim = await both.standby(Recorder(), kv=unanswered)
    await until(lambda: shim.working)
    await both.reported(PORT, port, state="ready")
    await both.wanted.delete(PORT, port)
    await gone(lambda: both.report(PORT, port))
    await quiet(shim)
    for _ in range(2):
        assert (await both.kv.txn(unanswered.late[0])).succeeded
        await gone(lambda: both.report(PORT, port))
    again = await both.wanted.put(PORT, port)
    await both.reported(PORT, again, state="ready")
    await asyncio.sleep(0.2)
    await both.reported(PORT, again, state="ready")


@pytest.mark.parametrize("after", [False, True])
async def test_a_port_is_not_deleted_before_its_interface_whose_first_call_is_being_written_down(
    stage: Stage, after: bool
) -> None:
    port = await stage.wanted.put(PORT)
    held = Held(stage.kv, keys.report(stage.proton.name, "Interface", port, "c1"))
    backend = Recorder()
    shim = await stage.shim(backend, kv=held)
    await until(lambda: backend.names(port) == ["modify_port"])
    await stage.wanted.put("Interface", port, port_id=port)
    await held.reached.wait()
    for kind in ("Interface", PORT):
        await stage.wanted.delete(kind, port)
    if after:
        held.go_on.set()
    await until(lambda: port not in shim.model.ports)
    await asyncio.sleep(0.02)
    early = backend.names()
    held.go_on.set()
    await until(lambda: "delete_port" in backend.names())
    await quiet(shim)
    assert after or early == ["modify_port"]
    names = [name for name in backend.names() if name.endswith("interface")]
    assert names in ([], ["modify_interface", "delete_interface"])
    assert backend.names() == ["modify_port", *names, "delete_port"]
    for kind in ("Interface", PORT):
        await gone(lambda kind=kind: stage.report(kind, port))


async def test_a_change_while_a_call_is_being_written_down_is_what_is_called_with(stage: Stage) -> None:
    port = await stage.wanted.put(PORT, name="one")
    held = Held(stage.kv, keys.report(stage.proton.name, PORT, port, "c1"))
    backend = Recorder()
    shim = await stage.shim(backend, kv=held)
    await held.reached.wait()
    await stage.wanted.put(PORT, port, name="two")
    await until(lambda: shim.model.ports[port].name == "two")
    held.go_on.set()
    await stage.reported(PORT, port, state="ready")
    assert [(new["name"], dict(prev)) for _, _, new, prev in backend.told] == [("two", {})]


async def test_deleted_during_its_first_call(stage: Stage) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def before() -> None:
        began.set()
        await go_on.wait()

    backend = Recorder(before=lambda name, uuid: before() if name == "modify_port" else None)
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await began.wait()
    await stage.wanted.delete(PORT, port)
    await until(lambda: port not in shim.model.ports)
    go_on.set()
    await until(lambda: backend.names() == ["modify_port", "delete_port"])
    await gone(lambda: stage.report(PORT, port))
