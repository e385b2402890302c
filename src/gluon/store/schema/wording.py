# SPDX-License-Identifier: Apache-2.0
"""A plan as a person reads it, and as a script for who applies it by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gluon import __version__
from gluon.store.schema.goal import Goal
from gluon.store.schema.history import Event, event, insertion
from gluon.store.schema.steps import Plan, Step

_BY_HAND: Final = "by hand"


def summary(plan: Plan) -> str:
    """How many steps of which grade: ``3 steps: 2 safe, 1 slow``."""
    count = len(plan.steps)
    grades = [step.grade.value for step in plan.steps]
    said = ", ".join(f"{grades.count(g)} {g}" for g in dict.fromkeys(sorted(grades, key=["safe", "slow", "destructive"].index)))
    return f"{count} step{'' if count == 1 else 's'}: {said}"


def listing(plan: Plan, place: str) -> Iterator[str]:
    """Lines: the steps with their SQL, what is kept, or that there is nothing to do."""
    if not plan.steps:
        yield f"{place} has all that the models need."
    else:
        yield f"{place}: {summary(plan)}"
        width = len(str(len(plan.steps)))
        for number, step in enumerate(plan.steps, 1):
            yield ""
            yield f"{number:>{width}}. {step.sentence}"
            yield f"{'':>{width}}  {step.grade.value} · {step.name}"
            yield from (f"{'':>{width}}  {line}" for line in _sql(step))
    if plan.kept:
        yield ""
        yield "No model needs these; they stay, and do no harm. gluon db apply takes each away where it is named:"
        yield from (f"  --allow {step.name}    {step.sentence}" for step in plan.kept)


def _sql(step: Step) -> Iterator[str]:
    for statement in (*step.sql, *step.after):
        yield from f"{statement};".splitlines()
    if step.fill is not None:
        yield f"-- and the values for {step.fill.element or step.fill.table}, which gluon db apply makes"


def script(plan: Plan, goal: Goal, place: str) -> Iterator[str]:
    """Lines of a script that does the same, history included. Fills that no statement makes are left, and said so."""
    yield f"-- Made by gluon {__version__} db plan --sql for {place}: {summary(plan) if plan.steps else 'nothing to do'}."
    if goal.dialect.name == "sqlite" and plan.steps:
        yield from ("PRAGMA foreign_keys = OFF;", "BEGIN IMMEDIATE;")
    waiting: list[str] = []
    late: list[Step] = []
    recording = not any(step.name == "make-table:gluon_history" for step in plan.steps)
    for step in plan.steps:
        if _left(step):
            late.append(step)
            continue
        if step.name.startswith("note-model:") and late:
            continue
        yield ""
        yield f"-- {step.sentence} ({step.grade.value})"
        for check in step.checks:
            yield f"-- This must find no row: {check.query};"
        transaction = goal.dialect.name == "postgresql" and not step.apart
        if transaction:
            yield "BEGIN;"
        yield from (f"{statement};" for statement in (*step.sql, *step.after))
        recording = recording or step.name == "make-table:gluon_history"
        waiting.append(insertion(event(step, goal.protons, _BY_HAND), goal))
        if recording:
            yield from (f"{statement};" for statement in waiting)
            waiting.clear()
        if transaction:
            yield "COMMIT;"
    if goal.dialect.name == "sqlite" and plan.steps:
        yield from ("", "PRAGMA foreign_key_check;", "COMMIT;")
    for step in late:
        yield ""
        yield f"-- {step.sentence} ({step.grade.value}): gluon db apply must do this, after this script"


def _left(step: Step) -> bool:
    return step.fill is not None


def told(events: Sequence[Event], *, sql: bool) -> Iterator[str]:
    """Lines: one for each event."""
    if not events:
        yield "Nothing was done to this database yet."
    for happened in events:
        result = "" if happened.result == "done" else f"  [{happened.result}]"
        yield f"{happened.at[:19]}Z  {happened.who}  gluon {happened.gluon}  {happened.models}"
        yield f"    {happened.sentence}{result}"
        if sql:
            yield from (f"    {line}" for line in f"{happened.statements};".splitlines() if line != ";")
