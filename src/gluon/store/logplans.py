# SPDX-License-Identifier: Apache-2.0
"""The statements on the system tables (change log, sync marks, keys set aside, meta), compiled once for a dialect."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from gluon.particle.systables import system_tables
from gluon.store.conditions import among
from gluon.store.statements import Statement, compiled

#: How many identifiers ``pending`` takes at a time: its parameters ``id0`` and so on.
PENDING: Final = 100
#: How many rows ``drop`` takes at a time, in the same way.
DROPPED: Final = 250
#: The row of ``gluon_meta`` that who allocates a value changes first, so that no two do it at once, on however many servers.
ALLOCATING: Final = "allocating"


class LogPlans:
    """Parameters have the names of the columns; ``limit`` bounds a select."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self.metadata = system_tables()
        changes, marks, stuck, meta, ports = (
            self.metadata.tables[n] for n in ("gluon_changes", "gluon_sync", "gluon_stuck", "gluon_meta", "gluon_ports")
        )
        self.ports = ports

        def made(statement: sa.ClauseElement) -> Statement:
            return compiled(statement, dialect)

        self.add = made(_insert(changes, "proton", "object", "object_id", "at"))
        self.take = made(
            sa.select(changes.c.id, changes.c.object, changes.c.object_id)
            .where(changes.c.proton == sa.bindparam("proton"))
            .order_by(changes.c.id)
            .limit(sa.bindparam("limit"))
        )
        self.find = made(sa.select(changes.c.id).where(changes.c.id == sa.bindparam("id")).with_for_update())
        self.drop = made(sa.delete(changes).where(changes.c.id.in_([sa.bindparam(f"id{n}") for n in range(DROPPED)])))
        wanted: list[sa.BindParameter[str]] = [sa.bindparam(f"id{n}") for n in range(PENDING)]
        of_object = _equal(changes, "proton", "object")
        self.pending = made(sa.select(changes.c.object_id).distinct().where(*of_object, changes.c.object_id.in_(wanted)))
        ends = sa.func.min(changes.c.id), sa.func.max(changes.c.id)
        ours = among(changes.c.proton, sa.bindparam("protons"), dialect)
        self.backlog = made(sa.select(sa.func.count(), sa.func.min(changes.c.at), *ends).where(ours))
        self.get_mark = made(sa.select(marks.c.epoch, marks.c.batch).where(*_equal(marks, "proton")))
        self.drop_mark = made(sa.delete(marks).where(*_equal(marks, "proton")))
        self.add_mark = made(_insert(marks, "proton", "epoch", "batch"))
        self.stuck = made(sa.select(*stuck.c).order_by(stuck.c.since, stuck.c.object_id))
        self.drop_stuck = made(sa.delete(stuck).where(*_equal(stuck, "proton", "object", "object_id")))
        self.add_stuck = made(_insert(stuck, "proton", "object", "object_id", "reason", "since"))
        self.get_meta = made(sa.select(meta.c.value).where(*_equal(meta, "name")))
        self.add_meta = made(_insert(meta, "name", "value"))
        self.set_meta = made(sa.update(meta).where(meta.c.name == sa.bindparam("key")).values(value=sa.bindparam("new")))
        self.add_port = made(_insert(ports, "id", "proton"))
        self.drop_port = made(sa.delete(ports).where(*_equal(ports, "id")))
        self.port_owner = made(sa.select(ports.c.proton).where(*_equal(ports, "id")))


def _insert(table: sa.Table, *names: str) -> sa.Insert:
    return sa.insert(table).values({n: sa.bindparam(n) for n in names})


def _equal(table: sa.Table, *names: str) -> list[sa.ColumnElement[Any]]:
    return [table.c[n] == sa.bindparam(n) for n in names]
