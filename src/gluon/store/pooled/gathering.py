# SPDX-License-Identifier: Apache-2.0
"""Rows that a transaction has gathered and not sent yet: those of many units of work go to the database together.

Tables are filled in the order of references, so that foreign keys hold; change rows come last.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from gluon.store.driver import Connection
from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans


def ranks(plans: Plans, log: LogPlans) -> dict[str, int]:
    """The statements that insert, in the order in which they are to be sent."""
    statements = [
        insert.sql
        for proton in plans.protons.values()
        for obj in proton.order
        for plan in (plans.of[obj],)
        for insert in (plan.insert, *(element.insert for element in plan.elements))
    ]
    return {sql: rank for rank, sql in enumerate([*statements, log.add_port.sql, log.add.sql])}


@dataclass(frozen=True, slots=True)
class Mark:
    """How much was gathered at some moment."""

    rows: Mapping[str, int]
    keys: int


class Gathered:
    """The rows of one transaction. ``broken``: sending them failed, so that nobody knows whose row it was."""

    def __init__(self, ranks: Mapping[str, int], changes: str) -> None:
        """``changes`` is the statement that inserts change rows, which nothing refers to."""
        self._ranks = ranks
        self._changes = changes
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._keys: list[Hashable] = []
        self._held: set[Hashable] = set()
        self.broken = False

    def add(self, sql: str, row: tuple[Any, ...]) -> None:
        """Gather a row."""
        rows = self._rows.get(sql)
        if rows is None:
            self._rows[sql] = [row]
        else:
            rows.append(row)

    def claim(self, key: Hashable) -> None:
        """Note that what has this key is among the rows."""
        self._keys.append(key)
        self._held.add(key)

    def holds(self, key: Hashable) -> bool:
        """Whether what has this key waits to be sent."""
        return key in self._held

    def mark(self) -> Mark:
        """Where things stand now."""
        return Mark({sql: len(rows) for sql, rows in self._rows.items()}, len(self._keys))

    def grown(self, mark: Mark) -> bool:
        """Whether more was gathered since; nothing may have been sent meanwhile."""
        return any(len(rows) > mark.rows.get(sql, 0) for sql, rows in self._rows.items())

    def cut(self, mark: Mark) -> None:
        """Forget what was gathered since; nothing may have been sent meanwhile."""
        for sql in list(self._rows):
            del self._rows[sql][mark.rows.get(sql, 0) :]
            if not self._rows[sql]:
                del self._rows[sql]
        self._held.difference_update(self._keys[mark.keys :])
        del self._keys[mark.keys :]

    async def send(self, connection: Connection, *, changes: bool) -> None:
        """Send all rows, or all but change rows. Raises what the connection raises."""
        rows, self._rows = self._rows, {}
        if not changes and self._changes in rows:
            self._rows[self._changes] = rows.pop(self._changes)
        if not rows:
            return
        self._keys.clear()
        self._held.clear()
        self.broken = True
        for sql in sorted(rows, key=self._ranks.__getitem__):
            await connection.many(sql, rows[sql])
        self.broken = False
