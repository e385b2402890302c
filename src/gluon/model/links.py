# SPDX-License-Identifier: Apache-2.0
"""Where in an object's attributes references stand: as an attribute, in a list, in a structure, in a list of structures.

Whoever keeps references whole (tables, verbs) walks these places and never the types themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gluon.model.schema import Attribute, Object, OnDelete
from gluon.model.types import List, Reference, Structure, Type


@dataclass(frozen=True, slots=True)
class Link:
    """One place in an object's attributes that holds references.

    ``path`` leads from the value of ``attribute`` through structures to the reference; lists on the way are not named.
    ``many`` is False where the attribute is itself the reference. ``on_delete`` is said by the innermost attribute.
    """

    attribute: Attribute
    path: tuple[str, ...]
    reference: Reference
    on_delete: OnDelete
    many: bool

    def held(self, value: Any) -> list[tuple[str, Any]]:
        """The references in a value of the attribute, each with its JSON pointer below the attribute (``/0/function_id``)."""
        return list(_walk(value, self.path, ""))

    def without(self, value: Any, target: Any) -> Any:
        """The value of the attribute where ``target`` is no longer referred to: left out of a list, null elsewhere."""
        return _without(value, self.path, target)


def links(obj: Object) -> tuple[Link, ...]:
    """All places of an object that hold references, in the order of its attributes."""
    return tuple(link for a in obj.attributes for link in _links(a, a.type, (), a, False))


def _links(attribute: Attribute, type: Type, path: tuple[str, ...], inner: Attribute, many: bool) -> Iterator[Link]:
    match type:
        case Reference():
            yield Link(attribute, path, type, inner.on_delete, many)
        case List():
            yield from _links(attribute, type.items, path, inner, True)
        case Structure():
            for member in type.attributes:
                yield from _links(attribute, member.type, (*path, member.name), member, True)
        case _:
            return


def _walk(value: Any, path: tuple[str, ...], at: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, path, f"{at}/{index}")
    elif path:
        yield from _walk(value.get(path[0]), path[1:], f"{at}/{path[0]}")
    else:
        yield at, value


def _without(value: Any, path: tuple[str, ...], target: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        left = [_without(item, path, target) for item in value]
        return left if path else [item for item in left if item is not None]
    if path:
        return {**value, path[0]: _without(value.get(path[0]), path[1:], target)}
    return None if value == target else value
