# SPDX-License-Identifier: Apache-2.0
"""One transaction for a group of units of work: what came of it.

Done: each job has its result or its own error (Busy: it is to be run again), and the transaction is committed. Otherwise nothing
is in the database (or, where the connection was lost at COMMIT, nobody knows), and a Failure says what went wrong and, where
that is known, by whose fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gluon.store import jobs
from gluon.store.driver import Connection, DatabaseError, Lost
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans
from gluon.store.pooled.gathering import Gathered, ranks
from gluon.store.pooled.transactions import PooledTx
from gluon.store.refusals import Blocked


@dataclass(slots=True, eq=False)
class Job(jobs.Job):
    """One that may be repeated until its deadline (the loop's time). ``busy``: how often it came upon what others held."""

    deadline: float = field(kw_only=True)
    tries: int = 0
    busy: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a transaction is not. ``unknown``: it may be nevertheless. ``culprit``: whose statement it was, where that is known."""

    error: Exception
    culprit: Job | None = None
    unknown: bool = False


class Attempts:
    """Runs groups of jobs in transactions."""

    def __init__(self, plans: Plans, log: LogPlans) -> None:
        self._plans = plans
        self._log = log
        self._ranks = ranks(plans, log)

    async def attempt(self, connection: Connection, jobs: Sequence[Job]) -> Failure | None:
        """Run the jobs in one transaction; None where it is committed. Afterwards the connection has none open."""
        gathered = Gathered(self._ranks, self._log.add.sql)
        for job in jobs:
            job.result, job.error, job.changed = None, None, frozenset()
        failure = await self._run(connection, jobs, gathered)
        if failure is not None:
            await connection.rollback()
            return failure
        if len(jobs) == 1 and jobs[0].error is not None:
            await connection.rollback()
            return None
        try:
            await connection.commit()
        except DatabaseError as error:
            await connection.rollback()
            return Failure(error, unknown=isinstance(error, Lost))
        return None

    async def _run(self, connection: Connection, jobs: Sequence[Job], gathered: Gathered) -> Failure | None:
        """Everything up to COMMIT."""
        running: Job | None = None
        try:
            await connection.begin()
            for running in jobs:
                tx = PooledTx(connection, self._plans, self._log, gathered, together=len(jobs) > 1)
                fault = await _one(running, tx)
                if fault is not None and len(jobs) == 1:
                    return None
                if fault is not None and tx.sent:
                    return Failure(fault, running)
            running = None
            await gathered.send(connection, changes=True)
        except (DatabaseError, Blocked) as error:
            return Failure(error, None if gathered.broken else running)
        return None


async def _one(job: Job, tx: PooledTx) -> Exception | None:
    """Run a job; what it failed with by itself, and then nothing of it is gathered any more. Raises what the database did."""
    try:
        job.result = await job.work(tx)
    except (DatabaseError, Blocked):
        raise
    except Exception as error:  # whatever it is belongs to the one who waits for it
        job.error = error
        if not tx.sent:
            tx.cut()
        return error
    job.changed = tx.changed
    return None
