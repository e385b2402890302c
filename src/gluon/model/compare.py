# SPDX-License-Identifier: Apache-2.0
"""What changed for clients of the API from one model of a Proton to another. Pure.

Proton, Proton ─► objects that came, went, changed ─► routes, attributes, uniqueness, rules ─► Change …

An attribute with ``renamed_from`` is the one that it was: its data stay. For clients that is breaking all the same, unless they
are served the older version too, in which it keeps its name.
"""

from __future__ import annotations

from collections.abc import Iterator

from gluon.model.changes import Change, added, changed, graded, removed, rule_changed
from gluon.model.faults import Faults, ModelFault
from gluon.model.projection import successor
from gluon.model.schema import ACTIONS, Object, Proton
from gluon.model.versions import check, numbers


def compare(old: Proton, new: Proton) -> list[Change]:
    """Every change, in the order of the new model; what was removed comes last."""
    found: list[Change] = []
    for obj in new.objects:
        before = old.by_name.get(obj.name)
        found += _object(before, obj) if before else [Change("additive", obj.name, "is new", obj.place)]
    gone = [obj for obj in old.objects if obj.name not in new.by_name]
    return [*found, *(Change("breaking", obj.name, "is removed", obj.place) for obj in gone)]


def same_version(old: Proton, new: Proton) -> bool:
    """Whether a client that asks for the old version would be given the new model."""
    return numbers(new.version) <= numbers(old.version)


def not_together(old: Proton, new: Proton) -> tuple[ModelFault, ...]:
    """Why the old version cannot be served beside the new one, from the same tables."""
    faults = Faults()
    check(old, new, faults)
    return tuple(faults.found)


def _object(old: Object, new: Object) -> Iterator[Change]:
    for text in _nouns(old, new):
        yield Change("breaking", new.name, text, new.place)
    yield from _nested(old, new)
    names = {name: successor(name, new) for name in old.by_name}
    came_from = {its: name for name, its in names.items()}
    for attribute in new.attributes:
        name = came_from.get(attribute.name)
        if name is None:
            yield added(f"{new.name}.{attribute.name}", attribute)
        else:
            yield from changed(f"{new.name}.{name}", old.by_name[name], attribute)
    for name, its in names.items():
        if its not in new.by_name:
            yield removed(f"{new.name}.{name}", old.by_name[name])
    yield from _unique(old, new, names)
    for action in ACTIONS:
        for kind, text in rule_changed(action, old.policies[action], new.policies[action]):
            yield Change(kind, new.name, text, new.place)


def _nouns(old: Object, new: Object) -> Iterator[str]:
    """What the object is, and is called."""
    if new.role is not old.role:
        yield f"was a {old.role.value}, is a {new.role.value}"
    if new.api.plural_name != old.api.plural_name:
        yield f"was at /{old.api.plural_name}, is at /{new.api.plural_name}"
    if new.api.name != old.api.name:
        yield f"was called '{old.api.name}' in commands, is called '{new.api.name}'"
    if successor(old.identifier.name, new) != new.identifier.name:
        yield f"was identified by '{old.identifier.name}', is identified by '{new.identifier.name}'"


def _nested(old: Object, new: Object) -> Iterator[Change]:
    """The routes below a parent."""
    key = old.api.parent_key and successor(old.api.parent_key, new)
    if (old.api.parent, key) == (new.api.parent, new.api.parent_key):
        return
    if old.api.parent:
        yield Change("breaking", new.name, f"is no longer below {old.api.parent} by '{old.api.parent_key}'", new.place)
    if new.api.parent:
        yield Change("additive", new.name, f"is also below {new.api.parent}, by '{new.api.parent_key}'", new.place)


def _unique(old: Object, new: Object, names: dict[str, str]) -> Iterator[Change]:
    """What no two objects may have in common."""
    before = {frozenset(names[name] for name in together) for together in old.unique}
    after = {frozenset(together) for together in new.unique}
    for together in sorted(map(sorted, before ^ after)):
        came = frozenset(together) in after
        text = "must be unique together now" if came else "need not be unique together any more"
        yield Change(graded(came), new.name, f"{' and '.join(together)} {text}", new.place)
