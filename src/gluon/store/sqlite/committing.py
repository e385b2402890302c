# SPDX-License-Identifier: Apache-2.0
"""The one writer: a thread that commits in groups.

    loop ── submit(work, future) ──► queue ──► BEGIN IMMEDIATE
                                               SAVEPOINT · work · RELEASE      for each that waits
                                               COMMIT                          one fsync for all
    loop ◄── call_soon_threadsafe, once for the group ──┘

What waits while a commit runs is the next group. A unit of work that fails is rolled back alone. Where the database takes
the whole transaction away under it, all members run again, one by one. The thread ends with ``close`` and for nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence, Set
from typing import Any, Final

from gluon.errors import Unavailable
from gluon.store.jobs import Job, deliver
from gluon.store.refusals import closed
from gluon.store.sqlite.failures import LOCKED, unavailable
from gluon.store.sqlite.transactions import SqliteTx, drive

#: The most units of work in one transaction: bounds how long the first waits for the last.
_GROUP: Final = 256


class Writer:
    """Runs units of work on the connection that it alone uses, and closes it at its end."""

    def __init__(
        self, connection: sqlite3.Connection, begin: Callable[[], SqliteTx], committed: Callable[[Set[str]], None]
    ) -> None:
        """``begin`` makes a transaction on the connection; ``committed`` is called on the loop after commits that log changes."""
        self._connection = connection
        self._begin = begin
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._locked_out = False
        self._thread = threading.Thread(target=self._serve, name="gluon-writer", daemon=True)
        self._thread.start()

    @property
    def delay(self) -> str:
        """Why what was submitted has not come back yet, as far as that can be told now; for people."""
        return f"database: {LOCKED}" if self._locked_out else "database: it takes long to commit"

    def submit(self, work: Callable[[SqliteTx], Awaitable[Any]]) -> asyncio.Future[Any]:
        """Queue a unit of work; its result comes once it is committed."""
        if self._closed:
            raise closed()
        future = self._loop.create_future()
        self._jobs.put(Job(work, future))
        return future

    async def close(self) -> None:
        """Finish what is queued, end the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        going = True
        while going:
            first = self._jobs.get()
            group: list[Job] = []
            while first is not None:
                group.append(first)
                if len(group) == _GROUP or self._jobs.empty():
                    break
                first = self._jobs.get_nowait()
            going = first is not None
            self._commit([job for job in group if not job.future.cancelled()])
        self._connection.close()

    def _commit(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        if not self._together(jobs):
            for job in jobs:
                job.result, job.error, job.changed = None, None, frozenset()
                if not self._together([job]) and job.error is None:
                    job.error = Unavailable("database: the transaction was taken away")
        try:
            self._loop.call_soon_threadsafe(deliver, jobs, self._committed)
        except RuntimeError:
            # The loop is closed: nobody is left to tell.
            return

    def _together(self, jobs: Sequence[Job]) -> bool:
        """Run the jobs in one transaction. False where it was lost before its COMMIT: nothing of it is in the database."""
        self._locked_out = True
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            _fail(jobs, error)
            return True
        finally:
            self._locked_out = False
        for job in jobs:
            if not self._one(job):
                self._undo()
                return False
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            # Whether it reached the disk may not be known, and what a member saw of another one is not true any more.
            self._undo()
            _fail(jobs, error)
        return True

    def _one(self, job: Job) -> bool:
        """Run a job in its savepoint. False where the transaction is lost."""
        execute = self._connection.execute
        try:
            execute("SAVEPOINT unit")
            tx = self._begin()
            try:
                job.result = drive(job.work(tx))
            except Exception as error:  # whatever it is belongs to the one who waits for it
                job.error = error
                if not self._connection.in_transaction:
                    return False
                execute("ROLLBACK TO unit")
            else:
                job.changed = tx.changed
            execute("RELEASE unit")
        except sqlite3.Error as error:
            job.error = unavailable(error)
            return False
        return self._connection.in_transaction

    def _undo(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # where even this fails, the next BEGIN says so to whoever asks next
                self._connection.execute("ROLLBACK")


def _fail(jobs: Sequence[Job], error: sqlite3.Error) -> None:
    for job in jobs:
        job.error = unavailable(error)
