# SPDX-License-Identifier: Apache-2.0
"""Lanes that commit: each takes all that waits, up to a bound, and runs it as one transaction on a connection of its own.

    group ── attempt ──► committed: deliver
                    └──► connection lost before COMMIT: the same group again, on a new connection
                    └──► lost at COMMIT: Unavailable for all, nothing again
                    └──► a member at fault: the others again, then it alone
                    └──► who knows who: one half again, then the other
        a member that wants an object that another transaction has: queued again a little later; at last, alone, it waits
    alone ── undone: queued again a little later, until its time is over ── anything else: its result

What waits while a transaction runs is the next group.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence, Set
from typing import Any, Final

from gluon.errors import Unavailable
from gluon.store.driver import Connection, DatabaseError, Driver, Lost, Undone, Violation
from gluon.store.jobs import deliver
from gluon.store.pooled.attempting import Attempts, Failure, Job
from gluon.store.pooled.failures import Outage, unavailable
from gluon.store.refusals import Busy, closed

#: The most units of work in one transaction: bounds how long the first waits for the last.
_GROUP: Final = 256
#: Seconds until what the database takes back again and again is given up.
PATIENCE: Final = 8.0
#: How often a unit of work finds what it wants taken before it is run alone, and waits.
_BUSY: Final = 3
#: Seconds before something is tried again: at first, and at the most.
_PAUSE: Final = (0.01, 0.5)


class Committer:
    """Some lanes that share a queue. ``explain`` makes of what went wrong with a job alone the error that its client gets."""

    def __init__(
        self,
        driver: Driver,
        attempts: Attempts,
        explain: Callable[[Connection, Exception], Awaitable[Exception]],
        committed: Callable[[Set[str]], None],
        lanes: int,
    ) -> None:
        self._driver = driver
        self._attempts = attempts
        self._explain = explain
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Job] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._later = 0
        self._closed = False
        self.outage = Outage(driver.place)
        self._lanes = [asyncio.create_task(self._serve(), name=f"gluon-writer-{n}") for n in range(lanes)]

    def submit(self, work: Callable[[Any], Awaitable[Any]]) -> asyncio.Future[Any]:
        """Queue a unit of work; its result comes once it is committed."""
        if self._closed:
            raise closed()
        job = Job(work, self._loop.create_future(), deadline=self._loop.time() + PATIENCE)
        self._put(job)
        return job.future

    async def close(self) -> None:
        """Finish what is queued, close the connections."""
        self._closed = True
        self._wake_all()
        await asyncio.gather(*self._lanes)

    def _put(self, job: Job) -> None:
        self._queue.append(job)
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _later_again(self, job: Job) -> None:
        self._later += 1
        self._loop.call_later(_pause([job]), self._put_again, job)

    def _put_again(self, job: Job) -> None:
        self._later -= 1
        self._put(job)

    def _wake_all(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def _serve(self) -> None:
        """A lane."""
        lane = _Lane(self._driver)
        while group := await self._next():
            try:
                await self._finish(lane, group)
            except Exception as error:  # a fault of ours; whoever waits is told
                await lane.drop()
                self._deliver_error(group, error)
        self._wake_all()
        await lane.drop()

    async def _next(self) -> list[Job]:
        """All that waits, once something does; nothing at the end."""
        while not self._queue:
            if self._closed and not self._later:
                return []
            waiter = self._loop.create_future()
            self._waiting.append(waiter)
            await waiter
        return [self._queue.popleft() for _ in range(min(len(self._queue), _GROUP))]

    async def _finish(self, lane: _Lane, group: Sequence[Job]) -> None:
        """Run these jobs until each has come to its end or is queued again."""
        waiting = [[job] for job in group if job.busy >= _BUSY]
        waiting.append([job for job in group if job.busy < _BUSY])
        while waiting:
            jobs = self._still_wanted(waiting.pop())
            if not jobs:
                continue
            try:
                connection = await lane.connection()
            except DatabaseError as error:
                waiting += await self._away(jobs, error)
                continue
            failure = await self._attempts.attempt(connection, jobs)
            if failure is None:
                self.outage.over()
                self._deliver(jobs)
            else:
                waiting += await self._failed(lane, jobs, failure)

    async def _away(self, jobs: list[Job], error: DatabaseError) -> list[list[Job]]:
        """What to run again, where there is no connection."""
        self.outage.begun(error)
        if isinstance(error, Lost):
            await asyncio.sleep(_pause(jobs))
            return [jobs]
        self._deliver_error(jobs, self.outage.why())
        return []

    async def _failed(self, lane: _Lane, jobs: list[Job], failure: Failure) -> list[list[Job]]:
        """What to run again, the last first."""
        error, culprit = failure.error, failure.culprit
        if failure.unknown:
            self.outage.begun(error)
            why = f"database {self._driver.place}: it is not known whether this was done ({error})"
            self._deliver_error(jobs, Unavailable(why))
            return []
        if isinstance(error, Lost):
            return await self._away(jobs, error)
        if len(jobs) == 1:
            await self._failed_alone(lane, jobs[0], error)
            return []
        if culprit is not None:
            return [[culprit], [job for job in jobs if job is not culprit]]
        middle = len(jobs) // 2
        return [jobs[middle:], jobs[:middle]]

    async def _failed_alone(self, lane: _Lane, job: Job, error: Exception) -> None:
        if isinstance(error, Undone | Violation):
            # A violation that no write of an object explains: two relays wrote their mark at once, say.
            job.error = error
            self._later_again(job)
            return
        try:
            explained: Exception = await self._explain(await lane.connection(), error)
        except DatabaseError as lost:
            explained = unavailable(self._driver.place, lost)
        if isinstance(explained, Unavailable):
            self.outage.begun(error)
        self._deliver_error([job], explained)

    def _still_wanted(self, jobs: Sequence[Job]) -> list[Job]:
        """Without those whose client has gone, and those that have been tried for too long."""
        wanted = []
        for job in jobs:
            if job.future.done():
                continue
            if self._loop.time() > job.deadline:
                self._deliver_error([job], self.outage.why(job.error))
                continue
            wanted.append(job)
        return wanted

    def _deliver(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if isinstance(job.error, Busy):
                job.busy += 1
                self._later_again(job)
        jobs = [job for job in jobs if not isinstance(job.error, Busy)]
        deliver(jobs, self._committed)

    def _deliver_error(self, jobs: Sequence[Job], error: Exception) -> None:
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)


class _Lane:
    """The connection of a lane, made anew where it was lost."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._connection: Connection | None = None

    async def connection(self) -> Connection:
        """The one there is, or a new one. Raises Lost and Refused."""
        if self._connection is None or not self._connection.alive:
            await self.drop()
            self._connection = await self._driver.connect()
        return self._connection

    async def drop(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _pause(jobs: Sequence[Job]) -> float:
    """Seconds to wait before these are tried again; counts the try. Longer each time, and never the same for two."""
    for job in jobs:
        job.tries += 1
    first, most = _PAUSE
    return min(most, first * 2.0 ** min(job.tries for job in jobs)) * random.uniform(0.5, 1.0)
