# SPDX-License-Identifier: Apache-2.0
"""Types in words, for pages and messages."""

from __future__ import annotations

from typing import assert_never

from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid


def type_text(type: Type) -> str:  # noqa: PLR0911 - one return for each type
    """A type in words: ``integer 1 to 16777215``, ``list of string (cidr)``."""
    match type:
        case Integer():
            return f"integer {type.min} to {type.max}"
        case Number():
            named = (("at least", type.min), ("at most", type.max))
            return " ".join(["number", *(f"{words} {bound:g}" for words, bound in named if bound is not None)])
        case String():
            form = type.format.value if type.format else f"up to {type.length}"
            return f"string ({form})" + (f" matching {type.pattern}" if type.pattern else "")
        case Boolean():
            return "boolean"
        case Uuid():
            return "uuid"
        case Enum():
            return "one of " + ", ".join(type.values)
        case Reference():
            return "reference to " + " or ".join(type.targets)
        case List():
            return f"list of {type_text(type.items)}{_count(type)}"
        case Structure():
            return "object with " + "; ".join(f"{a.name}: {type_text(a.type)}" for a in type.attributes)
        case Json():
            return "object"
        case _:
            assert_never(type)


def _count(type: List) -> str:
    """How many items a list may have, where that is said."""
    bounds = (("at least", type.min_items or None), ("at most", type.max_items))
    said = " and ".join(f"{words} {bound}" for words, bound in bounds if bound is not None)
    return f", {said}" if said else ""
