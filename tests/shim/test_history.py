# SPDX-License-Identifier: Apache-2.0
"""What tells an etcd that was put back to an older state from one that has moved on."""

from __future__ import annotations

import msgspec
import pytest

from gluon.particle import keys
from gluon.particle.history import History, SyncState

from .conftest import PORT, Recorder, Stage, found, quiet, until
from .test_following import _memory

SEEN = [SyncState("one", batch=5), SyncState("two", batch=0), SyncState("two", batch=7)]


@pytest.mark.parametrize(
    ("now", "older"),
    [
        (SyncState("two", batch=7), False),
        (SyncState("two", "repairing", 8), False),
        (SyncState("two", batch=6), True),
        (SyncState("one", batch=9), True),
        (SyncState("three", batch=0), False),
        (SyncState("", "repairing", 0), False),
        (None, False),
    ],
)
def test_what_is_older(now: SyncState | None, older: bool) -> None:
    history = History()
    assert history.older(now) is None
    for sync in SEEN:
        history.seen(sync)
    history.seen(None)
    assert (history.older(now) is not None) == older


async def test_an_older_state_is_not_loaded_before_the_relay_has_spoken(stage: Stage) -> None:
    """etcd forgets what came last; what was done for it is not undone, and done again, for that."""

    async def position(epoch: str, batch: int) -> None:
        value = {"database": "d", "epoch": epoch, "batch": batch, "state": "complete"}
        await stage.kv.put(keys.sync(stage.proton.name), msgspec.json.encode(value))

    backend = Recorder()
    await position("e", 7)
    shim = await stage.shim(backend)
    port = await stage.wanted.put(PORT)
    await stage.answered(port, binding_id=await stage.wanted.bind(port, "h1"))
    await position("e", 9)
    await quiet(shim)
    calls = list(backend.calls)
    held = await stage.kv.get(keys.object(stage.proton.name, PORT, port))
    _memory(stage).wipe()
    await position("e", 8)
    await found(lambda: stage.get(keys.shim(stage.proton.name, "c1")), {"hosts": ["h1"]})
    await quiet(shim, 0.2)
    assert backend.calls == calls and shim.model.ports[port]["host_id"] == "h1"
    await stage.kv.put(keys.object(stage.proton.name, PORT, port), held.value)
    await position("f", 0)
    await until(lambda: shim.working)
    await stage.reported(PORT, port, state="ready")
    await quiet(shim)
    assert backend.calls == calls
