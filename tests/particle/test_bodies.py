# SPDX-License-Identifier: Apache-2.0
"""A body is an object, or it is refused with everything that is wrong with it as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.errors import Invalid
from gluon.model.values import MAX_DEPTH
from gluon.particle.bodies import MAX_FAULTS, member, read

good_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
good = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | good_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(good_text, inner, max_size=4),
    max_leaves=12,
)


def refused(body: bytes) -> list[tuple[str, str]]:
    try:
        _, faults = read(body)
    except Invalid as error:
        faults = error.faults
    assert faults
    return [(fault.pointer, fault.detail) for fault in faults]


@given(st.dictionaries(good_text, good, max_size=5), st.booleans())
@settings(deadline=None, max_examples=100)
def test_what_json_can_carry_is_read_as_it_is(value, ascii):
    assert read(json.dumps(value, ensure_ascii=ascii).encode()) == (value, [])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (b'{"a": 1,\n "b" 2}', "the body is not JSON: Expecting ':' delimiter at line 2, column 6"),
        (b'{"a": 1} x', "the body is not JSON: Extra data at line 1, column 10"),
        (b'{"a": "\n"}', "the body is not JSON: Invalid control character at line 1, column 8"),
        (b'{"a": "\xff"}', "the body is not UTF-8 (byte 7)"),
        (b'{"a": "\xed\xa0\x80"}', "the body is not UTF-8 (byte 7)"),
        (b"[1]", "the body must be a JSON object, not an array"),
        (b"null", "the body must be a JSON object, not null"),
        (b"true", "the body must be a JSON object, not a boolean"),
        (b"1", "the body must be a JSON object, not a number"),
        (b'"a"', "the body must be a JSON object, not a string"),
        (b"[" * 5000, f"the body must not nest deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_no_object_is_refused(body, detail):
    assert refused(body) == [("", detail)]


@pytest.mark.parametrize("deep", [b"[" * 5000, b'{"x":' * 5000, b'{"x": 1, "y": [' * 5000])
def test_what_nests_too_deep_to_be_parsed_is_named(deep):
    detail = f"must not nest deeper than {MAX_DEPTH} levels"
    assert refused(b'{"b": {"c": "}"}, "\\u0061/": ' + deep) == [("/a~1", detail)]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b'{"a": 1, "a": 1}', [("/a", "given more than once")]),
        (b'{"a": 1, "\\u0061": 1}', [("/a", "given more than once")]),
        (b'{"a": {"b/c": 1, "b/c": 2}}', [("/a/b~1c", "given more than once")]),
        (b'{"a": [1, {"b": 1, "c": 1, "b": 1}]}', [("/a/1/b", "given more than once")]),
    ],
)
def test_faults_name_their_place(body, faults):
    assert refused(body) == faults


def test_a_pair_of_surrogates_is_a_character():
    assert read(b'{"a": "\\ud83d\\ude00"}') == ({"a": "\U0001f600"}, [])


@pytest.mark.parametrize(("depth", "found"), [(3, True), (MAX_DEPTH, True), (900, False)])
def test_repeated_names_are_found_as_deep_as_values_may_be(depth, found):
    body = b'{"a":' * depth + b'{"b": 1, "b": 2}' + b"}" * depth
    assert [fault.pointer for fault in read(body)[1]] == ["/a" * depth + "/b"] * found


def test_many_faults_are_cut():
    text = ", ".join(['{"b": 1, "b": 2}'] * 1000)
    assert len(read(f'{{"a": [{text}]}}'.encode())[1]) == MAX_FAULTS


def test_an_endless_integer_is_not_parsed():
    assert read(b'{"a": ' + b"9" * 100_000 + b"}")[0]["a"] > 2**1023


def test_the_clients_names_stand_short_and_printable_in_pointers():
    assert member("/a", "b~/c") == "/a/b~0~1c"
    assert len(member("", "x" * 10**6)) < 300
