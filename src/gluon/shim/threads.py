# SPDX-License-Identifier: Apache-2.0
"""Runs plain functions in threads: as few as keep up, so that quick ones cost little, and more where they block.

    run(…) ─► waiting ─► a thread takes one after another until none waits ─► ended ─► the loop, many at a time

A thread that passes each result on at once wakes the loop for each, and both then fight for the interpreter. So results gather
until nothing waits, or until the loop looks by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

#: Seconds between two looks at results, and at whether the threads keep up.
_GLANCE: Final = 0.002
#: Looks in a row that see no progress before more threads serve: a busy loop alone keeps a quick function waiting for some.
_PATIENCE: Final = 3


class _Job(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: asyncio.Future[_Ended]


class _Ended(NamedTuple):
    """What a function returned, or else raised."""

    result: Any = None
    error: BaseException | None = None


class Threads:
    """At most ``most`` threads. All but what the threads do belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="backend")
        self._waiting: deque[_Job] = deque()
        self._ended: deque[tuple[_Job, _Ended]] = deque()
        self._serving = 0
        self._taken = 0
        self._seen = 0
        self._stalled = 0
        self._glance: asyncio.TimerHandle | None = None

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...], *, urgent: bool = False) -> Any:
        """What the function returns. Raises what it raises. Urgent ones come before all others that wait."""
        loop = asyncio.get_running_loop()
        job = _Job(function, arguments, loop.create_future())
        (self._waiting.appendleft if urgent else self._waiting.append)(job)
        if self._glance is None:
            self._glance = loop.call_later(_GLANCE, self._look, loop)
        if not self._serving and len(self._waiting) == 1:
            loop.call_soon(self._begin, loop)
        result, error = await job.future
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """Take no more."""
        self._pool.shutdown(wait=False)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass results on; where no thread has taken anything for some looks, let more of them serve."""
        self._glance = None
        self._deliver()
        self._stalled = self._stalled + 1 if self._taken == self._seen else 0
        self._seen = self._taken
        if self._stalled >= _PATIENCE or not self._serving:
            self._stalled = 0
            for _ in range(max(1, self._serving)):
                self._serve(loop)
        if self._waiting or self._serving:
            self._glance = loop.call_later(_GLANCE, self._look, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let one thread serve, where none does."""
        if not self._serving:
            self._serve(loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and self._serving < self._most:
            self._serving += 1
            self._pool.submit(self._work, loop)

    def _deliver(self) -> None:
        while self._ended:
            job, ended = self._ended.popleft()
            if not job.future.done():
                job.future.set_result(ended)

    def _served(self, loop: asyncio.AbstractEventLoop) -> None:
        """A thread found nothing more to do."""
        self._serving -= 1
        self._deliver()
        self._begin(loop)

    # In a thread.

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                job = self._waiting.popleft()
            except IndexError:
                break
            self._taken += 1
            if not job.future.cancelled():
                self._ended.append((job, _outcome(job)))
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._served, loop)


def _outcome(job: _Job) -> _Ended:
    try:
        return _Ended(job.function(*job.arguments))
    except BaseException as error:  # not caught but carried: it is raised where the result is awaited
        return _Ended(error=error)
