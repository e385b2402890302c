# SPDX-License-Identifier: Apache-2.0
"""The steps by which rows get values that they must have, where no default of a column gives them."""

from __future__ import annotations

from collections.abc import Iterator

from gluon.model.schema import UNSET, Attribute
from gluon.store.schema import checks
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import Table, Tables
from gluon.store.schema.goal import Goal
from gluon.store.schema.made import ROWS, Made, filled, object_of
from gluon.store.schema.steps import Fill, Grade, Step


class Valuing:
    """Plans one table at a time."""

    def __init__(self, goal: Goal, there: Tables) -> None:
        self._goal = goal
        self._there = there
        self._ddl = Ddl(goal.dialect)

    def table(self, wanted: Table, made: Made) -> None:
        """Plan the values of an object's rows."""
        obj = self._goal.object(wanted.name)
        if obj is None or "attribute" in self._goal.made[wanted.name].info:
            return
        for column in self._goal.made[wanted.name].columns:
            attribute = obj.by_name.get(column.key)
            if attribute is None or attribute is obj.identifier:
                continue
            is_there = column.name in self._there[wanted.name].columns
            if not is_there and wanted.columns[column.name].default is not None:
                continue
            made.steps += self._value(wanted, attribute, column.name, is_there)

    def _value(self, wanted: Table, attribute: Attribute, column: str, is_there: bool) -> Iterator[Step]:
        q = self._ddl.q
        if not filled(attribute):
            if attribute.required and is_there:
                given = (checks.empty(self._ddl, wanted, column, attribute),)
                says = f"see that every row of {wanted.name} has {attribute.name}"
                yield Step(f"fill:{wanted.name}.{column}", says, Grade.SAFE, (), given, needed=False, when=given[0].query)
            return
        if attribute.default is None or (is_there and not attribute.required and not attribute.allocate):
            return
        statement, fill = self._filling(wanted, attribute, column)
        yield Step(
            f"fill:{wanted.name}.{column}",
            f"give {attribute.name} to the rows of {wanted.name} that have none: {ROWS}",
            Grade.SLOW,
            statement,
            fill=fill,
            needed=False,
            when=f"SELECT 1 FROM {q(wanted.name)}{f' WHERE {q(column)} IS NULL' if is_there else ''} LIMIT 1",
        )

    def _filling(self, wanted: Table, attribute: Attribute, column: str) -> tuple[tuple[str, ...], Fill | None]:
        q = self._ddl.q
        if attribute.default_from is not None:
            value = q(self._goal.made[wanted.name].c[attribute.default_from].name)
        elif attribute.default is not UNSET:
            default = wanted.columns[column].default
            value = default if default is not None else checks.literal_of(self._ddl, attribute.default)
        else:
            return (), Fill(object_of(self._goal, wanted.name), attribute, wanted.name)
        return (f"UPDATE {q(wanted.name)} SET {q(column)} = {value} WHERE {q(column)} IS NULL",), None
