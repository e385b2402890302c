# SPDX-License-Identifier: Apache-2.0
"""From what is there to what is wanted: the steps, in an order in which each can be done. Pure.

    columns' names recorded ─► tables ─► columns ─► wider types ─► references ─► indexes ─► values ─► what was named goes

What no model needs stays, and is listed; it goes only where ``allowed`` names its step. A database that was brought to a newer
model than these is only looked at: either it has what they need, or they are refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from typing import Final

import sqlalchemy as sa

from gluon.model.schema import Proton
from gluon.model.versions import numbers
from gluon.store.logplans import ALLOCATING
from gluon.store.schema.columns import Entry
from gluon.store.schema.description import Table, Tables
from gluon.store.schema.dialects import literal
from gluon.store.schema.dropping import Dropping
from gluon.store.schema.goal import Goal, digest
from gluon.store.schema.growing import Growing
from gluon.store.schema.made import Made
from gluon.store.schema.ruling import Ruling
from gluon.store.schema.steps import Grade, Plan, Recorded, Step
from gluon.store.schema.valuing import Valuing

#: The layout of the system tables; a database with another one was made by another version of Gluon.
LAYOUT: Final = "1"
_BOOKKEEPING: Final = ("revision", "generation", "incarnation", "created_at", "updated_at")


def plan(goal: Goal, there: Tables, recorded: Recorded, allowed: Collection[str] = (), *, rows: bool = False) -> Plan:
    """What leads from ``there`` to the goal. ``allowed`` names steps that take something away.

    ``rows``: look for rows that lack values also where the tables were brought to these models before: servers of an older model
    may have made some since.
    """
    strangers = _strangers(goal, there)
    if recorded.meta.get("layout", LAYOUT) != LAYOUT:
        strangers = [f"the database has layout {recorded.meta['layout']}; this version of Gluon knows layout {LAYOUT}"]
    if strangers:
        return Plan((), refused=tuple(strangers))
    made = Made(state=dict(there))
    for wanted in goal.tables.values():
        Growing(goal, there).table(wanted, made)
    for name, wanted in goal.tables.items():  # of the columns as they are by then
        # What a newer model says of references and values is right, and not for an older one's servers to undo.
        if name in there and not _is_older(goal.owner[name], recorded):
            Ruling(goal, there).table(wanted, made)
            if rows or _is_new(goal.owner[name], recorded):
                Valuing(goal, there).table(wanted, made)
    dropping = Dropping(goal, there, made.state, set(allowed), recorded)
    for name in goal.tables:
        if name in there and not _is_older(goal.owner[name], recorded):
            dropping.parts(name)
    dropping.tables()
    steps = (*_entries(goal), *made.ordered(), *dropping.steps, *_meta(goal, recorded), *_ports(goal, there))
    unknown = sorted(set(allowed) - {step.name for step in dropping.steps})
    refused = [*made.refused, *(f"--allow {name}: there is no such step" for name in unknown)]
    return Plan((*_in_order(steps), *_models(goal, recorded)), tuple(dropping.kept), tuple(refused))


def _in_order(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The system's tables come first, for entries go into them; and of these the one by which the others are known for Gluon's,
    as another server may look at them meanwhile."""
    first = [step for step in steps if step.name.startswith("make-table:gluon_")]
    first.sort(key=lambda step: step.name != "make-table:gluon_meta")
    yield from first
    yield from (step for step in steps if step not in first)


def _strangers(goal: Goal, there: Tables) -> list[str]:
    """Tables of ours by name that Gluon did not make."""
    known = {name for name in goal.tables if name in there}
    if known and "gluon_meta" not in there:
        return [f"table {name} is there, and Gluon did not make it (there is no gluon_meta)" for name in sorted(known)]
    found = []
    for name in sorted(known):
        if there[name].key != goal.tables[name].key:
            found.append(f"table {name} has the primary key ({', '.join(there[name].key)}), not {_said(goal.tables[name])}")
        lacking = [c for c in _BOOKKEEPING if c in goal.tables[name].columns and c not in there[name].columns]
        if lacking:
            found.append(f"table {name} lacks the columns {', '.join(lacking)}: Gluon did not make it")
    return found


