# SPDX-License-Identifier: Apache-2.0
"""A default as a model writes it, read as its type wants it: ``1.10`` is a text for a string and a number for a number."""

from __future__ import annotations

from typing import Any

from gluon.errors import Fault
from gluon.model.faults import Faults
from gluon.model.nodes import Map, Node, Scalar, Seq, as_bool, as_int, as_json, as_number, is_null
from gluon.model.types import Boolean, Enum, Integer, List, Number, Reference, String, Structure, Type, Uuid
from gluon.model.values import checker


def default_of(node: Node, type: Type, faults: Faults) -> Any:
    """The default in canonical form; notes where it breaks the rules of its own type. Null stays null."""
    if is_null(node):
        return None
    found: list[Fault] = []
    value = checker(type)(value_of(node, type), "", found)
    for fault in found:
        where = f" at {fault.pointer}" if fault.pointer else ""
        faults.add(node.place, f"the default{where} breaks its own rule: {fault.detail}")
    return value


def value_of(node: Node, type: Type) -> Any:  # noqa: PLR0911 - one branch for each type
    """What a node means where a value of ``type`` is wanted; what does not fit comes back as it is, for the check to refuse."""
    match node, type:
        case Scalar(), String() | Uuid() | Enum():
            return node.text
        case Scalar(), Reference():
            return value_of(node, type.key)
        case Scalar(), Boolean():
            return _or_text(as_bool(node), node)
        case Scalar(), Integer():
            return _or_text(as_int(node), node)
        case Scalar(), Number():
            return _or_text(as_number(node), node)
        case Seq(), List():
            return [value_of(item, type.items) for item in node.items]
        case Map(), Structure():
            types = {a.name: a.type for a in type.attributes}
            return {
                name: value_of(entry.value, types[name]) if name in types and not is_null(entry.value) else as_json(entry.value)
                for name, entry in node.entries.items()
            }
        case _:
            return as_json(node)


def _or_text(value: Any, node: Scalar) -> Any:
    return node.text if value is None else value
