# SPDX-License-Identifier: Apache-2.0
"""What lists that rows have already hold, where a model begins to look into them: rows for an element table, and why they cannot
be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from gluon.store.rowplans import ElementPlan
from gluon.store.schema.checks import NAMED, literal_of
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.goal import Goal
from gluon.store.schema.session import Session
from gluon.store.schema.steps import Fill
from gluon.store.statements import from_json

PAGE: Final = 200


class Listing:
    """The element rows of one list."""

    def __init__(self, session: Session, goal: Goal, fill: Fill) -> None:
        self._session = session
        self._ddl = Ddl(session.dialect)
        self._fill = fill
        self._table = goal.made[fill.element]
        self._element = ElementPlan(self._table, session.dialect)
        owner = goal.made[fill.table]
        self._column, self._key = owner.c[fill.attribute.name].name, owner.c[fill.object.identifier.name].name

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a row."""
        return self._element.insert.names

    async def pages(self) -> AsyncIterator[list[tuple[Any, ...]]]:
        """All rows, some at a time."""
        q, after = self._ddl.q, ""
        while True:
            page = await self._session.connection.fetch(
                f"SELECT {q(self._key)}, {q(self._column)} FROM {q(self._fill.table)}"
                f" WHERE {q(self._column)} IS NOT NULL{after} ORDER BY {q(self._key)} LIMIT {PAGE}"
            )
            yield [row for id, value in page for row in self._element.rows(id, from_json(value))]
            if len(page) < PAGE:
                return
            after = f" AND {q(self._key)} > {literal_of(self._ddl, page[-1][0])}"

    async def faults(self, there: bool) -> list[str]:
        """Items that dangle, and items of which two objects have the same where that is not allowed; by their owners.

        ``there``: the table that is referred to is.
        """
        unique = any(index.unique for index in self._table.indexes)
        owners: dict[Any, Any] = {}
        found: list[str] = []
        async for rows in self.pages():
            items = [(values["owner"], values["value"]) for values in (dict(zip(self.names, row, strict=True)) for row in rows)]
            dangling = await self._dangling({value for _, value in items}) if there else {value for _, value in items}
            for owner, value in items:
                if value in dangling:
                    found.append(f"  {self._key} {owner}: {value} is not there")
                elif unique and owners.setdefault(value, owner) != owner:
                    found.append(f"  {self._key} {owner}: {value} is in {owners[value]} too")
        name = self._fill.attribute.name
        more = ["  and more"] if len(found) > NAMED else []
        head = f"what {name} of rows of {self._fill.table} holds does not fit; change or clear it:"
        return ["\n".join([head, *found[:NAMED], *more])] if found else []

    async def _dangling(self, values: set[Any]) -> set[Any]:
        """Those of the values that are to refer to something and do not."""
        keys = list(self._table.c.value.foreign_keys)
        if not keys or not values:
            return set()
        target, q = keys[0].column, self._ddl.q
        listed = ", ".join(literal_of(self._ddl, value) for value in values)
        rows = await self._session.connection.fetch(
            f"SELECT {q(target.name)} FROM {q(target.table.name)} WHERE {q(target.name)} IN ({listed})"
        )
        return values - {row[0] for row in rows}
