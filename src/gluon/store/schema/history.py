# SPDX-License-Identifier: Apache-2.0
"""``gluon_history``: what was done to the tables, when, by whom, for which models, and what came of it."""

from __future__ import annotations

import datetime
import getpass
import socket
import uuid
from dataclasses import dataclass
from typing import Final

from gluon import __version__
from gluon.model.schema import Proton
from gluon.store.schema.dialects import literal
from gluon.store.schema.goal import Goal
from gluon.store.schema.reading import describe
from gluon.store.schema.session import Session
from gluon.store.schema.steps import Step

STARTED: Final = "started"
DONE: Final = "done"
_COLUMNS: Final = ("id", "at", "who", "gluon", "models", "step", "sentence", "statements", "result")


@dataclass(frozen=True, slots=True)
class Event:
    """A step as it was done, or begun: then ``result`` is "started". Times are UTC, RFC 3339."""

    id: str
    at: str
    who: str
    gluon: str
    models: str
    step: str
    sentence: str
    statements: str
    result: str


def event(step: Step, protons: tuple[Proton, ...], result: str) -> Event:
    """What happens now."""
    at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    models = ", ".join(f"{p.name} {p.version}" for p in protons)
    statements = ";\n".join(step.sql)
    return Event(str(uuid.uuid4()), at, _who(), __version__, models, step.name[:255], step.sentence, statements, result)


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = "?"
    return f"{user}@{socket.gethostname()}"


def insertion(happened: Event, goal: Goal) -> str:
    """The statement that records it."""
    values = ", ".join(literal(getattr(happened, name), goal.dialect) for name in _COLUMNS)
    return f"INSERT INTO gluon_history ({', '.join(_COLUMNS)}) VALUES ({values})"


def ending(happened: Event, result: str, goal: Goal) -> str:
    """The statement that records how it ended."""
    said, id = literal(result, goal.dialect), literal(happened.id, goal.dialect)
    return f"UPDATE gluon_history SET result = {said} WHERE id = {id}"


async def history(session: Session) -> list[Event]:
    """All of it, the oldest first. Raises DatabaseError."""
    if "gluon_history" not in await describe(session.connection, session.name):
        return []
    rows = await session.connection.fetch(f"SELECT {', '.join(_COLUMNS)} FROM gluon_history ORDER BY at, id")
    return [Event(*map(str, row)) for row in rows]
