# SPDX-License-Identifier: Apache-2.0
"""JSON values as YAML 1.2 (and 1.1): block style, and quotes around every text that any reader could take for something else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

#: Texts that need no quotes: begin with a letter, hold nothing that YAML gives a meaning to …
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
#: … and are no word of YAML 1.1 or 1.2 that stands for a boolean or null.
_WORDS: Final = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
#: A number that YAML 1.1 takes for a text, as it has an exponent and no point.
_EXPONENT: Final = re.compile(r"^(-?[0-9]+)(e)")


def lines(value: Any, indent: str = "") -> Iterator[str]:
    """The lines of a document, without line ends."""
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from _entry(f"{indent}{_scalar(key)}:", inner, indent + "  ")
        case list() if value:
            for inner in value:
                yield from _item(inner, indent)
        case _:
            yield indent + _scalar(value)


def _entry(head: str, inner: Any, indent: str) -> Iterator[str]:
    if isinstance(inner, dict | list) and inner:
        yield head
        yield from lines(inner, indent)
    else:
        yield f"{head} {_scalar(inner)}"


def _item(inner: Any, indent: str) -> Iterator[str]:
    """A dash, with the first line of what it holds beside it."""
    first, *rest = lines(inner, indent + "  ")
    yield f"{indent}- {first[len(indent) + 2 :]}"
    yield from rest


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return _EXPONENT.sub(r"\1.0\2", json.dumps(value))
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    r"""A character between double quotes: as it is, or as ``\xNN``, ``\uNNNN``, ``\UNNNNNNNN`` (YAML 1.2.2 section 5.7)."""
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
