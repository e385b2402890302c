# SPDX-License-Identifier: Apache-2.0
"""Two servers, one database, an etcd that comes and goes: in the end both sides are equal, and no key ever went back."""

import asyncio
import json
import random
from contextlib import suppress

import pytest

from gluon.errors import Conflict, Missing
from gluon.kv.memory import MemoryKv

from .conftest import Rig, until


class Observer:
    """Watches as a shim does: within an incarnation the revisions of a key only grow."""

    def __init__(self) -> None:
        self.latest: dict[str, tuple[str, int]] = {}
        self.fell: list[str] = []

    async def follow(self, rig: Rig, kv: MemoryKv) -> None:
        async for batch in kv.watch(f"/proton/{rig.proton.name}/"):
            for event in batch.events:
                if event.type == "put":
                    value = json.loads(event.kv.value)
                    now = (value["incarnation"], value["revision"])
                    before = self.latest.get(event.kv.key)
                    if before is not None and before[0] == now[0] and before[1] > now[1]:
                        self.fell.append(event.kv.key)
                    self.latest[event.kv.key] = now


async def change(rig: Rig, dice: random.Random, steps: int) -> None:
    for _ in range(steps):
        number = dice.randrange(30)
        with suppress(Conflict, Missing):
            match dice.randrange(3):
                case 0:
                    await rig.create(rig.Slot, number=number)
                case 1:
                    await rig.delete(rig.Slot, number)
                case 2:
                    await rig.update(rig.Slot, number, label=str(dice.random()))
        if dice.random() < 0.3:
            await asyncio.sleep(0.01)


async def disturb(dice: random.Random, connections: list[MemoryKv]) -> None:
    while True:
        await asyncio.sleep(dice.random() * 0.05)
        kv = dice.choice(connections)
        match dice.randrange(3):
            case 0:
                kv.unanswered = 1
            case 1:
                kv.unavailable = True
                await asyncio.sleep(dice.random() * 0.4)
                kv.unavailable = False
            case 2:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_etcd_ends_equal(memory: Rig, seed: int) -> None:
    dice = random.Random(seed)
    connections = [await memory.beside(), await memory.beside()]
    observer = Observer()
    watching = asyncio.create_task(observer.follow(memory, memory.kv))
    async with memory.another() as other:
        async with memory.running(kv=connections[0], ttl=0.2, batch=7) as one:
            async with other.running(kv=connections[1], ttl=0.2, batch=7) as two:
                disturbing = asyncio.create_task(disturb(dice, connections))
                await asyncio.gather(change(memory, dice, 400), change(other, dice, 400))
                disturbing.cancel()
                await asyncio.wait([disturbing])
                for kv in connections:
                    kv.unavailable = False
                await until(memory.equal)
                await until(memory.complete)
                await until(lambda: one.report().leader != two.report().leader)
    assert not watching.done()
    watching.cancel()
    await asyncio.wait([watching])
    assert observer.fell == []
    assert observer.latest
