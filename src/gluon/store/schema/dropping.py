# SPDX-License-Identifier: Apache-2.0
"""What no model needs: listed as kept, and taken away only where it was named.

Older servers may still use it; and what is gone is gone. So a column goes in a plan of its own, after the last server of the
older model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gluon.particle.naming import snake
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import ForeignKey, Index, Table, Tables
from gluon.store.schema.dialects import literal
from gluon.store.schema.goal import Goal
from gluon.store.schema.steps import Grade, Recorded, Step

_OBJECTS = {"revision", "generation", "incarnation", "created_at", "updated_at"}
_ELEMENTS = {"owner", "position", "value"}


class Dropping:
    """Collects ``steps`` that were named and ``kept``, those that were not."""

    def __init__(self, goal: Goal, there: Tables, state: Mapping[str, Table], allowed: set[str], recorded: Recorded) -> None:
        self.steps: list[Step] = []
        self.kept: list[Step] = []
        self._goal = goal
        self._there = there
        self._state = dict(state)
        self._allowed = allowed
        self._ddl = Ddl(goal.dialect)
        here = {proton.name for proton in goal.protons}
        self._prefixes = tuple(f"{snake(name)}_" for name in here)
        self._elsewhere = tuple(f"{snake(name)}_" for name in recorded.models if name not in here)

    def parts(self, name: str) -> None:
        """Columns and indexes of a table that the models have."""
        wanted, there = self._goal.tables[name], self._there[name]
        for index in there.indexes:
            if all(c in wanted.columns for c in index.columns) and not self._wanted(wanted, index):
                self._index(there, index)
        for column in there.columns:
            if column not in wanted.columns:
                self._column(there, column)

    def tables(self) -> None:
        """Tables of objects and lists that these Protons no longer have; the referring ones first."""
        gone = [table for table in self._there.values() if self._ours(table)]
        while gone:
            free = [t for t in gone if not any(k.table == t.name for o in gone if o is not t for k in o.foreign_keys)] or gone[:1]
            for table in free:
                gone.remove(table)
                self._decide(self._table(table))

    def _wanted(self, wanted: Table, index: Index) -> bool:
        """Whether the index is the models', or a foreign key's (MariaDB makes one where it finds none)."""
        keys = {key.columns for key in wanted.foreign_keys}
        return any(i.columns == index.columns and i.unique == index.unique for i in wanted.indexes) or (
            not index.unique and index.columns in keys
        )

    def _ours(self, table: Table) -> bool:
        """A table that Gluon made for these Protons: its name begins as theirs do, and it has the columns of all of them.

        One whose name begins as those of a Proton that only other servers have (``net_l3vpn_``, beside ``net_``) is not.
        """
        if table.name in self._goal.tables:
            return False
        if table.name.startswith(self._elsewhere):
            return False
        columns = set(table.columns)
        return table.name.startswith(self._prefixes) and (columns >= _OBJECTS or columns == _ELEMENTS)

    def _decide(self, step: Step) -> bool:
        allowed = step.name in self._allowed
        (self.steps if allowed else self.kept).append(step)
        return allowed

    def _index(self, there: Table, index: Index) -> None:
        says = "rows may then be the same in " if index.unique else "rows are then found more slowly by "
        step = Step(
            f"drop-index:{there.name}.{index.name}",
            f"drop the index {index.name} of {there.name}: {says}{', '.join(index.columns)}",
            Grade.DESTRUCTIVE,
            (self._ddl.drop_index(there.name, index),),
            needed=False,
            apart=self._ddl.name == "postgresql",
        )
        if self._decide(step):
            state = self._state[there.name]
            self._state[there.name] = replace(state, indexes=tuple(i for i in state.indexes if i.name != index.name))

    def _column(self, there: Table, column: str) -> None:
        keys = [k for k in there.foreign_keys if column in k.columns]
        indexes = [i for i in there.indexes if column in i.columns]
        state = self._state[there.name]
        after = replace(
            state,
            columns={n: c for n, c in state.columns.items() if n != column},
            indexes=tuple(i for i in state.indexes if column not in i.columns),
            foreign_keys=tuple(k for k in state.foreign_keys if column not in k.columns),
        )
        also = f"; until then it keeps what it refers to in {keys[0].table} from being deleted" if keys else ""
        step = Step(
            f"drop-column:{there.name}.{column}",
            f"drop the column {column} of {there.name} with all its values{also}",
            Grade.DESTRUCTIVE,
            (*self._without(there, column, keys, indexes, after), self._forget(there.name, column)),
            needed=False,
        )
        if self._decide(step):
            self._state[there.name] = after

    def _without(self, there: Table, column: str, keys: list[ForeignKey], indexes: list[Index], after: Table) -> Iterator[str]:
        if self._ddl.name == "sqlite" and keys:
            yield from self._ddl.rebuild(after)
            return
        if self._ddl.name == "mariadb":
            yield from (self._ddl.drop_reference(there.name, key) for key in keys)
        if self._ddl.name != "postgresql":  # which drops what hangs on the column with it
            yield from (self._ddl.drop_index(there.name, index) for index in indexes)
        yield f"ALTER TABLE {self._ddl.q(there.name)} DROP COLUMN {self._ddl.q(column)}"

    def _forget(self, table: str, column: str = "") -> str:
        named = f" AND column_name = {literal(column, self._goal.dialect)}" if column else ""
        return f"DELETE FROM gluon_columns WHERE table_name = {literal(table, self._goal.dialect)}{named}"

    def _table(self, table: Table) -> Step:
        what = "what lists hold" if set(table.columns) == _ELEMENTS else "all its objects"
        return Step(
            f"drop-table:{table.name}",
            f"drop the table {table.name} with {what}",
            Grade.DESTRUCTIVE,
            (f"DROP TABLE {self._ddl.q(table.name)}", self._forget(table.name)),
            needed=False,
        )
