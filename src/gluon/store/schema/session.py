# SPDX-License-Identifier: Apache-2.0
"""A connection on which a schema is read and changed, and what is looked at first: what is there, what is to be done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from gluon.model.schema import Proton
from gluon.store.driver import Connection
from gluon.store.schema.columns import Entry
from gluon.store.schema.description import Tables
from gluon.store.schema.dialects import dialect
from gluon.store.schema.goal import Goal, goal
from gluon.store.schema.planning import plan
from gluon.store.schema.reading import describe
from gluon.store.schema.steps import Applied, Plan, Recorded


@dataclass(frozen=True, slots=True)
class Session:
    """``name`` is the dialect's; ``place`` the database for messages, without a password."""

    connection: Connection
    name: str
    place: str

    @property
    def dialect(self) -> sa.Dialect:
        """For statements without parameters."""
        return dialect(self.name)

    async def any(self, query: str) -> bool:
        """Whether a query finds a row."""
        return bool(await self.connection.fetch(query))


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at one moment."""

    there: Tables
    recorded: Recorded
    goal: Goal
    plan: Plan


async def look(session: Session, protons: Sequence[Proton], allowed: Collection[str] = (), *, rows: bool = False) -> Look:
    """Read the database and plan; ``rows`` as ``plan`` takes it. Raises DatabaseError, and SettingsError where two Protons need
    one table."""
    there = await describe(session.connection, session.name)
    recorded = await _recorded(session, there)
    wanted = goal(protons, session.dialect, there, recorded)
    planned = plan(wanted, there, recorded, allowed, rows=rows)
    steps = [step for step in planned.steps if not step.when or await session.any(step.when)]
    return Look(there, recorded, wanted, replace(planned, steps=tuple(steps)))


async def _recorded(session: Session, there: Tables) -> Recorded:
    """What Gluon has noted; nothing where its tables are not there yet."""

    async def rows(table: str, columns: str) -> list[tuple[str, ...]]:
        if table not in there or not all(c in there[table].columns for c in columns.split(", ")):
            return []
        return [tuple(map(str, row)) for row in await session.connection.fetch(f"SELECT {columns} FROM {table}")]

    entries = [Entry(*row) for row in await rows("gluon_columns", "table_name, attribute, column_name, since")]
    models = {name: Applied(*applied) for name, *applied in await rows("gluon_models", "proton, version, digest")}
    pairs = [(name, value) for name, value in await rows("gluon_meta", "name, value")]
    return Recorded(tuple(entries), models, dict(pairs))
