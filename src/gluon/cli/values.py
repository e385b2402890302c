# SPDX-License-Identifier: Apache-2.0
"""Text of a command line as JSON values, and values described in a few words.

    "5" integer ─► 5      "a,b" list ─► ["a", "b"]      "true" boolean ─► True      '{"a": 1}' object ─► {"a": 1}

Only what the text can mean is decided here; whether a value is right is for the server to say.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from gluon.cli.nouns import Option, Value

_INTEGER = re.compile(r"[+-]?[0-9]+")
_INTEGER_DIGITS = 40  # far beyond int64; what is longer is no number that anyone means
_QUOTED = 60  # characters
_BOOLEANS = {"true": True, "false": False}


class NotThat(ValueError):
    """The text means no value of the type; says what was expected."""


def parse(value: Value, text: str) -> Any:
    """What ``text`` means as a value."""
    match value.type:
        case "integer":
            if not _INTEGER.fullmatch(text):
                raise NotThat(f"{_quoted(text)} is not an integer")
            if len(text) > _INTEGER_DIGITS:
                raise NotThat(f"{_quoted(text)} is too large a number")
            return int(text)
        case "number":
            return _number(text)
        case "boolean":
            if text.lower() not in _BOOLEANS:
                raise NotThat(f"{_quoted(text)} is neither true nor false")
            return _BOOLEANS[text.lower()]
        case "list":
            return _list(value, text)
        case "object":
            return _json(text, dict, 'a JSON object such as {"key": "value"}')
        case _:
            return _string(value, text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise NotThat(f"{_quoted(text)} is not a number")
    return number


def _string(value: Value, text: str) -> str:
    if value.choices and text not in value.choices:
        raise NotThat(f"{_quoted(text)} is none of {', '.join(value.choices)}")
    return text


def _list(value: Value, text: str) -> Any:
    """``a,b``, or a JSON array: the only way for objects, and for texts that hold a comma."""
    items = value.items or Value("string")
    if text.lstrip().startswith("[") or is_json(value):
        return _json(text, list, f"a JSON array of {described(items)}")
    return [parse(items, part.strip()) for part in text.split(",")] if text.strip() else []


def _json(text: str, kind: type, expected: str) -> Any:
    try:
        found = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object)
    except RecursionError:
        raise NotThat(f"expected {expected}: this is nested too deeply") from None
    except ValueError as error:
        raise NotThat(f"expected {expected}: {error}") from None
    if not isinstance(found, kind):
        raise NotThat(f"expected {expected}")
    return found


def _refuse(constant: str) -> Any:
    raise NotThat(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotThat(f"{_quoted(text)} is too large a number")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each name once: of two values one would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name in found if sum(name == other for other, _ in pairs) > 1)
        raise NotThat(f"{_quoted(twice)} is given twice")
    return found


def _quoted(text: str) -> str:
    """A text within a message: its beginning tells which one it is."""
    return repr(text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…")


def is_json(value: Value) -> bool:
    """Whether only JSON can say such a value."""
    return value.type == "object" or (value.type == "list" and value.items is not None and value.items.type in ("list", "object"))


def described(value: Value) -> str:
    """A type in a few words: ``integer 1 to 16777215``, ``list of ipv4``, ``id of a vpn``."""
    if value.type == "list":
        return f"list of {described(value.items)}" if value.items else "list"
    if value.references:
        return f"id of {' or '.join(map(_with_article, value.references))}"
    if value.choices:
        return " | ".join(value.choices)
    if value.attributes:
        return f"object with {', '.join(value.attributes)}"
    words = value.format or value.type
    if value.length is not None:
        words += f" of at most {value.length} characters"
    return words + _range(value.low, value.high)


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" {low} to {high}"
    if low is not None:
        return f" from {low}"
    return f" up to {high}" if high is not None else ""


def placeholder(value: Value) -> str:
    """The word that stands for a value in a usage line."""
    if is_json(value):
        return "JSON"
    if value.type == "list" and value.items is not None:
        return f"{placeholder(value.items)},…"
    if value.references:
        return "ID"
    if value.choices:
        return "CHOICE"
    return (value.format or value.type).upper().replace("-", "_")


def remarks(option: Option, *, at_creation: bool) -> str:
    """What the help says of an option: what it is for, its type, and what is filled in at creation where it is not given."""
    said = described(option.value) + ("; or @FILE" if is_json(option.value) else "")
    if not at_creation:
        return f"{option.help} ({said})" if option.help else said
    if option.default is not None:
        shown = option.default if isinstance(option.default, str) else json.dumps(option.default, ensure_ascii=False)
        said += f"; default: {shown}"
    elif option.filled:
        said += f"; default: {option.filled}"
    if option.secret:
        said += "; never shown again; - asks for it"
    return f"{option.help} ({said})" if option.help else said
