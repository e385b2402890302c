# SPDX-License-Identifier: Apache-2.0
"""Does the steps of a plan, one server or person at a time, so that it can be interrupted anywhere and goes on from there.

    SQLite        all steps in one transaction, which is the lock as well
    PostgreSQL    each step in a transaction, but those that cannot be; an advisory lock
    MariaDB       statement by statement, for it commits at each; a named lock

A step is planned from what is there, so what was done already is not planned again. A step waits for a lock on a live table
for a moment only, lets go, and tries again: those who are at work come first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.store.driver import DatabaseError, Refused, Undone
from gluon.store.schema.checking import violations
from gluon.store.schema.filling import Filling
from gluon.store.schema.history import DONE, STARTED, ending, event, insertion
from gluon.store.schema.session import Look, Session, look
from gluon.store.schema.steps import Grade, Plan, Step

#: Seconds that an apply waits for another one, and a step for the tables that it changes.
_TURN: Final = 60.0
_TABLES: Final = 120.0
_PAUSE: Final = 0.2
_LOCK: Final = {
    "postgresql": "SELECT pg_try_advisory_lock(hashtext('gluon'))",
    "mariadb": "SELECT GET_LOCK(CONCAT('gluon ', DATABASE()), 0)",
}
_UNLOCK: Final = {
    "postgresql": "SELECT pg_advisory_unlock(hashtext('gluon'))",
    "mariadb": "SELECT RELEASE_LOCK(CONCAT('gluon ', DATABASE()))",
}
_SQLITE: Final = "sqlite"
Tell = Callable[[Step], None]


def _nobody(_: Step) -> None:
    """Says nothing."""


async def apply(
    session: Session,
    protons: Sequence[Proton],
    *,
    allowed: Collection[str] = (),
    grades: Collection[Grade] = tuple(Grade),
    tell: Tell = _nobody,
    agree: Callable[[Plan], bool] = lambda _: True,
) -> Plan:
    """Do all steps of these grades; returns what was done. ``tell`` is called before each; nothing is done where not ``agree``.

    Raises SettingsError where the models cannot be applied, before anything is changed; DatabaseError where the database fails.
    """
    async with _alone(session):
        found = await look(session, protons, allowed, rows=Grade.SLOW in grades)
        steps = tuple(step for step in found.plan.steps if step.grade in grades)
        if len(steps) < len(found.plan.steps):  # what is left would not be found again
            steps = tuple(step for step in steps if not step.name.startswith("note-model:"))
        faults = [*found.plan.refused, *(await violations(session, found, steps) if not found.plan.refused else ())]
        if faults:
            raise SettingsError("the models cannot be applied:\n" + "\n".join(faults))
        if not steps or not agree(Plan(steps, found.plan.kept)):
            return Plan((), found.plan.kept)
        runner = _Runner(session, found)
        for step in steps:
            tell(step)
            await runner.run(step)
        await runner.check()
        return Plan(steps, found.plan.kept)


@asynccontextmanager
async def _alone(session: Session) -> AsyncIterator[None]:
    connection = session.connection
    if session.name == _SQLITE:
        await connection.begin()
        try:
            yield
        except BaseException:
            await connection.rollback()
            raise
        await connection.commit()
        return
    loop = asyncio.get_running_loop()
    end = loop.time() + _TURN
    while not (await connection.fetch(_LOCK[session.name]))[0][0]:
        if loop.time() > end:
            raise SettingsError(f"{session.place}: another gluon db apply has been at work for more than {_TURN:g} s")
        await asyncio.sleep(_PAUSE)
    if session.name == "mariadb":  # who waits for a table holds up all who come after
        await connection.fetch("SET SESSION lock_wait_timeout = 1")
    try:
        yield
    finally:
        if connection.alive:
            await connection.rollback()
            await connection.fetch(_UNLOCK[session.name])


class _Runner:
    """Runs steps and records them, as soon as there is where to record."""

    def __init__(self, session: Session, found: Look) -> None:
        self._session = session
        self._goal = found.goal
        self._recording = "gluon_history" in found.there
        self._waiting: list[str] = []
        self._whole = session.name == _SQLITE
        self._filling = Filling(session, found.goal)

    async def run(self, step: Step) -> None:
        """Do one step, and record it."""
        if self._whole:
            await self._do(step)
            await self._record(insertion(event(step, self._goal.protons, DONE), self._goal), step)
        elif self._session.name == "postgresql" and not step.apart and not _paged(step):
            await self._patiently(step, partial(self._together, step))
        else:
            await self._piecewise(step)

    async def check(self) -> None:
        """SQLite checks references at the end, for they were off."""
        if self._whole and await self._session.any("PRAGMA foreign_key_check"):
            raise Refused("rows would refer to what is not there; nothing was changed")

    async def _patiently(self, step: Step, work: Callable[[], Awaitable[None]]) -> None:
        """Do it, again where the database undid it because of others."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _TABLES
        while True:
            try:
                return await work()
            except Undone as error:
                await self._session.connection.rollback()
                if loop.time() > end:
                    raise Refused(f"{step.name}: {error}; the tables are in use: run it again") from error
                await asyncio.sleep(_PAUSE)

    async def _together(self, step: Step) -> None:
        """The step and its record in one transaction."""
        connection = self._session.connection
        await connection.begin()
        await self._do(step)
        await self._record(insertion(event(step, self._goal.protons, DONE), self._goal), step)
        await connection.commit()

    async def _piecewise(self, step: Step) -> None:
        """Statement by statement, each of which stays."""
        begun = event(step, self._goal.protons, STARTED)
        await self._record(insertion(begun, self._goal), step)
        try:
            for group in _groups(step.sql):
                await self._patiently(step, partial(self._fetch, group))
            await self._patiently(step, partial(self._fill, step))
            for group in _groups(step.after):
                await self._patiently(step, partial(self._fetch, group))
        except DatabaseError as error:
            if self._session.connection.alive:
                await self._record(ending(begun, f"failed: {error}", self._goal), step)
            raise
        await self._record(ending(begun, DONE, self._goal), step)

    async def _do(self, step: Step) -> None:
        await self._fetch(step.sql)
        await self._fill(step)
        await self._fetch(step.after)

    async def _fetch(self, statements: Sequence[str]) -> None:
        for statement in statements:
            await self._session.connection.fetch(statement)

    async def _fill(self, step: Step) -> None:
        if step.fill is not None:
            await self._filling.run(step.fill, paged=not self._whole and _paged(step))

    async def _record(self, statement: str, step: Step) -> None:
        self._waiting.append(statement)
        if not self._recording and step.name == "make-table:gluon_history":
            self._recording = self._session.name != "mariadb" or not statement.startswith("INSERT")
        if self._recording:
            for waiting in self._waiting:
                await self._session.connection.fetch(waiting)
            self._waiting.clear()


def _groups(statements: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """What is repeated alone: a statement, with the one before it where that clears its remains away."""
    before: tuple[str, ...] = ()
    for statement in statements:
        if "IF EXISTS" in statement:
            before = (*before, statement)
            continue
        yield (*before, statement)
        before = ()


def _paged(step: Step) -> bool:
    """Whether the step writes to rows in pages that are each committed. A new table's stand beside, or are one transaction."""
    return step.fill is not None and not step.fill.element
