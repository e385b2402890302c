# SPDX-License-Identifier: Apache-2.0
"""The other side of a bind, in the test's process: it keeps who waits, and answers as the sync service would.

An answer is stored first and handed to those who wait after its commit, as ``gluon.server.waits`` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from gluon.errors import Conflict
from gluon.model.schema import Object
from gluon.store.binding import store_answer
from gluon.store.contract import Record, Store

BOUND = {"vif_type": "ovs", "vif_details": {"port_filter": False}, "controller": "test"}
FAILED = {"vif_type": "binding_failed", "reason": "no such bridge", "controller": "test"}


class Waiter:
    """One wait; ``waits`` is set while somebody awaits its outcome."""

    def __init__(self, shims: Shims, key: tuple[str, str]) -> None:
        self._shims = shims
        self._key = key
        self._answer: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> Self:
        self._shims.waiters.setdefault(self._key, []).append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._shims.waiters[self._key].remove(self)
        self._answer.cancel()

    async def outcome(self, timeout: float) -> Record | None:
        async with self._shims.changed:
            self._shims.awaiting += 1
            self._shims.changed.notify_all()
        try:
            return await asyncio.wait_for(asyncio.shield(self._answer), timeout)
        except TimeoutError:
            return None
        finally:
            self._shims.awaiting -= 1

    def settle(self, result: Record | Exception | None) -> None:
        if self._answer.done():
            return
        if isinstance(result, Exception):
            self._answer.set_exception(result)
        else:
            self._answer.set_result(result)


class Shims:
    """Stands for every shim and the way their answers come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.waiters: dict[tuple[str, str], list[Waiter]] = {}
        self.awaiting = 0
        self.changed = asyncio.Condition()

    def expect(self, obj: Object, id: str, binding_id: str) -> Waiter:
        return Waiter(self, (id, binding_id))

    async def until_waiting(self, count: int = 1) -> None:
        """Returns once so many requests await an answer."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: self.awaiting >= count)

    async def answer(
        self, port: Object, id: str, answer: Mapping[str, Any], binding_id: str | None = None, *, tell: bool = True
    ) -> None:
        """Store an answer to the port's binding (or to another one) and tell those who wait for it."""
        record = await self._store.get(port, id)
        assert record is not None
        given = binding_id or record["binding_id"]
        stored = await self._store.write(lambda tx: store_answer(tx, port, id, answer, binding_id=given))
        for waiter in self.waiters.get((id, given), []) if tell else ():
            waiter.settle(stored if stored is not None else Conflict("overtaken"))

    async def overtake(self, id: str, binding_id: str) -> None:
        """Tell those who wait for this binding that another one took its place."""
        for waiter in self.waiters.get((id, binding_id), []):
            waiter.settle(Conflict("another bind overtook this one"))

    def run_out(self) -> None:
        """The time of all who wait is up; that of the clock is not."""
        for waiter in [waiter for waiters in self.waiters.values() for waiter in waiters]:
            waiter.settle(None)
