# SPDX-License-Identifier: Apache-2.0
"""Reads the JSON object in a request (RFC 8259), slowly, and says exactly why a body is none.

It knows no model. Of what is wrong in the values it sees only what parsing would lose, repeated names; all else is for
``gluon.model.values``.

    bytes ─► text ─► JSON, repeated names kept aside ─► dict, faults
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NoReturn

from gluon.errors import Fault, Invalid
from gluon.model.values import MAX_DEPTH, escape
from gluon.particle.wording import printable

#: No more faults than this are reported of one body.
MAX_FAULTS: Final = 100
#: Digits beyond which an integer is beyond any double too, and not worth parsing.
_MAX_DIGITS: Final = 400
#: What nests, and the names and strings of a text that is JSON; names with their colons.
_TOKENS: Final = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*+"(?:\s*+:)?').finditer
#: How much of a client's name stands in a pointer.
_MAX_NAME: Final = 256


def read(body: bytes) -> tuple[dict[str, Any], list[Fault]]:
    """The object that a body holds, and a fault for each name that it repeats.

    Raises Invalid where the body is not one JSON object.
    """
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_int=_integer)
    except UnicodeDecodeError as error:
        _refuse(f"the body is not UTF-8 (byte {error.start})")
    except json.JSONDecodeError as error:
        _refuse("the body is empty" if not body.strip() else f"the body is not JSON: {_explain(error)}")
    except RecursionError:
        pointer = _too_deep(body.decode())
        _refuse(f"{'' if pointer else 'the body '}must not nest deeper than {MAX_DEPTH} levels", pointer)
    if not isinstance(value, dict):
        _refuse(f"the body must be a JSON object, not {_kind(value)}")
    return value, list(islice(_repetitions(value), MAX_FAULTS))


def member(pointer: str, name: str) -> str:
    """The JSON pointer to a member (RFC 6901); a name that could not stand in a response is made printable and cut."""
    return f"{pointer}/{escape(printable(name)[:_MAX_NAME])}"


class _Repeated(dict[str, Any]):
    """An object some of whose names came more than once."""

    names: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; what a dict cannot hold is kept aside."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    names: dict[str, None] = {}
    for name, _ in pairs:
        if name in seen:
            names[name] = None
        seen.add(name)
    repeated = _Repeated(value)
    repeated.names = tuple(names)
    return repeated


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


#: Where a value stands in a body: the place of what holds it, and its name there. The body itself is None.
_Path = tuple["_Path | None", str] | None


def _repetitions(body: dict[str, Any]) -> Iterator[Fault]:
    """A fault for each repeated name, in the order of the text, as deep as values may be.

    A stack, and pointers only for faults: how deep and how long names are is the client's choice.
    """
    todo: list[tuple[_Path, int, Any]] = [(None, 0, body)]
    while todo:
        path, depth, value = todo.pop()
        if isinstance(value, _Repeated):
            pointer = _pointer(path)
            yield from (Fault(member(pointer, name), "given more than once") for name in value.names)
        if depth <= MAX_DEPTH:
            items = list(value.items() if isinstance(value, dict) else enumerate(value))
            todo += [((path, str(name)), depth + 1, item) for name, item in reversed(items) if isinstance(item, dict | list)]


def _pointer(path: _Path) -> str:
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(name)
    pointer = ""
    for name in reversed(names):
        pointer = member(pointer, name)
    return pointer


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case list():
            return "an array"
        case str():
            return "a string"
        case bool():
            return "a boolean"
        case _:
            return "a number"


def _explain(error: json.JSONDecodeError) -> str:
    return f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"


def _too_deep(text: str) -> str:
    """The pointer to the attribute of a body whose value nests deeper than values may, without parsing it."""
    depth, name = 0, ""
    for found in _TOKENS(text):
        token = found[0]
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
        elif depth == 1:
            name = token
        if depth > MAX_DEPTH + 1:
            break
    with contextlib.suppress(ValueError):
        return member("", json.loads(name.rstrip(": \t\r\n")))
    return ""


def _refuse(detail: str, pointer: str = "") -> NoReturn:
    raise Invalid.of([Fault(pointer, detail)]) from None
