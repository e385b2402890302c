# SPDX-License-Identifier: Apache-2.0
"""What a value of each type must be: one check for defaults in models and for what clients send.

    check = checker(attribute.type)
    value = check(given, "/mac_address", faults)      canonical value; appends a Fault for all that is wrong

A check never raises and never stops at the first fault; where it noted one, what it returns means nothing. It is handed
JSON values (str, int, float, bool, None, list, dict). Null is for the caller to allow; inside lists it is refused, and
inside structures a member that is not required may be null.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, assert_never

from gluon.errors import Fault
from gluon.model import formats, patterns
from gluon.model.faults import nearest
from gluon.model.schema import UNSET
from gluon.model.types import (
    INT64,
    Boolean,
    Enum,
    Integer,
    Json,
    List,
    Number,
    Reference,
    String,
    Structure,
    Type,
    Uuid,
)

Check = Callable[[Any, str, list[Fault]], Any]

#: How deep a free JSON object may nest.
MAX_DEPTH: Final = 64
#: What no text may hold: NUL (PostgreSQL stores none) and lone surrogates (not Unicode).
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]").search
#: How many faults of one value are worth noting, and how many of them a suggestion: the client chose what they cost.
_MAX_FAULTS: Final = 100
_SUGGESTIONS: Final = 10
#: How much of a client's name stands in a pointer.
_MAX_NAME: Final = 255


def checker(type: Type) -> Check:  # noqa: PLR0911 - one branch for each type
    """The check for a type."""
    match type:
        case Integer():
            return _integer(type)
        case Number():
            return _number(type)
        case String():
            return _string(type)
        case Boolean():
            return _boolean
        case Uuid():
            return _uuid
        case Enum():
            return _enum(type)
        case Reference():
            return checker(type.key)
        case List():
            return _list(type)
        case Structure():
            return _structure(type)
        case Json():
            return _json
        case _:
            assert_never(type)


def escape(name: str) -> str:
    """A name as one segment of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _text(value: Any, pointer: str, faults: list[Fault]) -> bool:
    if not isinstance(value, str):
        faults.append(Fault(pointer, "must be a string"))
        return False
    if _UNFIT(value):
        faults.append(Fault(pointer, _why_unfit(value)))
        return False
    return True


def _why_unfit(text: str) -> str:
    return "must not hold NUL" if "\0" in text else "must be Unicode text without lone surrogates"


def _string(type: String) -> Check:
    length = type.length
    canonical = formats.canonical(type.format) if type.format else None
    search = patterns.compiled(type.pattern).search if type.pattern is not None else None

    def check(value: Any, pointer: str, faults: list[Fault]) -> Any:
        if not _text(value, pointer, faults):
            return value
        if canonical:
            try:
                value = canonical(value)
            except ValueError as error:
                faults.append(Fault(pointer, f"must be {error}"))
                return value
        if len(value) > length:
            faults.append(Fault(pointer, f"must be at most {length} characters long"))
        elif search and not search(value):
            faults.append(Fault(pointer, f"must match the pattern {type.pattern}"))
        return value

    return check


def _uuid(value: Any, pointer: str, faults: list[Fault]) -> Any:
    if not isinstance(value, str):
        faults.append(Fault(pointer, "must be a UUID"))
        return value
    try:
        return formats.uuid(value)
    except ValueError as error:
        faults.append(Fault(pointer, f"must be {error}"))
        return value


def _enum(type: Enum) -> Check:
    values = frozenset(type.values)
    expected = f"must be one of {', '.join(type.values)}"

    def check(value: Any, pointer: str, faults: list[Fault]) -> Any:
        if not (isinstance(value, str) and value in values):
            near = nearest(value, type.values) if isinstance(value, str) and len(faults) < _SUGGESTIONS else None
            faults.append(Fault(pointer, f"{expected}: did you mean '{near}'?" if near else expected))
        return value

    return check


