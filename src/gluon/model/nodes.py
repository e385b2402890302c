# SPDX-License-Identifier: Apache-2.0
"""The nodes of a YAML document, and what a scalar means where a text, a number or a boolean is wanted (YAML 1.2).

A scalar keeps its source text, so that ``1.10``, ``on`` and ``12:30`` are what the writer wrote wherever a text is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gluon.model.schema import Place

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf: its source text, and whether it stood there without quotes."""

    place: Place
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Seq:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a map and what it holds."""

    key: Scalar
    value: Node

    @property
    def place(self) -> Place:
        """Where the key stands."""
        return self.key.place


@dataclass(frozen=True, slots=True)
class Map:
    """Keys and values in the order of the file."""

    place: Place
    entries: Mapping[str, Entry]


Node = Scalar | Seq | Map


def is_null(node: Node) -> bool:
    """Whether this is YAML's null."""
    return isinstance(node, Scalar) and node.plain and node.text in _NULL


def as_text(node: Node) -> str | None:
    """The source text of a scalar; None for null, a list or a map."""
    return None if not isinstance(node, Scalar) or is_null(node) else node.text


def as_bool(node: Node) -> bool | None:
    """YAML 1.2's booleans, also in quotes as the classic language has them; None for all else (``on``, ``yes``, ``1``)."""
    text = as_text(node)
    return None if text is None else True if text in _TRUE else False if text in _FALSE else None


def as_int(node: Node) -> int | None:
    """A whole number, also in quotes; None for all else."""
    text = as_text(node)
    if text is None or not _INTEGER.fullmatch(text):
        return None
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


def as_number(node: Node) -> float | int | None:
    """A finite number, also in quotes; None for all else."""
    text = as_text(node)
    if text is None or not _FLOAT.fullmatch(text):
        return as_int(node)
    whole = as_int(node)
    return float(text) if whole is None else whole


def as_json(node: Node) -> Any:
    """What the node is as JSON, plain scalars resolved by the core schema of YAML 1.2."""
    match node:
        case Map():
            return {name: as_json(entry.value) for name, entry in node.entries.items()}
        case Seq():
            return [as_json(item) for item in node.items]
        case Scalar():
            if not node.plain:
                return node.text
            if node.text in _NULL:
                return None
            for found in (as_bool(node), as_number(node)):
                if found is not None:
                    return found
            return node.text
