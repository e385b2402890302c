# SPDX-License-Identifier: Apache-2.0
"""What a server asks before it starts: does the database have all that its models need? More is no fault.

missing, and all of it safe and to be applied   ─►  applied
missing                                         ─►  refused, with what is missing and the command to run
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.particle.tables import Columns
from gluon.store.schema.applying import apply
from gluon.store.schema.session import Session, look
from gluon.store.schema.steps import Grade, Step

#: Steps that a refusal lists.
_LISTED: Final = 20


async def prepared(session: Session, protons: Sequence[Proton], *, auto_apply: bool) -> Columns:
    """Which columns hold the attributes, in a database that has all they need.

    Raises SettingsError where it does not; DatabaseError.
    """
    found = await look(session, protons)
    safe = any(step.grade is Grade.SAFE for step in found.plan.steps)
    if (
        auto_apply
        and safe
        and not found.plan.refused
        and not any(s.needed and s.grade is not Grade.SAFE for s in found.plan.steps)
    ):
        await apply(session, protons, grades=(Grade.SAFE,))
        found = await look(session, protons)
    if found.plan.refused:
        raise SettingsError(_said(session, "does not fit the models", found.plan.refused))
    needed = [step for step in found.plan.steps if step.needed]
    if needed:
        how = "run gluon db apply with the settings of this server (gluon db plan shows what it does)"
        raise SettingsError(_said(session, "lacks what the models need", _listed(needed)) + f"\n{how}")
    return found.goal.columns


def _listed(steps: Sequence[Step]) -> list[str]:
    more = [f"and {len(steps) - _LISTED} more"] if len(steps) > _LISTED else []
    return [*(f"{step.sentence} ({step.grade.value})" for step in steps[:_LISTED]), *more]


def _said(session: Session, what: str, lines: Sequence[str]) -> str:
    return "\n  ".join([f"[database] connection: {session.place} {what}:", *lines])