def _boolean(value: Any, pointer: str, faults: list[Fault]) -> Any:
    if value is not True and value is not False:
        faults.append(Fault(pointer, "must be true or false"))
    return value


def _integer(type: Integer) -> Check:
    least, most = type.min, type.max

    def check(value: Any, pointer: str, faults: list[Fault]) -> Any:
        # 1.0 is refused: clients would get 1 back, and no client that means a whole number writes it so.
        if isinstance(value, bool) or not isinstance(value, int):
            faults.append(Fault(pointer, "must be a whole number"))
        elif not least <= value <= most:
            faults.append(Fault(pointer, f"must be between {least} and {most}"))
        return value

    return check


def _number(type: Number) -> Check:
    least, most = type.min, type.max

    def check(value: Any, pointer: str, faults: list[Fault]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            faults.append(Fault(pointer, "must be a number"))
            return value
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            faults.append(Fault(pointer, "must be a finite number"))
        elif least is not None and number < least:
            faults.append(Fault(pointer, f"must be at least {least}"))
        elif most is not None and number > most:
            faults.append(Fault(pointer, f"must be at most {most}"))
        return number

    return check


def _list(type: List) -> Check:
    each, least, most = checker(type.items), type.min_items, type.max_items

    def check(value: Any, pointer: str, faults: list[Fault]) -> Any:
        if not isinstance(value, list):
            faults.append(Fault(pointer, "must be a list"))
            return value
        if len(value) < least:
            faults.append(Fault(pointer, f"must have at least {least} items"))
        if most is not None and len(value) > most:
            faults.append(Fault(pointer, f"must have at most {most} items"))
            return value
        return [each(item, f"{pointer}/{index}", faults) for index, item in enumerate(value)]

    return check


def _structure(type: Structure) -> Check:
    members = [(a, checker(a.type)) for a in type.attributes]
    names = [a.name for a in type.attributes]

    def check(value: Any, pointer: str, faults: list[Fault]) -> Any:
        if not isinstance(value, dict):
            faults.append(Fault(pointer, "must be an object"))
            return value
        for name in value.keys() - set(names):
            near = nearest(name, names) if len(faults) < _SUGGESTIONS else None
            text = f"unknown attribute: did you mean '{near}'?" if near else "unknown attribute"
            faults.append(Fault(f"{pointer}/{escape(name[:_MAX_NAME])}", text))
        result = {}
        for attribute, each in members:
            name, default = attribute.name, attribute.default
            given = value.get(name, None if default is UNSET else default)
            if given is not None:
                result[name] = each(given, f"{pointer}/{name}", faults)
                continue
            result[name] = None
            if attribute.required:
                faults.append(Fault(f"{pointer}/{name}", "must not be null" if name in value else "must be given"))
        return result

    return check


def _json(value: Any, pointer: str, faults: list[Fault]) -> Any:
    if not isinstance(value, dict):
        faults.append(Fault(pointer, "must be an object"))
        return value
    for path, detail in islice(_json_faults(value, (), 1), _MAX_FAULTS):
        faults.append(Fault("/".join([pointer, *(escape(name[:_MAX_NAME]) for name in path)]), detail))
    return value


def _json_faults(value: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where free JSON holds what cannot be stored, and why. A path becomes a pointer only where something is wrong."""
    if depth > MAX_DEPTH:
        yield path, f"must not nest deeper than {MAX_DEPTH} levels"
    elif isinstance(value, dict):
        for name, item in value.items():
            if _UNFIT(name):
                yield path, _why_unfit(name)
            else:
                yield from _json_faults(item, (*path, name), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _json_faults(item, (*path, str(index)), depth + 1)
    elif isinstance(value, str):
        if _UNFIT(value):
            yield path, _why_unfit(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, "must be a finite number"
    elif isinstance(value, int) and not isinstance(value, bool) and not INT64[0] <= value <= INT64[1]:
        yield path, f"must be between {INT64[0]} and {INT64[1]}"
