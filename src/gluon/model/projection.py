# SPDX-License-Identifier: Apache-2.0
"""What an older version says in terms of the newest, from whose tables it is served: names, and members of structures.

    1.0: bandwidth   1.1: speed {renamed_from: bandwidth}   1.2: rate {renamed_from: speed}   ─►   1.0: bandwidth is rate

An attribute that was renamed over several versions is followed through those that are served. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gluon.model.schema import Object, Proton
from gluon.model.types import List, Structure, Type


def renamed(older: Object, later: Sequence[Proton]) -> Mapping[str, str]:
    """From an attribute's name in ``older`` to its name in the last of the ``later`` versions (the oldest first), where the two
    differ and there is one."""
    names = {name: name for name in older.by_name}
    for proton in later:
        obj = proton.by_name.get(older.name)
        if obj is not None:
            names = {old: successor(name, obj) for old, name in names.items()}
    return {old: new for old, new in names.items() if new != old}


def successor(name: str, newer: Object) -> str:
    """What an attribute is called in a newer version; where it is not there any more, as before."""
    if name in newer.by_name:
        return name
    return next((attribute.name for attribute in newer.attributes if attribute.renamed_from == name), name)


def knows_less(older: Type, newest: Type) -> bool:
    """Whether somewhere in values of the type are members that only the newest version knows."""
    match older, newest:
        case List(), List():
            return knows_less(older.items, newest.items)
        case Structure(), Structure():
            its = {a.name: a.type for a in newest.attributes}
            known = {a.name: a.type for a in older.attributes}
            return bool(its.keys() - known.keys()) or any(knows_less(t, its[n]) for n, t in known.items() if n in its)
        case _:
            return False


def shown(older: Type, value: Any) -> Any:
    """A value as the older version knows it."""
    match older, value:
        case List(), list():
            return [shown(older.items, item) for item in value]
        case Structure(), dict():
            return {a.name: shown(a.type, value.get(a.name)) for a in older.attributes}
        case _:
            return value


def kept(older: Type, given: Any, stored: Any) -> Any:
    """What is given through the older version, with what it does not know as it is stored.

    A structure keeps its other members. A list is replaced whole: an item keeps them where it is, as the older version knows
    it, the same as one that is stored.
    """
    match older, given, stored:
        case List(), list(), list():
            left = [(shown(older.items, item), item) for item in stored]
            return [_taken(item, left) for item in given]
        case Structure(), dict(), dict():
            members = {a.name: kept(a.type, given[a.name], stored.get(a.name)) for a in older.attributes if a.name in given}
            return {**stored, **members}
        case _:
            return given


def _taken(item: Any, left: list[tuple[Any, Any]]) -> Any:
    """The first stored item that is shown as this one, which is then not left for another; else the item itself."""
    for at, (known, whole) in enumerate(left):
        if known == item:
            del left[at]
            return whole
    return item
