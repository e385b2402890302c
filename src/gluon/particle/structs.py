# SPDX-License-Identifier: Apache-2.0
"""msgspec types made from the types of a model.

They hold what msgspec can check while it parses: JSON types, lengths, bounds, words, names. The rest (formats, patterns,
structures, free JSON) is ``gluon.model.values``'s, and ``parsed_completely`` says for which types there is such a rest.
The fields are called f0, f1, …; an attribute's own name stands in the JSON only, so that it may be any word at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, assert_never

import msgspec

from gluon.model.schema import Attribute
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid


def wire_type(type: Type) -> Any:  # noqa: PLR0911 - one return for each type
    """The annotation of the JSON values of a type; it accepts at least all that the type does, but for other spellings."""
    match type:
        case Integer():
            return Annotated[int, msgspec.Meta(ge=type.min, le=type.max)]
        case Number():
            return int | float
        case String():
            return Annotated[str, msgspec.Meta(max_length=type.length)]
        case Boolean():
            return bool
        case Uuid():
            return str
        case Enum():
            return Literal[type.values]
        case Reference():
            return wire_type(type.key)
        case List():
            return Annotated[list[wire_type(type.items)], msgspec.Meta(min_length=type.min_items, max_length=type.max_items)]  # type: ignore[misc]
        case Structure() | Json():
            return dict[str, Any]
        case _:
            assert_never(type)


def parsed_completely(type: Type) -> bool:
    """Whether what the wire type accepts is valid and canonical as it is."""
    match type:
        case Integer() | Boolean() | Enum():
            return True
        case String():
            return type.pattern is None and type.format is None
        case Reference():
            return parsed_completely(type.key)
        case Number() | Uuid() | List() | Structure() | Json():
            return False
        case _:
            assert_never(type)


def input_struct(attributes: Sequence[Attribute], nullable: Iterable[str]) -> type[msgspec.Struct]:
    """What a body may say: any of the attributes, null for the ``nullable`` ones, and nothing else."""
    null = frozenset(nullable)
    fields = [
        (f"f{i}", (wire_type(a.type) | None if a.name in null else wire_type(a.type)) | msgspec.UnsetType, msgspec.UNSET)
        for i, a in enumerate(attributes)
    ]
    names = {f"f{i}": a.name for i, a in enumerate(attributes)}
    return msgspec.defstruct("Body", fields, rename=names, kw_only=True, forbid_unknown_fields=True, gc=False)


def output_struct(names: Sequence[str]) -> type[msgspec.Struct]:
    """A JSON object with these members in this order, built from their values by position."""
    fields = [(f"f{i}", Any) for i in range(len(names))]
    return msgspec.defstruct("Output", fields, rename={f"f{i}": n for i, n in enumerate(names)}, gc=False)
