# SPDX-License-Identifier: Apache-2.0
"""Whether an older version of a Proton can be served from the newest one's tables.

An older version is a projection: the same objects with some of the attributes, read and written by the newest. Whatever it
accepts the newest must accept, what either keeps secret neither may show, and the newest must be able to fill in what the
older does not know.
"""

from __future__ import annotations

from collections.abc import Iterator

from gluon.model.faults import Faults, nearest
from gluon.model.schema import UNSET, Attribute, Object, Proton
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, to order versions by: 1.10 is after 1.9, and 1 is 1.0."""
    parts = [int(part) for part in version.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def check(older: Proton, newest: Proton, faults: Faults) -> None:
    """Note everything because of which ``older`` cannot be a projection of ``newest``."""
    for obj in older.objects:
        counterpart = newest.by_name.get(obj.name)
        if counterpart is None:
            faults.add(obj.place, f"version {newest.version} has no object '{obj.name}'", nearest(obj.name, newest.by_name))
        else:
            _object(obj, counterpart, newest.version, faults)


def _object(older: Object, newest: Object, version: str, faults: Faults) -> None:
    if older.role is not newest.role:
        faults.add(older.place, f"'{older.name}' has another role in version {version}: {newest.role.value}")
    if older.identifier.name != newest.identifier.name:
        faults.add(older.identifier.place, f"'{older.name}' is identified by '{newest.identifier.name}' in version {version}")
        return
    for attribute in older.attributes:
        its = newest.by_name.get(attribute.name)
        if its is None:
            near = nearest(attribute.name, newest.by_name)
            faults.add(attribute.place, f"version {version} of '{newest.name}' has no attribute '{attribute.name}'", near)
        else:
            for difference in _differences(attribute, its):
                faults.add(attribute.place, f"'{attribute.name}' {difference.format(version=version)}")
    for attribute in newest.attributes:
        if attribute.required and not _filled(attribute) and attribute.name not in older.by_name:
            text = f"'{attribute.name}' is required, and the older version at {older.place} cannot give it"
            faults.add(attribute.place, f"{text}: it needs a default")


def _differences(older: Attribute, newest: Attribute) -> Iterator[str]:
    """What the older version says of an attribute and the newest, which reads and writes it, does not hold to."""
    if not accepts(newest.type, older.type):
        yield "has another type in version {version}, or narrower bounds"
    if newest.required and not older.required:
        yield "may be null here, and not in version {version}"
    for flag in ("readonly", "immutable"):
        if getattr(newest, flag) and not getattr(older, flag):
            yield f"is {flag} in version {{version}}, and not here"
    if newest.write_only and not older.write_only:
        yield "is write_only in version {version}, and would be shown here"
    if older.write_only and not newest.write_only:
        yield "is write_only here, and would be shown in version {version}"
    if _filled(older) and _filler(older) != _filler(newest):
        yield "has another default in version {version}, which is the one that is taken"


def _filler(attribute: Attribute) -> tuple[object, ...]:
    """Which value is taken where none is given."""
    return attribute.default, attribute.default_from, attribute.allocate, attribute.generate


def _filled(attribute: Attribute) -> bool:
    return attribute.default is not UNSET or bool(attribute.default_from) or attribute.allocate or attribute.generate


def accepts(newest: Type, older: Type) -> bool:  # noqa: PLR0911 - one branch for each type
    """Whether every value of the older type is one of the newest."""
    match newest, older:
        case Integer(), Integer():
            return newest.min <= older.min and older.max <= newest.max
        case Number(), Number():
            return _at_most(newest.min, older.min) and _at_most(_negative(newest.max), _negative(older.max))
        case String(), String():
            same = newest.format is older.format and newest.pattern in (None, older.pattern)
            return same and older.length <= newest.length
        case Enum(), Enum():
            return set(older.values) <= set(newest.values)
        case Reference(), Reference():
            return set(older.targets) <= set(newest.targets) and accepts(newest.key, older.key)
        case List(), List():
            fewer = newest.min_items <= older.min_items
            return (
                fewer and _at_most(_negative(newest.max_items), _negative(older.max_items)) and accepts(newest.items, older.items)
            )
        case Structure(), Structure():
            return _structure(newest, older)
        case (Boolean(), Boolean()) | (Uuid(), Uuid()) | (Json(), Json()):
            return True
        case _:
            return False


def _structure(newest: Structure, older: Structure) -> bool:
    members = {a.name: a for a in older.attributes}
    names = {a.name for a in newest.attributes}
    for attribute in newest.attributes:
        its = members.get(attribute.name)
        if its is not None and not accepts(attribute.type, its.type):
            return False
        if attribute.required and not (its and its.required):  # members are filled in by the version that is spoken to
            return False
    return members.keys() <= names


def _at_most(bound: float | None, other: float | None) -> bool:
    """Whether a lower bound lets through whatever another lower bound does; None is no bound."""
    return bound is None or (other is not None and bound <= other)


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound
