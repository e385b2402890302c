# SPDX-License-Identifier: Apache-2.0
"""What changed for clients of the API from one model to another."""

from __future__ import annotations

from textwrap import indent

import pytest

from gluon.model.catalogue import load_catalogue
from gluon.model.compare import compare, not_together, same_version
from gluon.model.compile import compile_text

THING = "A: {{api: {{name: a}}, attributes: {{x: {{type: {}}}}}}}"


def compiled(objects, version, file):
    return compile_text(f"info: {{name: m, version: {version}}}\nobjects:\n{indent(objects, '  ')}", file=file)


def changes(old, new):
    found = compare(compiled(old, "1.0", "old.yaml"), compiled(new, "1.1", "new.yaml"))
    return [(change.kind, f"{change.subject} {change.text}") for change in found]


TYPES = [
    ("integer", "integer, description: said", None),
    ("integer, max: 9", "integer", "additive"),
    ("integer", "integer, min: 0", "breaking"),
    ("string", "string, length: 9", "breaking"),
    ("string", "integer", "breaking"),
    ("enum, values: [a]", "enum, values: [a, b]", "additive"),
    ("enum, values: [a, b], readonly: true", "enum, values: [a], readonly: true", "additive"),
    ("enum, values: [a, b]", "enum, values: [a]", "breaking"),
    ("string", "string, required: true", "breaking"),
    ("string, required: true", "string", "additive"),
    ("integer", "integer, default: 1", "additive"),
    ("integer, default: 1", "integer, default: 2", "breaking"),
    ("integer, default: 1", "integer", "breaking"),
    ("string", "string, unique: true", "breaking"),
    ("string, immutable: true", "string", "additive"),
    ("string", "string, readonly: true", "breaking"),
    ("string", "string, write_only: true", "breaking"),
    ("string, write_only: true", "string", "breaking"),
    ("A", "A, on_delete: cascade", "breaking"),
    ("list, items: string, max_items: 2", "list, items: string", "additive"),
    ("list, items: string", "list, items: string, min_items: 1", "breaking"),
    ("list, items: {type: list, items: {type: object, attributes: {a: {type: string}}}}",) * 2 + (None,),
    ("string", 'string, policies: {update: "rule:admin"}', "breaking"),
    ('string, policies: {update: "rule:admin"}', 'string, policies: {update: "rule:admin_or_owner"}', "additive"),
    ('string, policies: {update: "rule:admin"}', 'string, policies: {update: "role:admin"}', None),
    ("object, attributes: {a: {type: string}}", "object, attributes: {a: {type: string}, b: {type: string}}", "additive"),
    ("object, attributes: {a: {type: string}}", "object, attributes: {a: {type: string, required: true}}", "breaking"),
]


@pytest.mark.parametrize(("old", "new", "kind"), TYPES)
def test_an_attribute_that_changed(old, new, kind):
    found = changes(THING.format(old), THING.format(new))
    assert [said for said, _ in found] == ([kind] if kind else [])


OBJECTS = [
    ("A: {api: {name: a}}", "A: {api: {name: a}}\nB: {api: {name: b}}", ("additive", "B is new")),
    ("A: {api: {name: a}}\nB: {api: {name: b}}", "A: {api: {name: a}}", ("breaking", "B is removed")),
    ("A: {api: {name: a}}", "A: {api: {name: a, plural_name: all}}", ("breaking", "A was at /as, is at /all")),
    (
        "A: {api: {name: a}}",
        "A: {api: {name: b, plural_name: as}}",
        ("breaking", "A was called 'a' in commands, is called 'b'"),
    ),
    (
        "A: {api: {name: a}, attributes: {x: {type: string}}}",
        "A: {api: {name: a}, attributes: {y: {type: string, renamed_from: x}}}",
        ("breaking", "A.x is called 'y' now"),
    ),
    (
        "A: {api: {name: a}}",
        "A: {api: {name: a}, attributes: {y: {type: string, required: true}}}",
        ("breaking", "A.y is new, and required without a default"),
    ),
    (
        "A: {api: {name: a}}",
        "A: {api: {name: a}, attributes: {y: {type: string, required: true, default: z}}}",
        ("additive", "A.y is new: string (up to 255)"),
    ),
    (
        "A: {api: {name: a}, attributes: {x: {type: string}}}",
        "A: {api: {name: a}}",
        ("breaking", "A.x is removed"),
    ),
    (
        "A: {api: {name: a}, attributes: {x: {type: string}, y: {type: string}}}",
        "A: {api: {name: a}, attributes: {x: {type: string}, y: {type: string}}, unique: [[x, y]]}",
        ("breaking", "A x and y must be unique together now"),
    ),
    (
        "A: {api: {name: a}, policies: {delete: 'rule:owner'}}",
        "A: {api: {name: a}, policies: {delete: 'rule:admin'}}",
        ("breaking", "A has another rule (delete): was 'rule:owner', is 'rule:admin'"),
    ),
    (
        "A: {api: {name: a}, policies: {delete: 'rule:owner'}}",
        "A: {api: {name: a}, policies: {delete: 'rule:owner or role:auditor'}}",
        ("additive", "A has another rule (delete): was 'rule:owner', is 'rule:owner or role:auditor'"),
    ),
    (
        "A: {api: {name: a}}\nB: {api: {name: b}, attributes: {a: {type: A}}}",
        "A: {api: {name: a}}\nB: {api: {name: b, parent: A, parent_key: a}, attributes: {a: {type: A}}}",
        ("additive", "B is also below A, by 'a'"),
    ),
    (
        "A: {api: {name: a}}\nB: {api: {name: b, parent: A, parent_key: a}, attributes: {a: {type: A}}}",
        "A: {api: {name: a}}\nB: {api: {name: b}, attributes: {a: {type: A}}}",
        ("breaking", "B is no longer below A by 'a'"),
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), OBJECTS)
def test_an_object_that_changed(old, new, expected):
    assert changes(old, new) == [expected]


def test_a_member_of_a_structure_is_named_with_its_place():
    text = "list, items: {{type: object, attributes: {{hop: {{type: integer, max: {}}}}}}}"
    old, new = (compiled(THING.format(text.format(most)), "1.0", f"{most}.yaml") for most in (9, 5))
    (change,) = compare(old, new)
    assert str(change) == "5.yaml:3:87: breaking: A.x.hop was integer -2147483648 to 9, is integer -2147483648 to 5"


def test_nothing_changed_from_a_model_to_itself():
    for family in load_catalogue().values():
        assert compare(family.newest, family.newest) == []


@pytest.mark.parametrize(("old", "new", "same"), [("1.0", "1.0", True), ("1.0", "1", True), ("1.9", "1.10", False)])
def test_the_same_version(old, new, same):
    assert same_version(*(compiled("A: {api: {name: a}}", version, "a.yaml") for version in (old, new))) is same


def test_what_keeps_two_versions_apart():
    old, new = (compiled(THING.format(type), "1.0", "a.yaml") for type in ("string", "integer"))
    assert [str(fault) for fault in not_together(old, new)] == [
        "a.yaml:3:36: 'x' has another type in version 1.0, or narrower bounds"
    ]