def _said(table: Table) -> str:
    return f"({', '.join(table.key)}): the identifier of an object cannot change"


def _is_older(proton: Proton | None, recorded: Recorded) -> bool:
    """Whether the tables were brought to a newer model than this."""
    applied = recorded.of(proton.name) if proton else None
    return applied is not None and proton is not None and numbers(applied.version) > numbers(proton.version)


def _is_new(proton: Proton | None, recorded: Recorded) -> bool:
    """Whether the tables were not brought to this model yet."""
    applied = recorded.of(proton.name) if proton else None
    return proton is not None and (applied is None or applied.digest != digest(proton))


def _entries(goal: Goal) -> Iterator[Step]:
    for entry in goal.entries:
        if entry.column == entry.attribute:
            sentence = f"note that {entry.attribute} of {entry.table} is in the column of its name"
        else:
            sentence = f"note that {entry.attribute} of {entry.table} is in the column {entry.column}, where its values are"
        yield Step(f"rename:{entry.table}.{entry.attribute}", sentence, Grade.SAFE, (_insert(goal, entry),))


def _insert(goal: Goal, entry: Entry) -> str:
    values = (literal(v, goal.dialect) for v in (entry.table, entry.attribute, entry.column, entry.since))
    return f"INSERT INTO gluon_columns (table_name, attribute, column_name, since) VALUES ({', '.join(values)})"


def _meta(goal: Goal, recorded: Recorded) -> Iterator[Step]:
    """What the database is: an id of its own, and the rows that servers lock and write."""
    first = {"database": str(uuid.uuid4()), "layout": LAYOUT, "probed": "", ALLOCATING: ""}
    lacking = {name: value for name, value in first.items() if name not in recorded.meta}
    if lacking:
        rows = ", ".join(f"({literal(n, goal.dialect)}, {literal(v, goal.dialect)})" for n, v in lacking.items())
        statement = f"INSERT INTO gluon_meta (name, value) VALUES {rows}"
        sentence = "give the database an id of its own" if "database" in lacking else "add what servers lock"
        yield Step("note-database", sentence, Grade.SAFE, (statement,))


def _ports(goal: Goal, there: Tables) -> Iterator[Step]:
    """List the ports of a database that comes from before there was a list of them."""
    ports = [t for t in goal.made.values() if "attribute" not in t.info and "object" in t.info and t.info["object"].is_port]
    ports = [t for t in ports if t.name in there and "gluon_ports" not in there]
    if not ports:
        return
    statements = []
    for table in ports:
        (key,) = table.primary_key.columns
        id = key if isinstance(key.type, sa.String) else sa.cast(key, sa.String(20))
        found = sa.select(id, sa.literal(table.info["object"].proton))
        statement = sa.insert(goal.made["gluon_ports"]).from_select(["id", "proton"], found)
        statements.append(str(statement.compile(dialect=goal.dialect, compile_kwargs={"literal_binds": True})))
    yield Step("fill:gluon_ports", "list the ports that are there", Grade.SAFE, tuple(statements))


def _models(goal: Goal, recorded: Recorded) -> Iterator[Step]:
    """Note which models the tables are brought to, last of all."""
    for proton in goal.protons:
        if _is_older(proton, recorded) or not _is_new(proton, recorded):
            continue
        name, version, made = (literal(v, goal.dialect) for v in (proton.name, proton.version, digest(proton)))
        yield Step(
            f"note-model:{proton.name}",
            f"note that the tables are those of {proton.name} {proton.version}",
            Grade.SAFE,
            (
                f"DELETE FROM gluon_models WHERE proton = {name}",
                f"INSERT INTO gluon_models (proton, version, digest) VALUES ({name}, {version}, {made})",
            ),
            needed=False,
        )
