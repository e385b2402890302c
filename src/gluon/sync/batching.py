# SPDX-License-Identifier: Apache-2.0
"""From what changed to the transactions that tell etcd, in an order that never shows an object before what it refers to. Pure.

changes ─► puts in the order of references, then deletes reversed ─► units (operations that belong together) ─► groups

Replaying a batch, whole or in part, ends in the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gluon.kv.contract import Delete, Op, Put, Txn
from gluon.model.schema import Proton
from gluon.particle import keys
from gluon.particle.entries import Entries
from gluon.store.contract import Change, Record
from gluon.sync.naming import answer_key, object_key
from gluon.sync.registering import Registering

_OVERHEAD: Final = 32  # bytes that an operation takes beside its keys and values, at most


@dataclass(frozen=True, slots=True)
class Unit:
    """What one change does: operations that go into the same transaction. No key is in two of them."""

    change: Change
    ops: tuple[Op, ...]
    size: int


class Batching:
    """The units of one Proton's changes. ``url`` is what ports are registered with."""

    def __init__(self, proton: Proton, url: str) -> None:
        self._order = {obj: place for place, obj in enumerate(proton.order)}
        self._entries = Entries(proton)
        self._registering = Registering(proton, url)

    def units(self, changes: Iterable[Change]) -> Iterator[Unit]:
        """One unit for each change, in the order in which they must take effect; of several of one key the last counts."""
        latest: dict[str, Change] = {}
        for change in changes:
            key = object_key(change.object, change.id)
            latest.pop(key, None)
            latest[key] = change
        puts = [(key, change) for key, change in latest.items() if change.record is not None]
        deletes = [(key, change) for key, change in latest.items() if change.record is None]
        puts.sort(key=lambda item: self._order[item[1].object])
        deletes.sort(key=lambda item: self._order[item[1].object])
        for key, change in (*puts, *reversed(deletes)):
            yield self._unit(key, change)

    def values(self, change: Change) -> dict[str, bytes]:
        """The keys that a record has in etcd, with their values: its own, and for a port its registration."""
        assert change.record is not None
        return self._values(object_key(change.object, change.id), change, change.record)

    def _values(self, key: str, change: Change, record: Record) -> dict[str, bytes]:
        values = {key: self._entries.encode(change.object, record)}
        if change.object.is_port:
            values[keys.port(str(change.id))] = self._registering.value(record)
        return values

    def _unit(self, key: str, change: Change) -> Unit:
        if change.record is None:
            ops: tuple[Op, ...] = (Delete(key),)
            if change.object.is_port:
                ops += (self._registering.delete(str(change.id)), Delete(answer_key(change.object, change.id)))
        else:
            put = Put(key, self._entries.encode(change.object, change.record))
            ops = (self._registering.put(str(change.id), change.record, put),) if change.object.is_port else (put,)
        return Unit(change, ops, sum(map(size, ops)))


def size(op: Op) -> int:
    """The bytes that an operation takes in a request, at most."""
    match op:
        case Put():
            return _OVERHEAD + len(op.key) + len(op.value)
        case Txn():
            operands = sum(len(c.operand) if isinstance(c.operand, bytes) else 0 for c in op.compare)
            compares = sum(_OVERHEAD + len(c.key) for c in op.compare)
            return _OVERHEAD + operands + compares + sum(map(size, (*op.success, *op.failure)))
        case _:
            return _OVERHEAD + len(op.key)


def groups(units: Iterable[Unit], ops: int, bytes: int) -> Iterator[tuple[Unit, ...]]:
    """The units in order, as many together as the limits allow. A unit that is too large by itself stands alone."""
    group: list[Unit] = []
    count = total = 0
    for unit in units:
        if group and (count + len(unit.ops) > ops or total + unit.size > bytes):
            yield tuple(group)
            group, count, total = [], 0, 0
        group.append(unit)
        count += len(unit.ops)
        total += unit.size
    if group:
        yield tuple(group)
