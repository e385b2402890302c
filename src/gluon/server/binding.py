# SPDX-License-Identifier: Apache-2.0
"""A write on a port, and the wait for the answer where it asked for a bind.

    expect(fresh id) ─► commit ─┬─ no bind ────────────────────────────────► record
                                ├─ waits for the fresh id ─► answer | time ─► record
                                └─ repeats a bind that runs: expect(its id), look again, then the same

The wait holds neither a thread nor a database connection. Whoever waits when the server stops is answered at once, and told so:
another server takes up the wait.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gluon.model.schema import BINDING_ID, BindingState, Object
from gluon.server.metrics import Metrics
from gluon.server.waits import Wait, Waits
from gluon.store.binding import overtaken
from gluon.store.contract import Record, Store, Tx
from gluon.store.objects import Outcome

#: A unit of work that takes the binding id which the write shall have if it turns out to be a bind.
Work = Callable[[Tx, str], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Written:
    """The port after a write. ``asked``: it was a bind request; ``pending``: nobody has answered it yet.

    ``cut_short``: nor was there all the time to, as this server is being stopped.
    """

    record: Record
    asked: bool = False
    pending: bool = False
    cut_short: bool = False


class Binder:
    """Writes ports and waits for their answers."""

    def __init__(self, store: Store, waits: Waits, metrics: Metrics) -> None:
        self._store = store
        self._waits = waits
        self._metrics = metrics
        self._sleeping: set[asyncio.Timeout] = set()
        self._draining = False

    def drain(self) -> None:
        """Wake all that wait, and let nobody wait from now on."""
        self._draining = True
        now = asyncio.get_running_loop().time()
        for sleep in self._sleeping:
            sleep.reschedule(now)

    async def write(self, port: Object, id: Any, work: Work, patience: float) -> Written:
        """Commit ``work``; where it asked for a bind, wait up to ``patience`` seconds for the answer.

        Raises what the work raises, and Conflict where another bind overtakes this one or the port is deleted meanwhile.
        """
        fresh = str(uuid.uuid4())
        with self._waits.expect(port, str(id), fresh) as wait:
            outcome = await self._store.write(lambda tx: work(tx, fresh))
            if outcome.waits_for is None:
                return Written(outcome.record)
            if outcome.waits_for == fresh:
                return await self._answer(wait, (port, id, fresh), patience)
        # The values of a bind that still runs were repeated: the answer may have come before it was expected here.
        running = outcome.waits_for
        with self._waits.expect(port, str(id), running) as wait:
            now = await self._now(port, id, running)
            return await self._answer(wait, (port, id, running), patience) if now.pending else now

    async def _answer(self, wait: Wait, bind: tuple[Object, Any, str], patience: float) -> Written:
        if patience <= 0:
            return await self._now(*bind)
        if self._draining:
            return await self._now(*bind, cut_short=True)
        self._metrics.waiting += 1
        sleep = asyncio.timeout(None)
        try:
            async with sleep:
                self._sleeping.add(sleep)
                record = await wait.outcome(patience)
        except TimeoutError:
            record = None
        finally:
            self._sleeping.discard(sleep)
            self._metrics.waiting -= 1
        return Written(record, asked=True) if record is not None else await self._now(*bind, cut_short=self._draining)

    async def _now(self, port: Object, id: Any, binding_id: str, *, cut_short: bool = False) -> Written:
        """The port as it stands. Raises Conflict where this binding is not its binding any more."""
        record = await self._store.get(port, id)
        if record is None or record[BINDING_ID] != binding_id:
            raise overtaken(port, id, record)
        pending = record["binding_state"] == BindingState.BINDING
        return Written(record, asked=True, pending=pending, cut_short=pending and cut_short)
