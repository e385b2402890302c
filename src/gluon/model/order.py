# SPDX-License-Identifier: Apache-2.0
"""The order of references: what an object refers to comes before it."""

from __future__ import annotations

from collections.abc import Sequence

from gluon.model.links import links
from gluon.model.schema import Object


def in_order(objects: Sequence[Object]) -> tuple[Object, ...]:
    """The objects so that each comes after those it refers to, else in the order given; so do those that refer to one another
    in a circle. Sets of objects are bit masks: a model may have many objects."""
    bit = {o.name: 1 << i for i, o in enumerate(objects)}
    reach = [_mask(bit, o) for o in objects]
    for middle, its in enumerate(reach):
        for index, seen in enumerate(reach):
            if seen >> middle & 1:
                reach[index] = seen | its
    circle = [_circle(reach, index) for index in range(len(objects))]
    waiting = list(range(len(objects)))
    left = (1 << len(objects)) - 1
    ordered = []
    while waiting:
        index = next(i for i in waiting if not reach[i] & left & ~circle[i])
        waiting.remove(index)
        left &= ~(1 << index)
        ordered.append(objects[index])
    return tuple(ordered)


def _mask(bit: dict[str, int], obj: Object) -> int:
    mask = 0
    for link in links(obj):
        for name in link.reference.targets:
            mask |= bit.get(name, 0)
    return mask


def _circle(reach: Sequence[int], index: int) -> int:
    """The object itself and those that it reaches and that reach it."""
    mask = 1 << index
    for other, its in enumerate(reach):
        if reach[index] >> other & 1 and its >> index & 1:
            mask |= 1 << other
    return mask
