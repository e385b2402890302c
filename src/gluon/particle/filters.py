# SPDX-License-Identifier: Apache-2.0
"""Reads what a URL says about an object: an identifier in the path, filters in the query.

Text becomes a value of the attribute's type: ``true`` and ``false``, decimal integers and numbers, words, and strings in their
canonical form. The empty text asks for null. A filter that is given several times asks for any of its values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

from gluon.errors import Fault, Invalid, Missing
from gluon.model.faults import nearest
from gluon.model.schema import Object
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, Scalar, String, Structure, Type, Uuid
from gluon.model.values import Check, checker
from gluon.particle.schemas import MAX_VALUES, filterable
from gluon.particle.wording import named, shown

#: Canonical decimal: one spelling for each integer, so that an object has one URL.
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


class Identifiers:
    """The identifiers of an object's kind, as they stand in paths."""

    def __init__(self, obj: Object) -> None:
        self._object = obj
        self._type = _scalar(obj.identifier.type)
        self._check = checker(obj.identifier.type)

    def parse(self, text: str) -> Any:
        """The canonical identifier. Raises Missing where no object can have it: a form that is not the type's."""
        faults: list[Fault] = []
        value = _value(self._type, text)
        id = None if value is None else self._check(value, "", faults)
        if id in (None, "") or faults:
            raise Missing(f"there is no {named(self._object, text)}")
        return id


class Filters:
    """The filters of an object's lists: every attribute with a scalar type that may be shown."""

    def __init__(self, obj: Object, synonyms: Mapping[str, str]) -> None:
        self._synonyms = synonyms
        self._checks: dict[str, tuple[Scalar, Check]] = {
            a.name: (_scalar(a.type), checker(a.type)) for a in obj.attributes if filterable(a)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What one can filter by."""
        return tuple(self._checks)

    def parse(self, name: str, texts: Sequence[str]) -> list[Any]:
        """The values of which ``name`` must have one. Raises Invalid where there is no such filter, and with everything that is
        wrong with the values."""
        found = self._checks.get(self._synonyms.get(name, name))
        if found is None:
            near = nearest(name, self._checks) if len(name) <= 255 else None
            hint = f": did you mean '{near}'?" if near else ""
            raise Invalid.of([Fault("", f"lists cannot be filtered by {shown(name)}{hint}")])
        if len(texts) > MAX_VALUES:
            raise Invalid.of([Fault("", f"filter {shown(name)}: has more than {MAX_VALUES} values: ask for fewer at a time")])
        faults: list[Fault] = []
        values = [_asked(*found, text, faults) if text else None for text in texts]
        if faults:
            raise Invalid.of([Fault("", f"filter {shown(name)}: {detail}") for detail in dict.fromkeys(f.detail for f in faults)])
        return values


def _scalar(type: Type) -> Scalar:
    """The type behind a reference."""
    if isinstance(type, Reference):
        return type.key
    assert not isinstance(type, List | Structure | Json)
    return type


def _asked(type: Scalar, check: Check, text: str, faults: list[Fault]) -> Any:
    """The value that a text asks for, in canonical form."""
    value = _value(type, text)
    if value is not None:
        return check(value, "", faults)
    faults.append(Fault("", f"must be {_expected(type)}"))
    return None


def _value(type: Scalar, text: str) -> Any:
    """What a text says in a type, None where it says nothing there."""
    match type:
        case Integer():
            return int(text) if _INTEGER.fullmatch(text) else None
        case Number():
            number = float(text) if _NUMBER.fullmatch(text) else math.inf
            return number if math.isfinite(number) else None
        case Boolean():
            return _BOOLEANS.get(text.lower())
        case String() | Uuid() | Enum():
            return text
        case Reference():
            return _value(type.key, text)
        case _:
            assert_never(type)


def _expected(type: Scalar) -> str:
    match type:
        case Integer():
            return "an integer"
        case Number():
            return "a number"
        case Boolean():
            return "true or false"
        case _:
            return "a value of its type"
