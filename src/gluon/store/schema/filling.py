# SPDX-License-Identifier: Apache-2.0
"""Values that no statement makes: generated and allocated ones, and the element rows of lists that are there.

Rows are taken in pages by their identifier, each page in a transaction of its own where the database is shared. What was
interrupted goes on with the rows that still have none.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.model.types import Integer
from gluon.store.filling import generated
from gluon.store.logplans import ALLOCATING
from gluon.store.schema.checks import literal_of
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.goal import Goal
from gluon.store.schema.listing import PAGE, Listing
from gluon.store.schema.session import Session
from gluon.store.schema.steps import Fill


class Filling:
    """Fills for one database."""

    def __init__(self, session: Session, goal: Goal) -> None:
        self._session = session
        self._goal = goal
        self._ddl = Ddl(session.dialect)
        self._paged = False

    async def run(self, fill: Fill, *, paged: bool) -> None:
        """Do it; ``paged``: commit each page. Raises SettingsError where there is no value left, DatabaseError."""
        self._paged = paged
        await (self._elements(fill) if fill.element else self._values(fill))

    async def _values(self, fill: Fill) -> None:
        q, table = self._ddl.q, self._goal.made[fill.table]
        column, key = table.c[fill.attribute.name].name, table.c[fill.object.identifier.name].name
        async for page in self._pages(table, key, f"{q(column)} IS NULL", allocates=fill.attribute.allocate):
            values = await self._free(fill, column, len(page)) if fill.attribute.allocate else None
            for place, (id,) in enumerate(page):
                value = generated(fill.attribute) if values is None else values[place]
                await self._session.connection.fetch(
                    f"UPDATE {q(fill.table)} SET {q(column)} = {self._literal(value)}"
                    f" WHERE {q(key)} = {self._literal(id)} AND {q(column)} IS NULL"
                )

    async def _free(self, fill: Fill, column: str, count: int) -> list[int]:
        """So many values that no row has: after the greatest, or where that is not enough, wherever there are some."""
        kind, q, fetch = fill.attribute.type, self._ddl.q, self._session.connection.fetch
        assert isinstance(kind, Integer)
        within = f"FROM {q(fill.table)} WHERE {q(column)} BETWEEN {kind.min} AND {kind.max}"
        last = (await fetch(f"SELECT MAX({q(column)}) {within}"))[0][0]
        first = kind.min if last is None else last + 1
        if first + count - 1 <= kind.max:
            return list(range(first, first + count))
        taken = {row[0] for row in await fetch(f"SELECT {q(column)} {within}")}
        free = list(itertools.islice((n for n in range(kind.min, kind.max + 1) if n not in taken), count))
        if len(free) < count:
            raise SettingsError(f"{fill.attribute.place}: there are more rows in {fill.table} than values")
        return free

    async def _elements(self, fill: Fill) -> None:
        listing, q = Listing(self._session, self._goal, fill), self._ddl.q
        async for page in listing.pages():
            rows = [f"({', '.join(map(self._literal, row))})" for row in page]
            if rows:
                into = f"INSERT INTO {q(fill.into)} ({q(*listing.names)})"
                await self._session.connection.fetch(f"{into} VALUES {', '.join(rows)}")

    def _literal(self, value: Any) -> str:
        return literal_of(self._ddl, value)

    async def _pages(self, table: sa.Table, key: str, where: str, *, allocates: bool) -> AsyncIterator[list[Any]]:
        """Pages of the key of the rows that match; whoever gets one writes before it asks for the next.

        ``allocates``: no server allocates a value meanwhile.
        """
        q, connection = self._ddl.q, self._session.connection
        after = ""
        while True:
            if self._paged:
                await connection.begin()
            if allocates:
                await connection.fetch(f"UPDATE gluon_meta SET value = '{os.urandom(16).hex()}' WHERE name = '{ALLOCATING}'")
            page = await connection.fetch(
                f"SELECT {q(key)} FROM {q(table.name)} WHERE {where}{after} ORDER BY {q(key)} LIMIT {PAGE}"
            )
            yield list(page)
            if self._paged:
                await connection.commit()
            if len(page) < PAGE:
                return
            after = f" AND {q(key)} > {self._literal(page[-1][0])}"
