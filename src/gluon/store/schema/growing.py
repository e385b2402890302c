# SPDX-License-Identifier: Apache-2.0
"""The steps by which tables come to have what the models need; and why they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gluon.model.schema import Attribute
from gluon.particle.naming import bound
from gluon.store.schema import checks
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import Column, ForeignKey, Kind, Table, Tables
from gluon.store.schema.goal import Goal
from gluon.store.schema.made import ROWS, Made, attribute_of, filled, object_of, reference
from gluon.store.schema.steps import Fill, Grade, Step


class Growing:
    """Plans one table at a time."""

    def __init__(self, goal: Goal, there: Tables) -> None:
        self._goal = goal
        self._there = there
        self._ddl = Ddl(goal.dialect)

    def table(self, wanted: Table, made: Made) -> None:
        """Plan the table where there is none, the columns that it lacks, and those that are too narrow."""
        if wanted.name not in self._there:
            made.steps += self._make(wanted)
            made.state[wanted.name] = wanted
            return
        for column in wanted.columns.values():
            self._column(wanted, column, made)

    def _make(self, wanted: Table) -> Iterator[Step]:
        table = self._goal.made[wanted.name]
        deferred = set() if self._ddl.name == "sqlite" else set(self._goal.deferred)
        fill = self._elements(wanted)
        statements = self._ddl.create(table, deferred=deferred)
        after: tuple[str, ...] = ()
        if fill is not None and self._ddl.name == "mariadb":
            fill, statements, after = self._beside(fill, statements)
        yield Step(
            f"make-table:{wanted.name}",
            f"make the table {wanted.name}, {self._purpose(wanted.name)}" + (", from the lists that are there" if fill else ""),
            Grade.SLOW if fill else Grade.SAFE,
            statements,
            fill=fill,
            after=after,
        )
        for key in wanted.foreign_keys:
            if key.name in deferred:
                yield reference(self._ddl, wanted, key, self._ddl.reference(wanted.name, key), given=())

    def _beside(self, fill: Fill, statements: tuple[str, ...]) -> tuple[Fill, tuple[str, ...], tuple[str, ...]]:
        """The table under another name until it is full, for a database that keeps half of it when it is interrupted."""
        own, beside = self._ddl.q(fill.element), self._ddl.q(bound(f"{fill.element}__new"))
        made = (
            s.replace(f" TABLE {own} ", f" TABLE {beside} ", 1).replace(f" ON {own} ", f" ON {beside} ", 1) for s in statements
        )
        clean = f"DROP TABLE IF EXISTS {beside}"
        return replace(fill, into=bound(f"{fill.element}__new")), (clean, *made), (f"RENAME TABLE {beside} TO {own}",)

    def _elements(self, wanted: Table) -> Fill | None:
        """What fills a new element table of a list that rows have already."""
        table = self._goal.made[wanted.name]
        attribute: Attribute | None = table.info.get("attribute")
        if attribute is None:
            return None
        owner = next(iter(table.c.owner.foreign_keys)).column.table
        has = self._there.get(owner.name)
        if has is None or owner.c[attribute.name].name not in has.columns:
            return None
        return Fill(table.info["object"], attribute, owner.name, wanted.name, wanted.name)

    def _purpose(self, table: str) -> str:
        info = self._goal.made[table].info
        if "attribute" in info:
            return f"what {info['attribute'].name} of each {info['object'].name} refers to or holds"
        return f"the {info['object'].api.plural_name} of {info['object'].proton}" if "object" in info else "which is Gluon's own"

    def _column(self, wanted: Table, column: Column, made: Made) -> None:
        there = made.state[wanted.name]
        if column.name in there.columns:
            self._type(wanted, column, there.columns[column.name], made)
            return
        attribute = attribute_of(self._goal, wanted.name, column.name)
        if self._goal.object(wanted.name) is not None and not column.nullable and attribute is None:
            made.refused.append(f"table {wanted.name} lacks the column {column.name}: Gluon did not make it")
            return
        if attribute is not None and attribute.required and not filled(attribute):
            whose = object_of(self._goal, wanted.name).name
            made.refused.append(
                f"{attribute.place}: '{attribute.name}' of {whose} is required and new, and the objects that are there have no"
                " value for it: it needs a default (or default_from, allocate, generate)"
            )
            return
        inline = self._inline(wanted, column) if self._ddl.name == "sqlite" else None
        says = f", with {column.default} in the rows that are there" if column.default is not None else ""
        made.steps.append(
            Step(
                f"add-column:{wanted.name}.{column.name}",
                f"add the column {column.name} to {wanted.name}{says}",
                Grade.SAFE,
                (self._ddl.add_column(wanted.name, column, inline),),
            )
        )
        keys = (*there.foreign_keys, inline) if inline else there.foreign_keys
        made.state[wanted.name] = replace(there, columns={**there.columns, column.name: column}, foreign_keys=keys)

    def _inline(self, wanted: Table, column: Column) -> ForeignKey | None:
        return next((key for key in wanted.foreign_keys if key.columns == (column.name,)), None)

    def _type(self, wanted: Table, column: Column, has: Column, made: Made) -> None:
        if has.kind.holds(column.kind):
            self._indexable(wanted, column, has, made)
            return
        target = has.kind.joined(column.kind)
        if target is None or self._ddl.name == "sqlite":
            attribute = attribute_of(self._goal, wanted.name, column.name)
            where = (
                f"{attribute.place}: '{attribute.name}' of {object_of(self._goal, wanted.name).name}"
                if attribute
                else column.name
            )
            made.refused.append(
                f"{where} is stored as {column.kind}, and the column {wanted.name}.{column.name} is {has.kind}: values of one"
                " type cannot stand where another's did; give the attribute another name, and remove this one"
            )
            return
        type = column.type if target == column.kind else self._ddl.type(target)
        made.steps.append(self._widen(wanted.name, has, target, type, made))
        there = made.state[wanted.name]
        made.state[wanted.name] = replace(there, columns={**there.columns, column.name: replace(has, kind=target)})

    def _widen(self, table: str, has: Column, target: Kind, type: str, made: Made) -> Step:
        quick = has.kind.family == target.family == "text" and (
            self._ddl.name == "postgresql" or (target.length is not None and has.kind.ascii == target.ascii)
        )
        grade = Grade.SAFE if quick else Grade.SLOW
        said = type.partition(" CHARACTER")[0].partition(" COLLATE")[0]
        return Step(
            f"widen:{table}.{has.name}",
            f"let {table}.{has.name} hold {said} instead of {has.kind}" + ("" if quick else f": writes the table anew, {ROWS}"),
            grade,
            self._altered(table, has, type, made),
        )

    def _altered(self, table: str, has: Column, type: str, made: Made) -> tuple[str, ...]:
        """The change. MariaDB changes no column of a foreign key: these go first, and are planned again as they are missing."""
        change = self._ddl.alter(table, has, type)
        if self._ddl.name != "mariadb":
            return (change,)
        dropped = []
        for other in list(made.state.values()):
            keys = [key for key in other.foreign_keys if (table, has.name) in _ends(other, key)]
            dropped += [self._ddl.drop_reference(other.name, key) for key in keys]
            made.state[other.name] = replace(other, foreign_keys=tuple(k for k in other.foreign_keys if k not in keys))
        return *dropped, change

    def _indexable(self, wanted: Table, column: Column, has: Column, made: Made) -> None:
        """MariaDB indexes no text without a bound."""
        if self._ddl.name != "mariadb" or has.kind.family != "text" or has.kind.length is not None or column.kind.length is None:
            return
        if any(column.name in index.columns for index in wanted.indexes):
            made.steps.append(
                Step(
                    f"widen:{wanted.name}.{column.name}",
                    f"bound {wanted.name}.{column.name} to {column.kind}, for it is to be indexed: {ROWS}",
                    Grade.SLOW,
                    (self._ddl.alter(wanted.name, has, column.type),),
                    (checks.too_long(self._ddl, wanted, column.name, column.kind.length),),
                )
            )


def _ends(table: Table, key: ForeignKey) -> set[tuple[str, str]]:
    """The columns at both ends of a foreign key, each with its table."""
    return {(table.name, c) for c in key.columns} | {(key.table, c) for c in key.pointed}
