# SPDX-License-Identifier: Apache-2.0
"""The steps by which tables come to hold to what the models say of references and of what is unique."""

from __future__ import annotations

import re
from dataclasses import replace

from gluon.store.schema import checks
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import ForeignKey, Index, Table, Tables
from gluon.store.schema.goal import Goal
from gluon.store.schema.made import Made, reference
from gluon.store.schema.steps import Check, Grade, Step


class Ruling:
    """Plans one table at a time, whose columns are planned."""

    def __init__(self, goal: Goal, there: Tables) -> None:
        self._there = there
        self._ddl = Ddl(goal.dialect)

    def table(self, wanted: Table, made: Made) -> None:
        """Plan the references and the indexes of a table that is there."""
        self._references(wanted, made)
        for index in wanted.indexes:
            self._index(wanted, index, made)

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
                validate = (self._ddl.validate(wanted.name, found),)
                made.steps.append(
                    reference(self._ddl, wanted, found, validate, given=self._dangling(wanted, found), verb="check")
                )

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
        given = self._dangling(wanted, key) if is_there else ()
        made.steps.append(reference(self._ddl, wanted, key, statements, given=given))
        made.state[wanted.name] = after

    def _dangling(self, wanted: Table, key: ForeignKey) -> tuple[Check, ...]:
        return (checks.dangling(self._ddl, wanted, key),) if key.table in self._there else ()

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


def _other_name(name: str) -> str:
    counted = re.fullmatch(r"(.*)_(\d+)", name)
    return f"{counted[1]}_{int(counted[2]) + 1}" if counted else f"{name}_2"
