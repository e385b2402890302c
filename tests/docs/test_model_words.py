# SPDX-License-Identifier: Apache-2.0
"""The page of the model language is complete: each word, type, format, base object and limit of the code is on it."""

import re

import pytest

from gluon.model import (
    declarations,
    faults,
    formats,
    grammar,
    info,
    objects,
    references,
    rules,
    source,
    typereader,
    uniques,
    values,
)
from gluon.model.imports import shipped
from gluon.model.nodes import Map
from gluon.model.roles import BASE_OF_ROLE
from gluon.model.schema import ACTIONS, BINDING_ATTRIBUTES, BINDING_ID, BOOKKEEPING
from gluon.model.types import Format
from tests.docs.model_page import TEXT, rows


def test_the_types_have_the_keys_that_fit_them():
    said = {cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[1])) for cells in rows("types") if cells[0].startswith("`")}
    assert said == {name: set(keys) for name, keys in typereader.FITTING.items()}


def test_the_formats_are_all_there_and_keep_what_the_page_says():
    said = {cells[0].strip("`"): (cells[2].strip("`"), cells[3].strip("`")) for cells in rows("formats")}
    assert said.keys() == {format.value for format in Format}
    assert {name: formats.canonical(Format(name))(given) for name, (given, _) in said.items()} == {
        name: kept for name, (_, kept) in said.items()
    }


@pytest.mark.parametrize("base", ["BaseObject", *BASE_OF_ROLE.values()])
def test_the_base_objects_have_the_attributes_that_the_page_lists(base):
    tree = source.read(shipped() / "base.yaml").entries["objects"].value.entries
    own = tree[base].value.entries
    inherited = tree["BaseObject"].value.entries["attributes"].value.entries if "extends" in own else {}
    listed = [cells[0].strip("`") for cells in rows(f"base: {base}")]
    assert listed == [name for name in own["attributes"].value.entries if name not in inherited]


def test_the_base_objects_have_the_values_that_the_page_lists():
    attributes = source.read(shipped() / "base.yaml").entries["objects"].value.entries
    for base in BASE_OF_ROLE.values():
        declared = attributes[base].value.entries["attributes"].value.entries
        for name, type, filled in rows(f"base: {base}"):
            keys = declared[name.strip("`")].value.entries
            for key in ("default", "length", "min", "max"):
                if key in keys and not (key == "length" and "format" in keys):
                    assert keys[key].value.text in f"{type} {filled}"
            if "values" in keys:
                assert type == ", ".join(word.text for word in keys["values"].value.items)
            assert ("null" in filled) is not ({"required", "primary"} & keys.keys() != set())


KEYS = {
    "file": grammar.FILE,
    "info": grammar.INFO,
    "author": grammar.AUTHOR,
    "object": grammar.OBJECT,
    "api": grammar.API,
    "parent": {"parent": None},
    "attribute": grammar.ATTRIBUTE,
    "type": grammar.TYPE,
    "member": grammar.MEMBER,
    "policies": grammar.POLICIES,
    "actions": ACTIONS,
    "validate": typereader.VALIDATE,
    "bookkeeping": (*BOOKKEEPING, *BINDING_ATTRIBUTES, BINDING_ID),
    "system columns": objects.SYSTEM_COLUMNS,
    "base rules": rules.BASE_RULES,
    "base objects": ("BaseObject", *BASE_OF_ROLE.values()),
    "reactions": ("restrict", "cascade", "set_null"),
}


@pytest.mark.parametrize("words", KEYS.values(), ids=KEYS)
def test_every_word_of_the_language_is_on_the_page(words):
    assert [word for word in words if f"`{word}`" not in TEXT] == []


def test_no_more_words_have_come_to_parent():
    assert set(grammar.PARENT) == {"type", "attribute"}
    assert "`parent: {type: …, attribute: …}`" in TEXT


def test_the_limits_are_the_compilers():
    limits = TEXT.partition("## Limits")[2]
    known = {
        source.MAX_BYTES,
        source.MAX_DEPTH,
        source.MAX_NODES,
        declarations.MAX_OBJECTS,
        declarations.MAX_NAME,
        faults.MAX_FAULTS,
        objects.MAX_API_NAME,
        objects.MAX_ATTRIBUTES,
        uniques.MAX_NAMES,
        uniques.MAX_KEY_BYTES // uniques.BYTES,
        info.MAX_NAME,
        typereader.MAX_LENGTH,
        references.MAX_KEY_LENGTH,
        values.MAX_DEPTH,
    }
    assert {int(number) for number in re.findall(r"\d+", limits)} == known


def test_the_shipped_models_are_named():
    models = [
        path.stem for path in shipped().glob("*.yaml") if isinstance(node := source.read(path), Map) and "info" in node.entries
    ]
    assert models
    assert [name for name in models if f"`{name}`" not in TEXT] == []


def test_sections_that_are_linked_exist():
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
