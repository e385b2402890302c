# SPDX-License-Identifier: Apache-2.0
"""Which object is worked on when: one worker for an object, a bounded number at once, binds before all others.

    add(key) ─► urgent │ rest ─► ready(key)? ─► work(key) ─► add again what changed meanwhile, wake who waited

It knows objects by their keys only; what is to be done about them is ``gluon.shim.reconciling``'s.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from gluon.shim.references import Key

#: How many keys are looked at before others get their turn on the loop.
_SLICE: Final = 500
_ROOM: Final = 0.02


@dataclass(frozen=True, slots=True)
class Terms:
    """What the queue asks: ``ready`` whether there is work on the key now; ``open`` whether work may begin at all; ``room``
    whether work may begin that is not urgent."""

    ready: Callable[[Key], bool]
    work: Callable[[Key], Coroutine[Any, Any, None]]
    open: Callable[[], bool]
    room: Callable[[], bool]


class Queue:
    """Keys that wait for work, are worked on, wait for one another, or are put off."""

    def __init__(self, terms: Terms, limit: int) -> None:
        self._terms = terms
        self._limit = limit
        # Ordered ones, as taking the first of a plain dict again and again takes ever longer.
        self._urgent: OrderedDict[Key, None] = OrderedDict()
        self._rest: OrderedDict[Key, None] = OrderedDict()
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._again: dict[Key, bool] = {}
        self._waiting: dict[Key, Key] = {}
        self._waiters: dict[Key, dict[Key, None]] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._next: asyncio.Handle | None = None

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """There may be work on this key."""
        if key in self._running:
            self._again[key] = self._again.get(key, False) or urgent
        elif key not in self._timers and key not in self._urgent:
            if urgent:
                self._rest.pop(key, None)
            (self._urgent if urgent else self._rest)[key] = None
            self._wake()

    def wait(self, key: Key, other: Key) -> None:
        """Look at ``key`` again once ``other`` is done."""
        self._forget_wait(key)
        self._waiting[key] = other
        self._waiters.setdefault(other, {})[key] = None

    def waits(self, key: Key) -> bool:
        """Whether the key waits for another one."""
        return key in self._waiting

    def put_off(self, key: Key, delay: float, *, urgent: bool = False) -> None:
        """Leave the key alone for this many seconds. Nobody waits for it meanwhile."""
        self.release(key)
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self._due, key, urgent)

    def release(self, key: Key) -> None:
        """The key is put off no longer."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def resting(self, key: Key) -> bool:
        """Whether the key is put off."""
        return key in self._timers

    def wake(self, other: Key) -> None:
        """Look again at all that waits for this key."""
        for key in self._waiters.pop(other, ()):
            self._waiting.pop(key, None)
            self.add(key)

    async def finish(self, timeout: float) -> int:
        """Begin nothing more (``open`` must say so by now), let end what runs; how many had to be given up."""
        for timer in self._timers.values():
            timer.cancel()
        if not self._running:
            return 0
        _, pending = await asyncio.wait(list(self._running.values()), timeout=timeout)
        for task in pending:
            task.cancel()
        return len(pending)

    @property
    def busy(self) -> bool:
        """Whether anything is being done, or can be begun now."""
        return bool(self._running) or (bool(self._urgent or self._rest) and self._terms.open())

    @property
    def left(self) -> int:
        """How many keys are worked on, wait, or are put off."""
        return len(self._running) + len(self._urgent) + len(self._rest) + len(self._waiting) + len(self._timers)

    def _wake(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._pump)

    def _due(self, key: Key, urgent: bool) -> None:
        self._timers.pop(key, None)
        self.add(key, urgent=urgent)

    def _pump(self) -> None:
        """Begin what can be begun."""
        self._next = None
        for _ in range(_SLICE):
            if len(self._running) >= self._limit or not self._terms.open():
                return
            if not self._urgent and self._rest and not self._terms.room():
                self._next = asyncio.get_running_loop().call_later(_ROOM, self._pump)
                return
            lane = self._urgent or self._rest
            if not lane:
                return
            key, _ = lane.popitem(last=False)
            self._forget_wait(key)
            self._begin(key)
        self._wake()

    def _begin(self, key: Key) -> None:
        if self._terms.ready(key):
            task = asyncio.get_running_loop().create_task(self._terms.work(key))
            self._running[key] = task
            task.add_done_callback(lambda _: self._ended(key))
        elif key not in self._waiting:
            self.wake(key)

    def _ended(self, key: Key) -> None:
        self._running.pop(key, None)
        if key in self._again:
            self.add(key, urgent=self._again.pop(key))
        self.wake(key)
        self._wake()

    def _forget_wait(self, key: Key) -> None:
        other = self._waiting.pop(key, None)
        if other is not None and other in self._waiters:
            self._waiters[other].pop(key, None)
            if not self._waiters[other]:
                del self._waiters[other]
