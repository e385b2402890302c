# SPDX-License-Identifier: Apache-2.0
"""What changed for clients of the API from one attribute to the attribute in its place. Pure.

*Breaking*: a request that was right may be refused or mean something else, or an answer lacks what it had. *Additive*: all else.
Values that the server alone sets (readonly) are only ever answers: there it breaks nothing to be narrower.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gluon.model.rules import lets_through
from gluon.model.schema import ACTIONS, UNSET, Attribute, Place
from gluon.model.types import List, Structure, Type
from gluon.model.versions import accepts, filled, filler
from gluon.model.wording import type_text

Kind = Literal["additive", "breaking"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change: of what (``Line.speed``), how, and where it is said (in the new model; what was removed in the old one)."""

    kind: Kind
    subject: str
    text: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.subject} {self.text}"


def graded(breaking: bool) -> Kind:
    """The word for it."""
    return "breaking" if breaking else "additive"


def added(subject: str, attribute: Attribute) -> Change:
    """An attribute that was not there."""
    wanted = attribute.required and not filled(attribute) and not attribute.readonly
    text = "is new, and required without a default" if wanted else f"is new: {type_text(attribute.type)}"
    return Change(graded(wanted), subject, text, attribute.place)


def removed(subject: str, attribute: Attribute) -> Change:
    """An attribute that is not there any more."""
    return Change("breaking", subject, "is removed", attribute.place)


def changed(subject: str, old: Attribute, new: Attribute) -> Iterator[Change]:
    """Everything by which ``new`` is another than ``old``. ``subject`` is its name as it was."""
    if new.name != old.name:
        yield Change("breaking", subject, f"is called '{new.name}' now", new.place)
    for kind, text in _said(old, new):
        yield Change(kind, subject, text, new.place)
    yield from _type(subject, old, new)


def _said(old: Attribute, new: Attribute) -> Iterator[tuple[Kind, str]]:
    """What changed of all but the type."""
    if new.required != old.required:
        yield graded(new.required), "may not be null any more" if new.required else "may be null now"
    for flag in ("unique", "immutable", "readonly"):
        if getattr(new, flag) != getattr(old, flag):
            yield graded(getattr(new, flag)), f"is {flag} now" if getattr(new, flag) else f"is not {flag} any more"
    if new.write_only != old.write_only:  # breaking both ways: who gives a secret relies on its staying one
        yield "breaking", "is write_only now: it is not shown" if new.write_only else "is not write_only any more: it is shown"
    if filler(new) != filler(old):
        yield graded(filled(old)), f"where none is given, was {_default(old)}, is {_default(new)}"
    if new.on_delete != old.on_delete:
        yield "breaking", f"had on_delete {old.on_delete}, has {new.on_delete}"
    for action in ACTIONS:
        yield from rule_changed(f"to give or see it: {action}", old.policies.get(action, "@"), new.policies.get(action, "@"))


def rule_changed(of: str, old: str, new: str) -> Iterator[tuple[Kind, str]]:
    """What changed of an access rule; nothing where both surely allow the same."""
    if old != new and not (lets_through(new, old) and lets_through(old, new)):
        yield graded(not lets_through(new, old)), f"has another rule ({of}): was '{old}', is '{new}'"


def _default(attribute: Attribute) -> str:
    """What the value is where none is given."""
    if attribute.allocate:
        return "a free value"
    if attribute.generate:
        return "a generated one"
    if attribute.default_from:
        return f"that of '{attribute.default_from}'"
    return "null" if attribute.default is UNSET else json.dumps(attribute.default, ensure_ascii=False)


def _type(subject: str, old: Attribute, new: Attribute) -> Iterator[Change]:
    """What changed of the type; of a structure, and of a list of them, each member for itself."""
    before, after = old.type, new.type
    if isinstance(before, List) and isinstance(after, List) and _structured(before) and _structured(after):
        if (before.min_items, before.max_items, before.unique) != (after.min_items, after.max_items, after.unique):
            yield _retyped(subject, old, new)
        before, after = before.items, after.items
    if isinstance(before, Structure) and isinstance(after, Structure):
        members = {a.name: a for a in after.attributes}
        for member in before.attributes:
            its = members.pop(member.name, None)
            name = f"{subject}.{member.name}"
            yield from changed(name, member, its) if its else [removed(name, member)]
        yield from (added(f"{subject}.{member.name}", member) for member in members.values())
    elif not _alike(before, after):
        yield _retyped(subject, old, new)


def _alike(before: Type, after: Type) -> bool:
    """Whether they are the same but for where they are written."""
    return before == after or (accepts(after, before) and accepts(before, after) and type_text(before) == type_text(after))


def _structured(type: List) -> bool:
    return isinstance(type.items, Structure)


def _retyped(subject: str, old: Attribute, new: Attribute) -> Change:
    before, after = _outer(old.type), _outer(new.type)
    harmless = accepts(after, before) or (new.readonly and old.readonly and accepts(before, after))
    return Change(graded(not harmless), subject, f"was {type_text(before)}, is {type_text(after)}", new.place)


def _outer(type: Type) -> Type:
    """A list of structures without what is in them, which is compared by itself."""
    if isinstance(type, List) and _structured(type):
        return List(Structure(()), type.min_items, type.max_items, type.unique)
    return type
