# SPDX-License-Identifier: Apache-2.0
"""YAML 1.2 text becomes a tree of nodes that know where they stand: the only door to ruamel.yaml.

    text ─► events (ruamel) ─► Scalar · Map · Seq (gluon.model.nodes), each with file, line and column

No Python objects are built from tags, aliases share their node, and everything is bounded, so that a hostile file costs no
more than a large one. Nothing here knows what a model is, and nothing here raises but ``ModelError``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from gluon.model.faults import Faults
from gluon.model.nodes import Entry, Map, Node, Scalar, Seq, is_null
from gluon.model.schema import Place

#: Bounds on one file: its size in bytes, how deep it nests, and how many nodes it has once aliases are written out.
MAX_BYTES: Final = 2**20
MAX_DEPTH: Final = 32
MAX_NODES: Final = 200_000

#: What no text may hold: NUL and lone surrogates, which YAML lets in through escapes.
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]").search


def read(path: Path, faults: Faults | None = None) -> Node:
    """The tree of a file, as ``parse`` has it. Raises ``ModelError``, also where the file cannot be read."""
    start = Place(str(path), 1, 1)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Faults().add(start, f"cannot be read: {error.strerror or error}").error() from error
    return parse(data, str(path), faults)


def parse(data: bytes | str, file: str, into: Faults | None = None) -> Node:
    """The tree of one YAML document. Raises ``ModelError`` where there is none.

    Duplicate keys, tags and merge keys are faults that do not stop: they are noted ``into`` what the caller collects, or else
    raised in the end.
    """
    start = Place(file, 1, 1)
    faults = Faults() if into is None else into
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise faults.add(start, f"the file is larger than {MAX_BYTES} bytes").error()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start)
        raise faults.add(Place(file, line, column), "not UTF-8 text").error() from error
    builder = _Builder(file, faults)
    try:
        node = builder.document(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else start
        raise faults.add(place, f"not YAML: {_problem(error)}").error() from error
    except (YAMLError, ValueError, OverflowError) as error:
        raise faults.add(builder.place, f"not YAML: {_first_line(error)}").error() from error
    if into is None:
        faults.raise_any()
    return node


def _problem(error: MarkedYAMLError) -> str:
    return ", ".join(part for part in (error.context, error.problem) if part) or _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@dataclass(slots=True)
class _Builder:
    """Builds the tree from events, counting depth and nodes as it goes."""

    file: str
    faults: Faults
    place: Place = field(init=False)
    anchors: dict[str, tuple[Node, int, int]] = field(default_factory=dict)
    nodes: int = 0

    def __post_init__(self) -> None:
        self.place = Place(self.file, 1, 1)

    def document(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self._see(event)
                if root is not None:
                    raise self.faults.add(self.place, "a second document: a model is one").error()
                root, _ = self._node(next(events), events, 1)
        if root is None or is_null(root):
            raise self.faults.add(self.place, "the file is empty").error()
        return root

    def _see(self, event: Any) -> Place:
        mark = event.start_mark
        self.place = Place(self.file, mark.line + 1, mark.column + 1)
        return self.place

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> tuple[Node, int]:
        """The node that begins with ``event``, and how deep it nests."""
        place, before = self._see(event), self.nodes
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor, place, depth)
        self._count(1, depth)
        if event.tag is not None:
            self.faults.add(place, f"the tag '{event.tag}': tags have no meaning in a model")
        node: Node
        if isinstance(event, ScalarEvent):
            node, height = Scalar(place, event.value, event.style is None), 1
            if _UNFIT(event.value):
                self.faults.add(place, "a text that holds NUL or a lone surrogate")
        elif isinstance(event, SequenceStartEvent):
            node, height = self._seq(place, events, depth)
        else:
            node, height = self._map(place, events, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node, height, self.nodes - before
        return node, height

    def _alias(self, anchor: str, place: Place, depth: int) -> tuple[Node, int]:
        if anchor not in self.anchors:
            raise self.faults.add(place, f"the alias '*{anchor}' has no anchor before it").error()
        node, height, nodes = self.anchors[anchor]
        self._count(nodes, depth + height - 1)
        return node, height

    def _count(self, nodes: int, depth: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.faults.add(self.place, f"more than {MAX_NODES} nodes (aliases written out)").error()
        if depth > MAX_DEPTH:
            raise self.faults.add(self.place, f"nested deeper than {MAX_DEPTH} levels").error()

    def _seq(self, place: Place, events: Iterator[Any], depth: int) -> tuple[Seq, int]:
        items, height = [], 0
        while not isinstance(event := next(events), SequenceEndEvent):
            item, below = self._node(event, events, depth + 1)
            items.append(item)
            height = max(height, below)
        return Seq(place, tuple(items)), height + 1

    def _map(self, place: Place, events: Iterator[Any], depth: int) -> tuple[Map, int]:
        entries: dict[str, Entry] = {}
        height = 0
        while not isinstance(event := next(events), MappingEndEvent):
            key, _ = self._node(event, events, depth + 1)
            value, below = self._node(next(events), events, depth + 1)
            height = max(height, below)
            if not isinstance(key, Scalar):
                self.faults.add(key.place, "a key must be a word, not a list or a map")
            elif key.plain and key.text == "<<":
                self.faults.add(key.place, "the merge key '<<' is not part of YAML 1.2: use extends")
            elif key.text in entries:
                first = entries[key.text].place
                self.faults.add(key.place, f"the key '{key.text}' again: it stands in line {first.line} already")
            else:
                entries[key.text] = Entry(key, value)
        return Map(place, entries), height + 1
