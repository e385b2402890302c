# SPDX-License-Identifier: Apache-2.0
"""kill -9 while writers write and a relay drains: what was acknowledged is there, and what etcd got in the end equals it."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

from gluon.store.contract import Query, SyncMark
from gluon.store.opening import open_store

from .conftest import Desk
from .models import network

ROOT = Path(__file__).parents[2]
#: What a victim says at least before it is killed: four of them have made more than ten ports that are to be there.
_LINES = 24


async def run_and_kill(database: str, etcd: Path, seconds: float) -> list[list[str]]:
    """What the victim said before it was killed."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.victim", database, etcd, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    async with asyncio.timeout(60):
        first = b"".join([await victim.stdout.readline() for _ in range(_LINES)])
    await asyncio.sleep(seconds)
    victim.kill()
    said = (first + await victim.stdout.read()).decode()
    await victim.wait()
    return [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]


async def test_killed_at_any_moment(tmp_path: Path, connection: str) -> None:
    etcd = tmp_path / "etcd"
    acknowledged: dict[str, int] = {}
    maybe: set[str] = set()
    for _ in range(4):
        for what, id, *revision in await run_and_kill(connection, etcd, random.uniform(0, 0.3)):
            if what == "+":
                acknowledged[id] = int(revision[0])
            else:
                assert what in "?-"
                acknowledged.pop(id, None)
                maybe.add(id)
    proton = network()
    store = await open_store(connection, [proton])
    desk = Desk(store, proton)
    for id, revision in acknowledged.items():
        record = await desk.get("Harbour", id)
        assert record is not None
        assert record["revision"] >= revision
        assert await desk.get("Quay", id) is not None
    await drained(desk, etcd)
    assert len(acknowledged) > 10
    await store.close()


async def drained(desk: Desk, etcd: Path) -> None:
    """Check that the file and what is left in the change log come to what is in the database."""
    keys: dict[tuple[str, str], dict[str, object]] = {}
    highest: dict[tuple[str, str, str], int] = {}
    with etcd.open("a") as file:
        file.write("\n")
        while (batch := await desk.store.log.take("net-test", 1000)).rows:
            file.writelines(json.dumps([c.object.name, c.id, c.record]) + "\n" for c in batch.changes)
            await desk.store.log.settle(batch, SyncMark("e", 0))
    for line in etcd.read_text().splitlines():
        try:
            name, id, record = json.loads(line)
        except json.JSONDecodeError:
            continue  # the kill cut it short: its batch was not settled and came again
        if record is None:
            keys.pop((name, id), None)
            continue
        life = (name, id, record["incarnation"])
        assert record["revision"] >= highest.get(life, 0)
        highest[life] = record["revision"]
        keys[name, id] = record
    stored = {
        (name, record["id"]): record
        for name in ("Harbour", "Quay")
        for record in await desk.store.page(desk.proton.by_name[name], Query({}, 1_000_000))
    }
    assert keys == stored
