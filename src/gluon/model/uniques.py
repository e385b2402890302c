# SPDX-License-Identifier: Apache-2.0
"""Which attributes of an object are unique together, and that every database can index them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

from gluon.model.faults import Faults
from gluon.model.inheritance import Flat
from gluon.model.nodes import Scalar, Seq
from gluon.model.schema import Attribute, Place
from gluon.model.types import Boolean, Enum, Integer, Json, List, Number, Reference, String, Structure, Type, Uuid

#: The longest key of an index: MariaDB's 3072 bytes, four to a character.
MAX_KEY_BYTES: Final = 3072
BYTES: Final = 4
#: The most columns of an index (InnoDB).
MAX_NAMES: Final = 16


def unique_sets(flat: Flat, attributes: Sequence[Attribute], faults: Faults) -> tuple[tuple[str, ...], ...]:
    """The sets that the object and its bases name, the base's first. Notes those that cannot be."""
    by_name = {a.name: a for a in attributes}
    sets: dict[tuple[str, ...], None] = {}
    for place, names in _named(flat):
        if _fit(place, names, by_name, flat, faults):
            sets[tuple(n.text for n in names)] = None
    return tuple(sets)


def _named(flat: Flat) -> Iterator[tuple[Place, Sequence[Scalar]]]:
    """Every set with its place: first the attributes that a classic model marks primary beside the inherited identifier."""
    if flat.composite:
        last = flat.attributes[flat.composite[-1]].fields.at("primary")
        yield last, [Scalar(last, name, True) for name in flat.composite]
    for declaration in reversed(flat.lineage):
        node = declaration.fields.node("unique")
        for listed in node.items if isinstance(node, Seq) else ():
            names = [item for item in listed.items if isinstance(item, Scalar)] if isinstance(listed, Seq) else []
            yield listed.place, names


def _fit(place: Place, names: Sequence[Scalar], by_name: Mapping[str, Attribute], flat: Flat, faults: Faults) -> bool:
    """Whether all names are attributes of which the type is known."""
    if not names:
        faults.add(place, "unique needs the names of attributes")
    if len(names) > MAX_NAMES:
        faults.add(place, f"{len(names)} attributes in a unique set: at most {MAX_NAMES} are allowed")
        return False
    for index, name in enumerate(names):
        if name.text in (n.text for n in names[:index]):
            faults.add(name.place, f"'{name.text}' again")
        elif name.text not in by_name:
            if name.text not in flat.attributes:
                faults.unknown(name.place, "attribute", name.text, by_name)
        elif isinstance(by_name[name.text].type, List | Structure | Json):
            faults.add(name.place, f"'{name.text}' is of a type whose values cannot be told to be unique")
    known = {name.text: by_name[name.text].type for name in names if name.text in by_name}
    size, most = -(-sum(map(_bytes, known.values())) // BYTES), MAX_KEY_BYTES // BYTES
    if size > most:
        faults.add(place, f"a unique set of {size} characters: at most {most} can be indexed")
    return bool(names) and len(known) == len(names)


def _bytes(type: Type) -> int:
    """How much of an index's key a value takes, as ``gluon.particle.columns`` stores it; 0 where it cannot be part of one."""
    match type:
        case String():
            return type.length * BYTES
        case Enum():
            return max(map(len, type.values), default=0) * BYTES
        case Uuid():
            return 36
        case Reference():
            return _bytes(type.key)
        case Integer() | Number() | Boolean():
            return 8
        case List() | Structure() | Json():
            return 0
        case _:
            assert_never(type)
