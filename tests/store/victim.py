# SPDX-License-Identifier: Apache-2.0
"""A process that the kill test kills: eight writers, and a relay whose etcd is a file. Says ``+ id`` after each commit.

usage: python -m tests.store.victim DATABASE ETCD
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
from pathlib import Path
from typing import IO

from gluon.errors import RequestError
from gluon.store.contract import SyncMark
from gluon.store.opening import open_store

from .conftest import Desk
from .models import network


async def write(desk: Desk, seed: int) -> None:
    """Make, change and drop ports without end; print what was acknowledged."""
    chance = random.Random(seed)
    mine: list[str] = []
    for _ in itertools.count():
        roll = chance.random()
        if roll < 0.6 or not mine:
            record = await desk.new("Harbour")
            mine.append(record["id"])
            print(f"+ {record['id']} {record['revision']}", flush=True)
        elif roll < 0.85:
            record = (await desk.change("Harbour", chance.choice(mine), name=str(chance.random()))).record
            print(f"+ {record['id']} {record['revision']}", flush=True)
        else:
            gone = mine.pop(chance.randrange(len(mine)))
            print(f"? {gone}", flush=True)
            await desk.drop("Harbour", gone)
            print(f"- {gone}", flush=True)


async def relay(desk: Desk, etcd: IO[str]) -> None:
    """Append what changed to a file, then settle it."""
    etcd.write("\n")
    for batch in itertools.count():
        taken = await desk.store.log.take("net-test", 50)
        for change in taken.changes:
            etcd.write(json.dumps([change.object.name, change.id, change.record]) + "\n")
        etcd.flush()
        await desk.store.log.settle(taken, SyncMark("e", batch))


async def main(database: str, etcd: str) -> None:
    """Run until killed."""
    proton = network()
    desk = Desk(await open_store(database, [proton]), proton)
    with Path(etcd).open("a") as file:
        try:
            await asyncio.gather(relay(desk, file), *(write(desk, random.randrange(2**32)) for _ in range(8)))
        except RequestError as error:
            print(f"! {error}", flush=True)


asyncio.run(main(*sys.argv[1:]))
