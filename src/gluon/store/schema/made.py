# SPDX-License-Identifier: Apache-2.0
"""What has been planned so far, for one database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gluon.model.schema import UNSET, Attribute, Object
from gluon.store.schema.ddl import Ddl
from gluon.store.schema.description import ForeignKey, Table
from gluon.store.schema.goal import Goal
from gluon.store.schema.steps import Check, Grade, Step

_ORDER: Final = (
    "make-table",
    "add-column",
    "widen",
    "drop-foreign-key",
    "add-foreign-key",
    "check-foreign-key",
    "add-index",
    "fill",
)
#: Said of slow steps.
ROWS: Final = "takes time with the number of rows"


@dataclass
class Made:
    """What has been planned: steps, refusals, and what each table is like once they are done."""

    steps: list[Step] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    state: dict[str, Table] = field(default_factory=dict)

    def ordered(self) -> list[Step]:
        """Kind after kind; within one, in the order of the tables."""
        return sorted(self.steps, key=lambda step: _ORDER.index(step.name.partition(":")[0]))


def attribute_of(goal: Goal, table: str, column: str) -> Attribute | None:
    """The attribute that an object's column holds; None for other tables and for the bookkeeping."""
    made, obj = goal.made[table], goal.object(table)
    if obj is None or "attribute" in made.info:
        return None
    return next((obj.by_name.get(c.key) for c in made.columns if c.name == column), None)


def object_of(goal: Goal, table: str) -> Object:
    """Whose rows a table holds, where it is known to be an object's."""
    found = goal.object(table)
    assert found is not None
    return found


def filled(attribute: Attribute) -> bool:
    """Whether the server has a value where none is given."""
    given = attribute.default is not UNSET and attribute.default is not None
    return given or bool(attribute.default_from) or attribute.allocate or attribute.generate


def reference(
    ddl: Ddl, table: Table, key: ForeignKey, statements: tuple[str, ...], *, given: tuple[Check, ...], verb: str = "add"
) -> Step:
    """The step that makes a foreign key, or checks the rows from before it."""
    return Step(
        f"{verb}-foreign-key:{table.name}.{'.'.join(key.columns)}",
        f"have {', '.join(key.columns)} of {table.name} refer to rows of {key.table}",
        Grade.SLOW if given else Grade.SAFE,
        statements,
        given,
        apart=ddl.name == "postgresql",
    )
