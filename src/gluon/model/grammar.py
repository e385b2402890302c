# SPDX-License-Identifier: Apache-2.0
"""Which keys a model may have, and the shape of what each holds: one declaration, checked once for every file.

    Node ─► check(map, KEYS) ─► Fields: what has the right shape, by key; each fault is noted at its place

What is said here is form alone. Meaning (is the type known, does the default fit) is for the nouns that read ``Fields``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gluon.model.faults import Faults
from gluon.model.nodes import Entry, Map, Node, Scalar, Seq, as_bool, as_int, as_number, as_text
from gluon.model.schema import Place


class Shape(enum.Enum):
    """What a key holds; the value is how a fault calls it."""

    TEXT = "a text"
    FLAG = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXTS = "a list of texts"
    TEXT_OR_TEXTS = "a text or a list of texts"
    TEXT_LISTS = "a list of lists of attribute names"
    MAP = "a map"
    TEXT_OR_MAP = "a text or a map"
    ANY = "any value"


Keys = Mapping[str, Shape]

FILE: Final[Keys] = {
    "file_version": Shape.TEXT,
    "imports": Shape.TEXT_OR_TEXTS,
    "info": Shape.MAP,
    "objects": Shape.MAP,
}
INFO: Final[Keys] = {"name": Shape.TEXT, "version": Shape.TEXT, "description": Shape.TEXT, "author": Shape.MAP}
AUTHOR: Final[Keys] = {"name": Shape.TEXT, "url": Shape.TEXT, "email": Shape.TEXT}
OBJECT: Final[Keys] = {
    "api": Shape.MAP,
    "extends": Shape.TEXT,
    "description": Shape.TEXT,
    "attributes": Shape.MAP,
    "policies": Shape.MAP,
    "unique": Shape.TEXT_LISTS,
}
#: ``parent`` is a name; the classic language also has ``{type: name, attribute: key}``, where ``type: root`` is none.
API: Final[Keys] = {"name": Shape.TEXT, "plural_name": Shape.TEXT, "parent": Shape.TEXT_OR_MAP, "parent_key": Shape.TEXT}
PARENT: Final[Keys] = {"type": Shape.TEXT, "attribute": Shape.TEXT}
#: What says which values an attribute, an item of a list or a member of a structure may have.
TYPE: Final[Keys] = {
    "type": Shape.TEXT,
    "description": Shape.TEXT,
    "length": Shape.WHOLE,
    "values": Shape.TEXTS,
    "format": Shape.TEXT,
    "validate": Shape.TEXT,
    "min": Shape.NUMBER,
    "max": Shape.NUMBER,
    "pattern": Shape.TEXT,
    "items": Shape.TEXT_OR_MAP,
    "min_items": Shape.WHOLE,
    "max_items": Shape.WHOLE,
    "attributes": Shape.MAP,
}
MEMBER: Final[Keys] = {**TYPE, "required": Shape.FLAG, "default": Shape.ANY, "on_delete": Shape.TEXT}
ATTRIBUTE: Final[Keys] = {
    **MEMBER,
    "primary": Shape.FLAG,
    "unique": Shape.FLAG,
    "immutable": Shape.FLAG,
    "readonly": Shape.FLAG,
    "write_only": Shape.FLAG,
    "allocate": Shape.FLAG,
    "generate": Shape.FLAG,
    "default_from": Shape.TEXT,
    "renamed_from": Shape.TEXT,
    "policies": Shape.MAP,
}
#: What says which value an attribute has where none is given; at most one of them.
FILLERS: Final = ("default", "default_from", "allocate", "generate")
#: The actions of the API; ``get_one`` is the classic language's word, there ``get`` is the list.
POLICIES: Final[Keys] = dict.fromkeys(("create", "get", "list", "update", "delete", "get_one"), Shape.TEXT_OR_MAP)


def _texts(node: Node) -> bool:
    return isinstance(node, Seq) and all(as_text(item) is not None for item in node.items)


_FITS: Final[Mapping[Shape, Callable[[Node], bool]]] = {
    Shape.TEXT: lambda n: as_text(n) is not None,
    Shape.FLAG: lambda n: as_bool(n) is not None,
    Shape.WHOLE: lambda n: as_int(n) is not None,
    Shape.NUMBER: lambda n: as_number(n) is not None,
    Shape.TEXTS: _texts,
    Shape.TEXT_OR_TEXTS: lambda n: as_text(n) is not None or _texts(n),
    Shape.TEXT_LISTS: lambda n: isinstance(n, Seq) and all(_texts(item) for item in n.items),
    Shape.MAP: lambda n: isinstance(n, Map),
    Shape.TEXT_OR_MAP: lambda n: isinstance(n, Map) or as_text(n) is not None,
    Shape.ANY: lambda n: True,
}


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of a map whose values have the shape that the grammar asks for. Reading never fails: what is not there is None.

    ``wrong`` are keys that are given, but not in their shape: they count as given, so that nobody misses them again.
    """

    place: Place
    entries: Mapping[str, Entry]
    wrong: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.entries or name in self.wrong

    def at(self, name: str) -> Place:
        """Where the value of a key stands; the place of the whole where the key is not given."""
        entry = self.entries.get(name)
        return entry.value.place if entry else self.place

    def node(self, name: str) -> Node | None:
        entry = self.entries.get(name)
        return entry.value if entry else None

    def text(self, name: str) -> str | None:
        entry = self.entries.get(name)
        return as_text(entry.value) if entry else None

    def texts(self, name: str) -> tuple[Scalar, ...]:
        """The texts of a list, or a single one."""
        node = self.node(name)
        items = node.items if isinstance(node, Seq) else (node,) if node else ()
        return tuple(item for item in items if isinstance(item, Scalar))

    def flag(self, name: str) -> bool:
        entry = self.entries.get(name)
        return bool(entry and as_bool(entry.value))

    def whole(self, name: str) -> int | None:
        entry = self.entries.get(name)
        return as_int(entry.value) if entry else None

    def number(self, name: str) -> float | int | None:
        entry = self.entries.get(name)
        return as_number(entry.value) if entry else None

    def map(self, name: str) -> Map | None:
        node = self.node(name)
        return node if isinstance(node, Map) else None


def check(node: Node, keys: Keys, what: str, faults: Faults) -> Fields:
    """The fields of a map; notes every unknown key and every value of a wrong shape, and leaves these out."""
    if not isinstance(node, Map):
        faults.add(node.place, f"{what} must be a map")
        return Fields(node.place, {}, frozenset(keys))
    fitting, wrong = {}, set()
    for name, entry in node.entries.items():
        shape = keys.get(name)
        if shape is None:
            faults.unknown(entry.place, f"key of {what}", name, keys)
        elif _FITS[shape](entry.value):
            fitting[name] = entry
        else:
            wrong.add(name)
            faults.add(entry.value.place, f"{name} must be {shape.value}")
    return Fields(node.place, fitting, frozenset(wrong))
