# SPDX-License-Identifier: Apache-2.0
"""Whether the flags of an attribute fit its type and one another."""

from __future__ import annotations

from gluon.model import grammar
from gluon.model.faults import Faults
from gluon.model.grammar import Fields
from gluon.model.references import MAX_KEY_LENGTH
from gluon.model.schema import Attribute
from gluon.model.types import Format, Integer, Json, List, Reference, String, Structure, Type, Uuid


def check(attribute: Attribute, fields: Fields, faults: Faults) -> None:
    """Note flags that do not fit the type or one another."""
    note, type = faults.add, attribute.type
    fillers = [name for name in grammar.FILLERS if (fields.flag(name) if name in ("allocate", "generate") else name in fields)]
    for second in fillers[1:]:
        note(fields.at(second), f"{fillers[0]} and {second} both say what the value is where none is given: keep one")
    if attribute.allocate and not isinstance(type, Integer):
        note(fields.at("allocate"), "only an integer can be allocated")
    if fields.flag("generate") and not (isinstance(type, Uuid) or (isinstance(type, String) and type.format is Format.MAC)):
        note(fields.at("generate"), "only a uuid or a string of format mac can be generated")
    if attribute.unique:
        _unique(type, fields, faults)
    if isinstance(type, List) and type.unique:
        _unique(type.items, fields, faults)
    reaction(attribute, fields, faults)
    if attribute.required and attribute.readonly and not fillers:
        note(fields.at("readonly"), "required and readonly without a default: nobody could give it")


def reaction(attribute: Attribute, fields: Fields, faults: Faults) -> None:
    """Note what does not fit an attribute that is never null, or that refers to nothing."""
    items = attribute.type
    while isinstance(items, List):
        items = items.items
    if "on_delete" in fields and not isinstance(items, Reference):
        faults.add(fields.at("on_delete"), "on_delete is for references")
    if attribute.on_delete == "set_null" and attribute.required and isinstance(attribute.type, Reference):
        faults.add(fields.at("on_delete"), "set_null on an attribute that is required, and so never null")
    if attribute.required and attribute.default is None:
        faults.add(fields.at("default"), "a required attribute is never null: give another default, or none")


def _unique(type: Type, fields: Fields, faults: Faults) -> None:
    key = "unique" if "unique" in fields else "allocate"
    if isinstance(type, List | Structure | Json):
        faults.add(fields.at(key), "values of this type cannot be told to be unique")
    elif isinstance(type, String) and type.length > MAX_KEY_LENGTH:
        faults.add(fields.at(key), f"a unique text must be at most {MAX_KEY_LENGTH} characters long")
