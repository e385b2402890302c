# SPDX-License-Identifier: Apache-2.0
"""Requests that wait for the answer to a bind: a dict of futures, with neither a task nor a watch for each.

What ends a wait is always a record as it stands in the database (``answers`` brings it), or the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from gluon.errors import Conflict
from gluon.model.schema import BINDING_ID, Object
from gluon.store.contract import Record
from gluon.sync.answer import verdict
from gluon.sync.naming import answer_key


class PortWait:
    """One request's wait (a ``gluon.server.waits.Wait``)."""

    __slots__ = ("_ended", "_outcome", "_waits", "begun", "binding_id", "id", "key", "object")

    def __init__(self, waits: PortWaits, obj: Object, id: str, binding_id: str) -> None:
        self._waits = waits
        self._outcome: Record | Conflict | None = None
        self._ended: asyncio.Future[None] | None = None
        self.object = obj
        self.id = id
        self.key = answer_key(obj, id)
        self.binding_id = binding_id
        #: Whether the request's commit is behind it, so that the port's row speaks about this binding or a later one.
        self.begun = False

    def __enter__(self) -> Self:
        self._waits.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._waits.remove(self)

    async def outcome(self, timeout: float) -> Record | None:
        """The port's record once the answer is stored; None after ``timeout`` seconds. Raises Conflict: overtaken, deleted.

        Call it once the bind is committed; again, if wanted, after a None.
        """
        self.begun = True
        if not self.ended:
            self._waits.begin(self)
            loop = asyncio.get_running_loop()
            self._ended = ended = loop.create_future()
            timer = loop.call_later(timeout, _end, ended)
            try:
                await ended
            finally:
                timer.cancel()
        if isinstance(self._outcome, Conflict):
            raise self._outcome
        return self._outcome

    def end(self, outcome: Record | Conflict) -> None:
        """End the wait so, unless it has ended."""
        if self._outcome is None:
            self._outcome = outcome
            if self._ended is not None:
                _end(self._ended)

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self._outcome is not None


def _end(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class PortWaits:
    """All waits of this server (a ``gluon.server.waits.Waits``), by the key of the answer."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[PortWait]] = {}
        #: Called with a key at which one request may just have overtaken another.
        self.contended: Callable[[str], None] = lambda key: None

    def __len__(self) -> int:
        return sum(map(len, self._by_key.values()))

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def expect(self, obj: Object, id: str, binding_id: str) -> PortWait:
        """A wait for the answer to this binding; enter it before the commit."""
        return PortWait(self, obj, id, binding_id)

    def add(self, wait: PortWait) -> None:
        """From now on answers are for it too."""
        self._by_key.setdefault(wait.key, []).append(wait)

    def remove(self, wait: PortWait) -> None:
        """Forget it."""
        listed = self._by_key[wait.key]
        listed.remove(wait)
        if not listed:
            del self._by_key[wait.key]

    def begin(self, wait: PortWait) -> None:
        """Its commit is done: whoever else waits for another binding of the port may be overtaken."""
        if any(other.binding_id != wait.binding_id for other in self._by_key.get(wait.key, ())):
            self.contended(wait.key)

    def awaited(self) -> list[str]:
        """Every key at which someone waits."""
        return list(self._by_key)

    def awaiting(self, keys: Iterable[str]) -> list[PortWait]:
        """The waits at these keys whose requests have committed and that have not ended."""
        return [wait for key in keys for wait in self._by_key.get(key, ()) if wait.begun and not wait.ended]

    def stored(self, key: str, record: Record) -> None:
        """An answer has been stored, and this is the port's record: it ends the waits for that binding."""
        for wait in self._by_key.get(key, ()):
            if wait.binding_id == record[BINDING_ID]:
                outcome = verdict(wait.object, wait.id, wait.binding_id, record)
                if outcome is not None:
                    wait.end(outcome)
