# SPDX-License-Identifier: Apache-2.0
"""Whether an older version of a Proton can be served from the newest one's tables.

An older version is a projection: the same objects with some of the attributes, read and written by the newest. Whatever it
accepts the newest must accept, from whomever it accepts it; what either keeps secret neither may show; and the newest must be
able to fill in what the older does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gluon.model.faults import Faults, nearest
from gluon.model.projection import renamed
from gluon.model.rules import lets_through
from gluon.model.schema import ACTIONS, UNSET, Attribute, Object, Proton
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, to order versions by: 1.10 is after 1.9, and 1 is 1.0."""
    parts = [int(part) for part in version.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def check(older: Proton, newest: Proton, faults: Faults, between: Sequence[Proton] = ()) -> None:
    """Note everything because of which ``older`` cannot be a projection of ``newest``.

    ``between``: the versions from the one to the other, the oldest first, which tell what was renamed.
    """
    for obj in older.objects:
        counterpart = newest.by_name.get(obj.name)
        if counterpart is None:
            faults.add(obj.place, f"version {newest.version} has no object '{obj.name}'", nearest(obj.name, newest.by_name))
        else:
            _Pair(obj, counterpart, renamed(obj, (*between, newest)), newest.version).check(faults)


class _Pair:
    """An object in the older version and in the newest. ``names``: what is called otherwise there."""

    def __init__(self, older: Object, newest: Object, names: Mapping[str, str], version: str) -> None:
        self._older = older
        self._newest = newest
        self._names = {name: name for name in older.by_name} | dict(names)
        self._version = version

    def check(self, faults: Faults) -> None:
        """Note what is wrong."""
        older, newest, version = self._older, self._newest, self._version
        if older.role is not newest.role:
            faults.add(older.place, f"'{older.name}' has another role in version {version}: {newest.role.value}")
        if self._names[older.identifier.name] != newest.identifier.name:
            faults.add(older.identifier.place, f"'{older.name}' is identified by '{newest.identifier.name}' in version {version}")
            return
        for attribute in older.attributes:
            its = newest.by_name.get(self._names[attribute.name])
            if its is None:
                near = nearest(attribute.name, newest.by_name)
                faults.add(attribute.place, f"version {version} of '{newest.name}' has no attribute '{attribute.name}'", near)
            else:
                for difference in self._differences(attribute, its):
                    faults.add(attribute.place, f"'{attribute.name}' {difference}")
        self._unknown(faults)
        self._stricter(faults)

    def _unknown(self, faults: Faults) -> None:
        """What the newest wants and the older version cannot give."""
        known = set(self._names.values())
        for attribute in self._newest.attributes:
            if attribute.required and not filled(attribute) and attribute.name not in known:
                text = f"'{attribute.name}' is required, and the older version at {self._older.place} cannot give it"
                faults.add(attribute.place, f"{text}: it needs a default")

    def _stricter(self, faults: Faults) -> None:
        """What the newest refuses of objects that the older version takes, and whom."""
        older, newest = self._older, self._newest
        said = {frozenset(self._names[name] for name in names) for names in older.unique}
        known = set(self._names.values())
        for names in newest.unique:
            if known.issuperset(names) and not any(mine <= set(names) for mine in said):
                text = " and ".join(f"'{name}'" for name in names)
                faults.add(older.place, f"'{older.name}': {text} are unique together in version {self._version}, and not here")
        for action in ACTIONS:
            if not lets_through(newest.policies[action], older.policies[action]):
                faults.add(older.place, f"'{older.name}': {self._rule(action, older.policies[action], newest.policies[action])}")

    def _differences(self, older: Attribute, newest: Attribute) -> Iterator[str]:
        """What the older version says of an attribute and the newest, which reads and writes it, does not hold to."""
        version = self._version
        if not accepts(newest.type, older.type):
            yield f"has another type in version {version}, or narrower bounds"
        if newest.required and not older.required:
            yield f"may be null here, and not in version {version}"
        for flag in ("readonly", "immutable", "unique"):
            if getattr(newest, flag) and not getattr(older, flag):
                yield f"is {flag} in version {version}, and not here"
        if newest.write_only and not older.write_only:
            yield f"is write_only in version {version}, and would be shown here"
        if older.write_only and not newest.write_only:
            yield f"is write_only here, and would be shown in version {version}"
        if filled(older) and self._filler(older) != filler(newest):
            yield f"has another default in version {version}, which is the one that is taken"
        if newest.on_delete != older.on_delete:
            yield f"has on_delete {newest.on_delete} in version {version}, which is what is done"
        for action in ACTIONS:
            rule = older.policies.get(action, "@")
            if action in newest.policies and not lets_through(newest.policies[action], rule):
                yield self._rule(action, rule, newest.policies[action])

    def _filler(self, older: Attribute) -> tuple[object, ...]:
        default, source, *rest = filler(older)
        return default, self._names.get(str(source), source), *rest

    def _rule(self, action: str, older: str, newest: str) -> str:
        return (
            f"the rule for {action} in version {self._version}, '{newest}', is the one that is asked, and may refuse what "
            f"'{older}' allows here"
        )


def filler(attribute: Attribute) -> tuple[object, ...]:
    """Which value is taken where none is given."""
    return attribute.default, attribute.default_from, attribute.allocate, attribute.generate


def filled(attribute: Attribute) -> bool:
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
