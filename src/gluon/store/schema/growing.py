# SPDX-License-Identifier: Apache-2.0
"""The steps by which tables come to have what the models need; and why they cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gluon.model.schema import UNSET, Attribute, Object
from gluon.particle.naming import bound
from gluon.store.schema import checks
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import Column, ForeignKey, Index, Kind, Table, Tables
from gluon.store.schema.goal import Goal
from gluon.store.schema.steps import Fill, Grade, Step

_ORDER = ("make-table", "add-column", "widen", "drop-foreign-key", "add-foreign-key", "check-foreign-key", "add-index", "fill")
_ROWS = "takes time with the number of rows"


@dataclass
class Made:
    """What has been planned: steps, refusals, and what each table is like once they are done."""

    steps: list[Step] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    state: dict[str, Table] = field(default_factory=dict)

    def ordered(self) -> list[Step]:
        """Kind after kind; within one, in the order of the tables."""
        return sorted(self.steps, key=lambda step: _ORDER.index(step.name.partition(":")[0]))


class Growing:
    """Plans one table at a time. ``older``: the database was brought to a newer model; ``new``: not yet to this one."""

    def __init__(self, goal: Goal, there: Tables, older: bool, new: bool) -> None:
        self._goal = goal
        self._there = there
        self._older = older
        self._new = new
        self._ddl = Ddl(goal.dialect)

    def columns(self, wanted: Table, made: Made) -> None:
        """Plan the table where there is none, the columns that it lacks, and those that are too narrow."""
        if wanted.name not in self._there:
            made.steps += self._table(wanted)
            made.state[wanted.name] = wanted
            return
        for column in wanted.columns.values():
            self._column(wanted, column, made)

    def rules(self, wanted: Table, made: Made) -> None:
        """Plan the references, indexes and values of a table that is there. Those of a newer model hold for older ones."""
        if wanted.name not in self._there or self._older:
            return
        self._references(wanted, made)
        for index in wanted.indexes:
            self._index(wanted, index, made)
        if self._new:
            self._values(wanted, made)

    def _table(self, wanted: Table) -> Iterator[Step]:
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
                yield self._reference(wanted, key, self._ddl.reference(wanted.name, key), checked=False)

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
        attribute = self._attribute(wanted.name, column.name)
        if self._goal.object(wanted.name) is not None and not column.nullable and attribute is None:
            made.refused.append(f"table {wanted.name} lacks the column {column.name}: Gluon did not make it")
            return
        if attribute is not None and attribute.required and not filled(attribute):
            made.refused.append(
                f"{attribute.place}: '{attribute.name}' of {self._object(wanted.name).name} is required and new, and the objects"
                " that are there have no value for it: it needs a default (or default_from, allocate, generate)"
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
            attribute = self._attribute(wanted.name, column.name)
            where = f"{attribute.place}: '{attribute.name}' of {self._object(wanted.name).name}" if attribute else column.name
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
            f"let {table}.{has.name} hold {said} instead of {has.kind}" + ("" if quick else f": writes the table anew, {_ROWS}"),
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
                    f"bound {wanted.name}.{column.name} to {column.kind}, for it is to be indexed: {_ROWS}",
                    Grade.SLOW,
                    (self._ddl.alter(wanted.name, has, column.type),),
                    (checks.too_long(self._ddl, wanted, column.name, column.kind.length),),
                )
            )

    def _references(self, wanted: Table, made: Made) -> None:
        there = made.state[wanted.name]
        meant = {key.meaning for key in wanted.foreign_keys}
        for key in there.foreign_keys:
            if key.meaning not in meant and all(c in wanted.columns for c in key.columns):
                self._unpoint(wanted, key, made)
        has = {key.meaning: key for key in made.state[wanted.name].foreign_keys}
        for key in wanted.foreign_keys:
            found = has.get(key.meaning)
            if found is None:
                self._point(wanted, key, made)
            elif not found.checked:
                made.steps.append(self._reference(wanted, found, (self._ddl.validate(wanted.name, found),), verb="check"))

    def _unpoint(self, wanted: Table, key: ForeignKey, made: Made) -> None:
        there = made.state[wanted.name]
        left = replace(there, foreign_keys=tuple(k for k in there.foreign_keys if k is not key))
        sqlite = self._ddl.name == "sqlite"
        made.steps.append(
            Step(
                f"drop-foreign-key:{wanted.name}.{'.'.join(key.columns)}",
                f"let {', '.join(key.columns)} of {wanted.name} refer to others than {key.table}",
                Grade.SLOW if sqlite else Grade.SAFE,
                self._ddl.rebuild(left) if sqlite else (self._ddl.drop_reference(wanted.name, key),),
            )
        )
        made.state[wanted.name] = left

    def _point(self, wanted: Table, key: ForeignKey, made: Made) -> None:
        there = made.state[wanted.name]
        after = replace(there, foreign_keys=(*there.foreign_keys, key))
        statements = self._ddl.rebuild(after) if self._ddl.name == "sqlite" else self._ddl.reference(wanted.name, key)
        is_there = all(c in self._there[wanted.name].columns for c in key.columns)
        made.steps.append(self._reference(wanted, key, statements, checked=is_there))
        made.state[wanted.name] = after

    def _reference(
        self, wanted: Table, key: ForeignKey, statements: tuple[str, ...], *, checked: bool = True, verb: str = "add"
    ) -> Step:
        given = (checks.dangling(self._ddl, wanted, key),) if checked and key.table in self._there else ()
        return Step(
            f"{verb}-foreign-key:{wanted.name}.{'.'.join(key.columns)}",
            f"have {', '.join(key.columns)} of {wanted.name} refer to rows of {key.table}",
            Grade.SLOW if checked else Grade.SAFE,
            statements,
            given,
            apart=self._ddl.name == "postgresql",
        )

    def _index(self, wanted: Table, index: Index, made: Made) -> None:
        there = made.state[wanted.name]
        if any(i.columns == index.columns and i.ready and i.unique >= index.unique for i in there.indexes):
            return
        is_there = all(c in self._there[wanted.name].columns for c in index.columns)
        taken = any(i.name == index.name and i.ready for i in there.indexes)
        index = replace(index, name=_other_name(index.name)) if taken else index
        kind = "unique: no two rows the same" if index.unique else "so that rows are found by it"
        made.steps.append(
            Step(
                f"add-index:{wanted.name}.{'.'.join(index.columns)}",
                f"index {wanted.name} by {', '.join(index.columns)}, {kind}",
                Grade.SAFE if self._ddl.name == "sqlite" or not is_there else Grade.SLOW,
                self._ddl.index(wanted.name, index),
                (checks.doubled(self._ddl, wanted, index.columns),) if index.unique and is_there else (),
                needed=index.unique,
                apart=self._ddl.name == "postgresql",
            )
        )
        made.state[wanted.name] = replace(there, indexes=(*there.indexes, index))

    def _values(self, wanted: Table, made: Made) -> None:
        """Values for rows that must have one, where no default of a column gives it."""
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
            f"give {attribute.name} to the rows of {wanted.name} that have none: {_ROWS}",
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
            return (), Fill(self._object(wanted.name), attribute, wanted.name)
        return (f"UPDATE {q(wanted.name)} SET {q(column)} = {value} WHERE {q(column)} IS NULL",), None

    def _attribute(self, table: str, column: str) -> Attribute | None:
        """The attribute that an object's column holds."""
        made = self._goal.made[table]
        obj = self._goal.object(table)
        if obj is None or "attribute" in made.info:
            return None
        return next((obj.by_name.get(c.key) for c in made.columns if c.name == column), None)

    def _object(self, table: str) -> Object:
        found = self._goal.object(table)
        assert found is not None
        return found


def filled(attribute: Attribute) -> bool:
    """Whether the server has a value where none is given."""
    given = attribute.default is not UNSET and attribute.default is not None
    return given or bool(attribute.default_from) or attribute.allocate or attribute.generate


def _ends(table: Table, key: ForeignKey) -> set[tuple[str, str]]:
    """The columns at both ends of a foreign key, each with its table."""
    return {(table.name, c) for c in key.columns} | {(key.table, c) for c in key.pointed}


def _other_name(name: str) -> str:
    counted = re.fullmatch(r"(.*)_(\d+)", name)
    return f"{counted[1]}_{int(counted[2]) + 1}" if counted else f"{name}_2"
