# SPDX-License-Identifier: Apache-2.0
"""What the change rows cost: the same creates through the store alone, with them and without.

A create of a port writes two objects and, for the relay, two change rows in the same transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

from bench.figures import Figure
from bench.ground import Ground
from gluon.model.catalogue import load_catalogue
from gluon.model.schema import Object, Proton
from gluon.store.contract import ChangeBatch, Store, SyncMark, Tx
from gluon.store.objects import Objects
from gluon.store.opening import open_store

_TURNS = 10
_CLIENTS = 64
_VALUES = {"tenant_id": "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e", "name": "bench"}


@contextlib.asynccontextmanager
async def direct(connection: str) -> AsyncIterator[tuple[Store, Proton]]:
    """The database with no server before it, and net-l3vpn, whose tables it has."""
    protons = [family.newest for family in load_catalogue(()).values()]
    store = await open_store(connection, protons)
    try:
        yield store, next(proton for proton in protons if proton.name == "net-l3vpn")
    finally:
        await store.close()


class _SilentTx:
    """A transaction that logs no change; everything else is the real one's."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def log_change(self, obj: Object, id: Any) -> None:
        """Nothing."""


def silent(tx: Tx) -> Tx:
    """The transaction without its change log."""
    return cast("Tx", _SilentTx(tx))


async def measure(ground: Ground, seconds: int) -> list[Figure]:
    """Creates, 64 at once, in short turns with change rows and without; no HTTP, no relay beside them.

    Other work on the machine disturbs the rate more than the CPU time that a create takes, so there is a figure for each.
    """
    turns: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    async with direct(ground.database_url) as (store, proton):
        await _creates(store, proton, True, 0.2)
        for turn in range(_TURNS):
            for logged in (True, False) if turn % 2 else (False, True):
                turns[logged].append(await _creates(store, proton, logged, 2 * seconds / _TURNS))
                await forget(store)
    figures = []
    for place, unit in enumerate(("µs", "µs of CPU in Python")):
        full, quiet = (statistics.median(turn[place] for turn in turns[rows]) for rows in (True, False))
        note = f"{full - quiet:.0f} µs, {(full - quiet) / full:.0%} of a create; the store alone, medians of {_TURNS} turns"
        figures.append(
            Figure(f"outbox {ground.kind}", "create port in the store", full, unit, quiet, "without change rows", note)
        )
    return figures


async def _creates(store: Store, proton: Proton, logged: bool, seconds: int) -> tuple[float, float]:
    """Microseconds for each create: of the clock, and of this process's CPU."""
    objects, port = Objects(proton), next(obj for obj in proton.objects if obj.is_port)
    done, end = 0, time.perf_counter() + seconds

    async def work(tx: Tx) -> None:
        await objects.create(tx if logged else silent(tx), port, _VALUES, binding_id=uuid.uuid4().hex)

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await store.write(work)
            done += 1

    start, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    return (time.perf_counter() - start) / done * 1e6, (time.process_time() - used) / done * 1e6


async def forget(store: Store) -> None:
    """Settle all change rows unsent, so that each run finds the log empty. There is no relay here."""
    while (batch := await store.log.take("net-l3vpn", 5000)).rows:
        await store.log.settle(ChangeBatch(batch.proton, batch.rows, ()), SyncMark("bench", 0))
