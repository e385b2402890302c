# SPDX-License-Identifier: Apache-2.0
"""Reads a JSON object from a request, slowly, and says everything that is wrong with it as JSON (RFC 8259).

It knows no model. What it refuses would be lost or change on the way through databases, etcd and clients in other languages:
repeated names, NUL, lone surrogates, integers beyond 64 bits, NaN and infinities, nesting without end.

    bytes ─► text ─► json with repeated names marked ─► sweep ─► dict + faults
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from gluon.errors import Fault, Invalid
from gluon.model.types import INT64

#: Nesting beyond this is refused; nothing that comes after parsing needs to fear the depth of a value.
MAX_DEPTH: Final = 100
#: No more faults than this are reported of one body.
MAX_FAULTS: Final = 100
_SHOWN: Final = 64


def shown(name: str) -> str:
    """A client's own text as it may stand in a message: quoted, not too long, free of what JSON cannot carry."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def member(pointer: str, name: str) -> str:
    """The JSON pointer to a member (RFC 6901, section 3); names that could not stand in a response are shortened."""
    text = name.encode("utf-8", "backslashreplace").decode()[: 4 * _SHOWN]
    return f"{pointer}/{text.replace('~', '~0').replace('/', '~1')}"


def storable(text: str) -> bool:
    """Whether a text can be kept by every database and written as JSON."""
    return not any(_text(text))


def read(body: bytes) -> tuple[dict[str, Any], list[Fault]]:
    """The object that a body holds, with the faults of its parts; a part with a fault may have any value.

    Raises Invalid where the body is not one JSON object.
    """
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_int=_integer)
    except UnicodeDecodeError as error:
        _refuse(f"the body is not UTF-8 (byte {error.start})")
    except json.JSONDecodeError as error:
        _refuse("the body is empty" if not body.strip() else f"the body is not JSON: {_explain(error)}")
    except RecursionError:
        _refuse(f"the body is nested more than {MAX_DEPTH} deep")
    if not isinstance(value, dict):
        _refuse(f"the body must be a JSON object, not {_kind(value)}")
    faults = []
    for fault in _sweep(value):
        faults.append(fault)
        if len(faults) == MAX_FAULTS:
            break
    return value, faults


class _Repeated(dict[str, Any]):
    """An object some of whose names came more than once."""

    names: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a repeated name would be lost here, so it is kept aside."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    repeated = _Repeated(value)
    repeated.names = tuple(dict.fromkeys(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    return repeated


def _integer(digits: str) -> int:
    """An integer; one that is too long to be worth parsing becomes one that is out of range."""
    return int(digits) if len(digits) <= 20 else 10**20


def _sweep(body: dict[str, Any]) -> Iterator[Fault]:
    """Every fault of a parsed body, in the order of its text. A stack instead of recursion: the depth is the client's."""
    todo: list[tuple[str, Any, int]] = [("", body, 1)]
    while todo:
        pointer, value, depth = todo.pop()
        if isinstance(value, dict | list) and depth > MAX_DEPTH:
            yield Fault(pointer, f"nested more than {MAX_DEPTH} deep")
        elif isinstance(value, dict):
            if isinstance(value, _Repeated):
                yield from (Fault(member(pointer, name), "given more than once") for name in value.names)
            for name in value:
                yield from (Fault(pointer, f"the name {shown(name)} {why}") for why in _text(name))
            todo += [(member(pointer, name), item, depth + 1) for name, item in reversed(value.items())]
        elif isinstance(value, list):
            todo += [(f"{pointer}/{i}", item, depth + 1) for i, item in reversed(list(enumerate(value)))]
        else:
            yield from (Fault(pointer, why) for why in _scalar(value))


def _scalar(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield from _text(value)
        case bool():
            return
        case int() if not INT64[0] <= value <= INT64[1]:
            yield "an integer beyond 64 bits"
        case float() if not math.isfinite(value):
            yield "not a number that JSON can carry"


def _text(value: str) -> Iterator[str]:
    if "\0" in value:
        yield "must not contain NUL"
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        yield "has half of a surrogate pair"


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


def _refuse(detail: str) -> NoReturn:
    raise Invalid.of([Fault("", detail)]) from None
