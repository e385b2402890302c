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
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.store.driver import DatabaseError, Undone
from gluon.store.schema.filling import Filling
from gluon.store.schema.history import DONE, STARTED, ending, event, insertion
from gluon.store.schema.session import Look, Session, look, violations
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
        found = await look(session, protons, allowed)
        steps = tuple(step for step in found.plan.steps if step.grade in grades)
        if len(steps) < len(found.plan.steps):  # what is left would not be found again
            steps = tuple(step for step in steps if not step.name.startswith("note-model:"))
        faults = [*found.plan.refused, *(await violations(session, steps) if not found.plan.refused else ())]
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
        """Do one step."""
        if self._whole or (self._session.name == "postgresql" and not step.apart and not _paged(step)):
            await self._patiently(step, self._together)
        else:
            await self._patiently(step, self._piecewise)

    async def check(self) -> None:
        """SQLite checks references at the end, for they were off."""
        if self._whole and await self._session.any("PRAGMA foreign_key_check"):
            raise DatabaseError("rows would refer to what is not there; nothing was changed")

    async def _patiently(self, step: Step, way: Callable[[Step], object]) -> None:
        loop = asyncio.get_running_loop() if not self._whole else None
        end = loop.time() + _TABLES if loop else 0.0
        while True:
            try:
                await way(step)  # type: ignore[misc]
            except Undone as error:
                if loop is None or loop.time() > end:
                    raise DatabaseError(f"{step.name}: {error}; the tables are in use: run it again") from error
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _together(self, step: Step) -> None:
        connection = self._session.connection
        if not self._whole:
            await connection.begin()
        try:
            await self._statements(step)
            await self._record(insertion(event(step, self._goal.protons, DONE), self._goal), step)
            if not self._whole:
                await connection.commit()
        except BaseException:
            if not self._whole:
                await connection.rollback()
            raise

    async def _piecewise(self, step: Step) -> None:
        begun = event(step, self._goal.protons, STARTED)
        await self._record(insertion(begun, self._goal), step)
        try:
            await self._statements(step)
        except DatabaseError as error:
            if self._session.connection.alive:
                await self._session.connection.rollback()
                await self._record(ending(begun, f"failed: {error}", self._goal), step)
            raise
        await self._record(ending(begun, DONE, self._goal), step)

    async def _statements(self, step: Step) -> None:
        for statement in step.sql:
            await self._session.connection.fetch(statement)
        if step.fill is not None:
            await self._filling.run(step.fill, paged=not self._whole and _paged(step))
        for statement in step.after:
            await self._session.connection.fetch(statement)

    async def _record(self, statement: str, step: Step) -> None:
        self._waiting.append(statement)
        if not self._recording and step.name == "make-table:gluon_history":
            self._recording = self._session.name != "mariadb" or not statement.startswith("INSERT")
        if self._recording:
            for waiting in self._waiting:
                await self._session.connection.fetch(waiting)
            self._waiting.clear()


def _paged(step: Step) -> bool:
    """Whether the step writes to rows in pages that are each committed. A new table's stand beside, or are one transaction."""
    return step.fill is not None and not step.fill.element
