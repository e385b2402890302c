# SPDX-License-Identifier: Apache-2.0
"""One Proton's relay, while this server leads: change rows out of the database, their keys into etcd, rows away.

    take ─► units ─► transaction … transaction ─► settle ─► take …
      └ one snapshot, closed before etcd is called   └ one database transaction

A crash anywhere between is healed by doing it again: rows that were not settled are taken with the state as it then is, under
the same batch number. While a repair runs, new changes flow: each of the two holds the writer for one step at a time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from gluon.kv.election import Term
from gluon.model.schema import Proton
from gluon.store.contract import Change, ChangeBatch
from gluon.sync.batching import Batching, groups
from gluon.sync.parts import Parts, ProtonState
from gluon.sync.position import Decision, Position, Verdict, decide, layout
from gluon.sync.resync import Refused, Repair
from gluon.sync.sending import send
from gluon.sync.writer import BYTES, OPS, Writer

_log = logging.getLogger(__name__)
LOOK: Final = 1.0  # seconds between looks at etcd and the database that nothing asked for
FOREIGN: Final = 2.0  # seconds between looks at whether a foreign Proton still is


class Relay:
    """One Proton's relay during one term. ``renewed`` is called where etcd turns out not to be as it was left."""

    def __init__(self, proton: Proton, parts: Parts, term: Term, renewed: Callable[[], None]) -> None:
        self.proton = proton
        self._parts = parts
        self._renewed = renewed
        self._log = parts.store.log
        self._batching = Batching(proton, parts.url)
        self._writer = Writer(parts.kv, term, proton.name)
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self.part = f"relay of {proton.name}"

    def wake(self) -> None:
        """There may be changes."""
        self._wake.set()

    async def run(self) -> None:
        """Decide how to start, then relay until something fails: KvError (Deposed and Disturbed too) or Unavailable.

        Returns only where the Proton is foreign, after a while, so that it is looked at again.
        """
        if self._state is None or self._state.state != "foreign":  # which it remains until it turns out not to be
            self._say("starting")
        self._drained.clear()
        decision = decide(
            self._parts.database, await self._log.mark(self.proton.name), await self._writer.open(), layout(self.proton)
        )
        if decision.verdict is Verdict.FOREIGN:
            self._say("foreign", decision.reason)
            self._parts.health.well(self.part)
            await asyncio.sleep(FOREIGN)
            return
        position = decision.position
        if decision.verdict is Verdict.NEW_EPOCH:
            _log.info("%s: a new epoch, %s: comparing etcd with the database", self.proton.name, position.epoch)
            await self._writer.write(position)
            await self._log.set_mark(self.proton.name, position.mark)
            self._renewed()
        self._writer.position = position
        self._say(position.state)
        await self._flow(decision)

    async def _flow(self, decision: Decision) -> None:
        """Drain, with the repair beside it where there is one to do."""
        repair: asyncio.Task[None] | None = None
        if decision.position.state == "repairing":
            repair = asyncio.create_task(self._repair(decision.force))
            repair.add_done_callback(lambda _: self._wake.set())
        try:
            await self._drain(repair)
        finally:
            if repair is not None:
                repair.cancel()
                await asyncio.wait([repair])

    async def _drain(self, repair: asyncio.Task[None] | None) -> None:
        looked = time.monotonic()
        while True:
            self._wake.clear()
            if repair is not None and repair.done():
                repair.result()
                repair = None
            more = await self._step()
            self._parts.health.well(self.part)
            if time.monotonic() - looked >= LOOK:
                async with self._writer.exclusive:
                    await self._writer.look()
                looked = time.monotonic()
            if not more:
                self._drained.set()
                try:
                    async with asyncio.timeout(LOOK):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _step(self) -> bool:
        """Relay one batch; whether there is likely to be more."""
        async with self._writer.exclusive:
            batch = await self._log.take(self.proton.name, self._parts.batch)
            if not batch.rows:
                return False
            assert self._writer.position is not None
            position = replace(self._writer.position, batch=self._writer.position.batch + 1)
            sent = await self._send(position, batch)
            # What was set aside is not in it: settling a key forgets that it was stuck.
            await self._log.settle(ChangeBatch(batch.proton, batch.rows, tuple(sent)), position.mark)
        self._parts.board.batches += 1
        self._parts.board.changes += len(sent)
        return len(batch.rows) >= self._parts.batch

    async def _send(self, position: Position, batch: ChangeBatch) -> list[Change]:
        sent: list[Change] = []
        for group in groups(self._batching.units(batch.changes), OPS, BYTES):
            sent += await send(self._parts, self._writer, position, group)
        if not sent:
            await self._writer.write(position)  # the batch is counted even where there was nothing to write
        return sent

    async def _repair(self, force: bool) -> None:
        await self._drained.wait()  # what waits would only be skipped, at some cost
        try:
            await Repair(self.proton, self._parts, self._writer, self._batching).run(force=force)
        except Refused as refusal:
            _log.error("%s: %s", self.proton.name, refusal)
            self._say("refused", str(refusal))
        else:
            self._say("complete")

    @property
    def _state(self) -> ProtonState | None:
        return self._parts.board.states.get(self.proton.name)

    def _say(self, state: str, reason: str = "") -> None:
        said = ProtonState(state, reason)
        if self._state != said and state == "foreign":
            _log.error("%s is not relayed: %s", self.proton.name, reason)
        self._parts.board.states[self.proton.name] = said
