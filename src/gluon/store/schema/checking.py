# SPDX-License-Identifier: Apache-2.0
"""Asks the data whether steps can be done."""

from __future__ import annotations

from collections.abc import Sequence

from gluon.store.schema.checks import NAMED
from gluon.store.schema.listing import Listing
from gluon.store.schema.session import Look, Session
from gluon.store.schema.steps import Step


async def violations(session: Session, found: Look, steps: Sequence[Step]) -> list[str]:
    """Why the data do not let these steps be done: for each check that fails, what is wrong, and the rows."""
    said = []
    for step in steps:
        for check in step.checks:
            rows = await session.connection.fetch(check.query)
            if rows:
                named = [", ".join(f"{c} {v}" for c, v in zip(check.columns, row, strict=True)) for row in rows[:NAMED]]
                more = ["and more"] if len(rows) > NAMED else []
                said.append("\n".join([f"{check.says}:", *(f"  {line}" for line in (*named, *more))]))
        if step.fill is not None and step.fill.element:
            keys = found.goal.made[step.fill.element].c.value.foreign_keys
            there = all(key.column.table.name in found.there for key in keys)
            said += await Listing(session, found.goal, step.fill).faults(there)
    return said
