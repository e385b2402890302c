# SPDX-License-Identifier: Apache-2.0
"""Fills a database with ports and their interfaces quickly: through the store, many to a transaction, and no change rows."""

from __future__ import annotations

import asyncio

from bench.outbox import direct, silent
from bench.rest import TENANT
from gluon.store.contract import Tx
from gluon.store.objects import Objects

_TOGETHER = 50  # ports that one unit of work makes
_AT_ONCE = 20


async def fill(connection: str, ports: int) -> None:
    """Make the ports, as if their changes had been sent long ago."""
    left = ports
    async with direct(connection) as (store, proton):
        objects, port = Objects(proton), next(obj for obj in proton.objects if obj.is_port)

        async def make() -> None:
            nonlocal left
            while left > 0:
                count = min(_TOGETHER, left)
                left -= count

                async def work(tx: Tx, count: int = count) -> None:
                    for _ in range(count):
                        await objects.create(silent(tx), port, {"tenant_id": TENANT, "name": "bench"}, binding_id="")

                await store.write(work)

        await asyncio.gather(*(make() for _ in range(_AT_ONCE)))
