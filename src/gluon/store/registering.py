# SPDX-License-Identifier: Apache-2.0
"""The list of all ports, made up for databases that come from before there was one."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from gluon.store.logplans import LogPlans
from gluon.store.plans import Plans


def registering(plans: Plans, log: LogPlans) -> Iterator[str]:
    """One statement for each kind of port: lists those that are not listed."""
    ports = log.ports
    for obj, plan in plans.of.items():
        if not obj.is_port:
            continue
        key = plan.table.c[plan.identifier]
        id = key if isinstance(key.type, sa.String) else sa.cast(key, sa.String(20))
        listed = sa.exists().where(ports.c.id == id)
        found = sa.select(id, sa.literal(obj.proton)).where(~listed)
        statement = sa.insert(ports).from_select(["id", "proton"], found)
        yield str(statement.compile(dialect=plans.dialect, compile_kwargs={"literal_binds": True}))
