# SPDX-License-Identifier: Apache-2.0
"""Writes units to etcd, and sets aside what etcd refuses for good or another service has, so that it stops no other."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gluon.kv.contract import KvRefused
from gluon.store.contract import Change
from gluon.sync.batching import Unit
from gluon.sync.naming import object_key
from gluon.sync.parts import Parts
from gluon.sync.position import Position
from gluon.sync.registering import reason, taken_by
from gluon.sync.writer import Writer

_log = logging.getLogger(__name__)


async def send(parts: Parts, writer: Writer, position: Position, group: Sequence[Unit]) -> list[Change]:
    """Write the group in one transaction, or in halves where etcd refuses it. Returns what was written; the rest is set aside.

    Raises what ``Writer.write`` raises, KvRefused only where it is not about the units.
    """
    try:
        responses = iter(await writer.write(position, [op for unit in group for op in unit.ops]))
    except KvRefused as refusal:
        if refusal.whole:
            raise
        if len(group) > 1:
            middle = len(group) // 2
            first = await send(parts, writer, position, group[:middle])
            return first + await send(parts, writer, position, group[middle:])
        await _set_aside(parts, group[0].change, str(refusal))
        return []
    sent = []
    for unit in group:
        taken = [found for op in unit.ops if (found := taken_by(op, next(responses))) is not None]
        if taken:
            await _set_aside(parts, unit.change, reason(taken[0]))
        else:
            sent.append(unit.change)
    return sent


async def _set_aside(parts: Parts, change: Change, why: str) -> None:
    _log.error("%s cannot be written and is set aside: %s", object_key(change.object, change.id), why)
    await parts.store.log.set_aside(change, why)
