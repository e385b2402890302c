# SPDX-License-Identifier: Apache-2.0
"""What values of each type must be: one table of refusals, each with pointer and message."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.errors import Fault
from gluon.model.schema import Attribute, Place
from gluon.model.types import Boolean, Enum, Format, Integer, Json, List, Number, Reference, String, Structure, Uuid
from gluon.model.values import MAX_DEPTH, checker

PLACE = Place("m.yaml", 1, 1)
ID = "7d0c1c1e-3a5c-4c6e-9a55-0123456789ab"
HOP = Structure(
    (
        Attribute("kind", Enum(("firewall", "dpi")), PLACE, required=True),
        Attribute("weight", Integer(), PLACE, required=True, default=1),
        Attribute("note", String(5), PLACE),
    )
)


def check(type, value):
    faults: list[Fault] = []
    return checker(type)(value, "/x", faults), [(f.pointer, f.detail) for f in faults]


@pytest.mark.parametrize(
    ("type", "value", "canonical"),
    [
        (String(3), "äöü", "äöü"),
        (String(3), "😀😀😀", "😀😀😀"),
        (String(17, format=Format.MAC), "00-1B-44-11-3A-B7", "00:1b:44:11:3a:b7"),
        (String(5, pattern="b+"), "abbc", "abbc"),
        (Integer(), 2**31 - 1, 2**31 - 1),
        (Number(), 1, 1.0),
        (Number(0, 1), 0.5, 0.5),
        (Boolean(), False, False),
        (Uuid(), ID.upper(), ID),
        (Enum(("a", "b")), "b", "b"),
        (Reference(("A",), Uuid()), ID.replace("-", ""), ID),
        (List(Uuid()), [ID.upper()], [ID]),
        (List(Integer(), 0, None), [], []),
        (HOP, {"kind": "dpi"}, {"kind": "dpi", "weight": 1, "note": None}),
        (Json(), {"a": [1, 1.5, None, True, "x", {}]}, {"a": [1, 1.5, None, True, "x", {}]}),
    ],
)
def test_accepted_in_canonical_form(type, value, canonical):
    assert check(type, value) == (canonical, [])


@pytest.mark.parametrize(
    ("type", "value", "faults"),
    [
        (String(3), "abcd", [("/x", "must be at most 3 characters long")]),
        (String(), 5, [("/x", "must be a string")]),
        (String(), None, [("/x", "must be a string")]),
        (String(), "a\0b", [("/x", "must not hold NUL")]),
        (String(), "\udfff", [("/x", "must be Unicode text without lone surrogates")]),
        (String(pattern="^a$"), "b", [("/x", "must match the pattern ^a$")]),
        (String(pattern="^a$"), "a\n", [("/x", "must match the pattern ^a$")]),
        (String(format=Format.IPV4), "1.2.3", [("/x", "must be an IPv4 address like 192.0.2.1")]),
        (String(5, format=Format.IPV4), "10.0.0.1", [("/x", "must be at most 5 characters long")]),
        (Integer(), True, [("/x", "must be a whole number")]),
        (Integer(), 1.0, [("/x", "must be a whole number")]),
        (Integer(), "1", [("/x", "must be a whole number")]),
        (Integer(min=1, max=3), 4, [("/x", "must be between 1 and 3")]),
        (Integer(), 2**70, [("/x", "must be between -2147483648 and 2147483647")]),
        (Number(), math.nan, [("/x", "must be a finite number")]),
        (Number(), -math.inf, [("/x", "must be a finite number")]),
        (Number(), 10**400, [("/x", "must be a finite number")]),
        (Number(), True, [("/x", "must be a number")]),
        (Number(min=0), -1, [("/x", "must be at least 0")]),
        (Number(max=1.5), 2, [("/x", "must be at most 1.5")]),
        (Boolean(), 1, [("/x", "must be true or false")]),
        (Boolean(), "true", [("/x", "must be true or false")]),
        (Uuid(), 5, [("/x", "must be a UUID")]),
        (Uuid(), "x", [("/x", "must be a UUID")]),
        (Enum(("vxlan", "gre")), "vxlen", [("/x", "must be one of vxlan, gre: did you mean 'vxlan'?")]),
        (Enum(("vxlan", "gre")), [], [("/x", "must be one of vxlan, gre")]),
        (List(Integer(), 2), "ab", [("/x", "must be a list")]),
        (List(Integer(), 2), [1], [("/x", "must have at least 2 items")]),
        (List(Integer(), 0, 1), [1, 2], [("/x", "must have at most 1 items")]),
        (List(Integer()), [1, "a", None], [("/x/1", "must be a whole number"), ("/x/2", "must be a whole number")]),
        (HOP, [], [("/x", "must be an object")]),
        (
            HOP,
            {"knd": 1, "weight": None, "note": "long text"},
            [
                ("/x/knd", "unknown attribute: did you mean 'kind'?"),
                ("/x/kind", "must be given"),
                ("/x/weight", "must not be null"),
                ("/x/note", "must be at most 5 characters long"),
            ],
        ),
        (List(HOP), [{"kind": None}], [("/x/0/kind", "must not be null")]),
        (Json(), [], [("/x", "must be an object")]),
        (Json(), {"a/b": {"~": "\0"}}, [("/x/a~1b/~0", "must not hold NUL")]),
        (Json(), {"\ud800": 1}, [("/x", "must be Unicode text without lone surrogates")]),
        (Json(), {"a": [2**63]}, [("/x/a/0", "must be between -9223372036854775808 and 9223372036854775807")]),
        (Json(), {"a": math.inf}, [("/x/a", "must be a finite number")]),
    ],
)
def test_refused(type, value, faults):
    assert check(type, value)[1] == faults


def test_free_json_nests_so_deep_and_no_deeper():
    def nested(levels):
        value: dict = {}
        for _ in range(levels - 1):
            value = {"a": value}
        return value

    assert check(Json(), nested(MAX_DEPTH))[1] == []
    (pointer, detail), *more = check(Json(), nested(5000))[1]
    assert (pointer, detail, more) == ("/x" + "/a" * MAX_DEPTH, f"must not nest deeper than {MAX_DEPTH} levels", [])


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
TYPES = [
    String(5),
    String(format=Format.CIDR),
    Integer(),
    Number(),
    Boolean(),
    Uuid(),
    Enum(("a", "b")),
    List(HOP),
    HOP,
    Json(),
    Reference(("A",), String(8)),
]


@pytest.mark.parametrize("type", TYPES)
@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_any_json_is_canonical_or_has_faults(type, value):
    canonical, faults = check(type, value)
    if not faults:
        assert check(type, canonical) == (canonical, [])
