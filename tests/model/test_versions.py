# SPDX-License-Identifier: Apache-2.0
"""Whether an older version of a Proton can be served from the tables of the newest."""

from pathlib import Path
from textwrap import indent

import pytest

from gluon.model.catalogue import load_catalogue
from gluon.model.compile import compile_text
from gluon.model.faults import Faults, ModelError
from gluon.model.versions import check, numbers

CASES = (Path(__file__).parent / "wrong" / "versions.txt").read_text().strip().split("\n\n")


def compiled(objects, version):
    text = f"info: {{name: m, version: {version}}}\nobjects:\n{indent(objects, '  ')}"
    return compile_text(text, file="old.yaml" if version == "1.0" else "new.yaml")


def faults(older, newer):
    found = Faults()
    check(compiled(older, "1.0"), compiled(newer, "2.0"), found)
    return [str(fault) for fault in found.found]


@pytest.mark.parametrize("case", CASES)
def test_an_older_version_that_is_no_projection(case):
    texts, expected = case.split("\n> ")
    assert faults(*texts.split("\n---\n")) == [expected]


def test_the_catalogue_says_so(tmp_path):
    for version, type in (("1.0", "string"), ("2.0", "integer")):
        text = f"info: {{name: m, version: {version}}}\nobjects: {{A: {{api: {{name: a}}, attributes: {{x: {{type: {type}}}}}}}}}"
        (tmp_path / f"m-{version}.yaml").write_text(text)
    with pytest.raises(ModelError, match=r"m-1\.0\.yaml:2:44: 'x' has another type in version 2\.0, or narrower bounds"):
        load_catalogue([tmp_path])


def test_versions_as_numbers():
    assert numbers("1.10") > numbers("1.9") > numbers("1") == numbers("1.0") > numbers("0.9.9")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("immutable: true, readonly: true", ""),
        ("required: true", ""),
        ("required: true", "default: 1"),
        ("", "default: 1"),
        ("default: 1", "default: 1"),
        ("write_only: true", "write_only: true"),
    ],
)
def test_the_newest_may_be_laxer_and_know_more_defaults(older, newer):
    assert faults(*(f"A: {{api: {{name: a}}, attributes: {{x: {{type: integer, {keys}}}}}}}" for keys in (older, newer))) == []


TYPES = [
    ("integer, max: 9", "integer", True),
    ("string, length: 9", "string", True),
    ("string", "string, length: 9", False),
    ("string", "string, format: mac", False),
    ("string, pattern: a", "string", True),
    ("enum, values: [a]", "enum, values: [a, b]", True),
    ("enum, values: [a, b]", "enum, values: [a]", False),
    ("number, min: 1", "number", True),
    ("number", "number, min: 1", False),
    ("number, max: 1", "number, max: 2", True),
    ("list, items: integer, max_items: 2", "list, items: integer", True),
    ("list, items: integer", "list, items: integer, max_items: 2", False),
    ("list, items: integer", "list, items: string", False),
    ("A", "A", True),
    ("A", "string", False),
    ("object", "object", True),
    ("boolean", "boolean", True),
    ("object, attributes: {a: {type: string}}", "object, attributes: {a: {type: string}, b: {type: string}}", True),
    ("object, attributes: {a: {type: string}}", "object, attributes: {b: {type: string}}", False),
    ("object, attributes: {a: {type: string}}", "object, attributes: {a: {type: uuid}}", False),
    ("object, attributes: {a: {type: string}}", "object, attributes: {a: {type: string, required: true}}", False),
]


@pytest.mark.parametrize(("older", "newer", "fits"), TYPES)
def test_whatever_the_older_accepts_the_newest_must(older, newer, fits):
    found = faults(*(f"A: {{api: {{name: a}}, attributes: {{x: {{type: {type}}}}}}}" for type in (older, newer)))
    assert found == ([] if fits else ["old.yaml:3:36: 'x' has another type in version 2.0, or narrower bounds"])
