# SPDX-License-Identifier: Apache-2.0
"""Patterns find what ECMA-262 finds, and what differs is refused."""

import contextlib
import re
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gluon.model.patterns import compiled


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        ("^a$", ["a"], ["a\n", "ab", "\na"]),
        ("a$|^b", ["ca", "bc"], ["a\n"]),
        (r"^\$[$]\\$", ["$$\\"], ["$$\\\n"]),
        (r"^\d\w$", ["1a"], ["\u0661a", "1é"]),
        (r"^\D\W$", ["éé"], ["1a"]),
        (r"\bé", ["aé"], ["é"]),
        ("^.$", ["a", "\U0001f600", "\x85"], ["\n", "\r", "\u2028", ""]),
        (r"^[.]$", ["."], ["a"]),
        (r"^\s$", [" ", "\xa0", "\ufeff", "\u2029", "\v"], ["\x1c", "\x85", "a"]),
        (r"^[\sa]$", ["\ufeff", "a"], ["\x85"]),
        (r"^\S$", ["\x85", "a"], ["\xa0", " "]),
        (r"^[\S]$", ["\x85", "a", "\x1f", "\U0010ffff"], ["\xa0", " ", "\ufeff"]),
        (r"^[\s\S]$", ["\n", "\xa0", "x"], [""]),
        ("^a{2,}b{1}c{0,1}?$", ["aab", "aaabc"], ["ab"]),
        (r"^\{\}\[\]/\/$", ["{}[]//"], []),
        ("(?:a)(?=b)(?!c)b(?<=b)(?<!c)", ["ab"], ["b"]),
        (r"^(a)\1$", ["aa"], ["a"]),
        (r"^[\]\\^-]+$", ["]\\^-"], ["a"]),
        ("^[+-]|[a-]$", ["+", "-"], ["b"]),
        ("", ["", "a"], []),
    ],
)
def test_what_is_found(pattern, found, missed):
    search = compiled(pattern).search
    assert [text for text in found if not search(text)] == []
    assert [text for text in missed if search(text)] == []


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a**", "multiple repeat at position 2"),
        ("a++", "'++' repeats what is repeated"),
        ("a{2}+", "'{2}+' repeats what is repeated"),
        ("a{,2}", r"'{' must be written \{"),
        ("}", r"'}' must be written \}"),
        ("a]", r"']' must be written \]"),
        ("[a", "a class is not closed: ] is missing"),
        ("[]a]", r"a class of no characters: write ] in a class as \]"),
        ("[^]", r"a class of no characters: write ] in a class as \]"),
        ("[[a]", r"'[' in a class must be written \["),
        ("[a--b]", r"'--' in a class must be written \-\-"),
        ("[a&&b]", r"'&&' in a class must be written \&\&"),
        (r"\Aa\Z", r"'\A' is not known"),
        (r"[\a]", r"'\a' is not known"),
        ("(?P<a>b)", "a group '(?P' is not known: there are (, (?:, (?=, (?!, (?<= and (?<!"),
        ("(?i)a", "a group '(?i' is not known: there are (, (?:, (?=, (?!, (?<= and (?<!"),
        ("(?>a)", "a group '(?>' is not known: there are (, (?:, (?=, (?!, (?<= and (?<!"),
        (r"\p{L}", r"'\p' is not known"),
        ("(?<=a+)b", "look-behind requires fixed-width pattern"),
        ("a\\", "bad escape (end of pattern) at position 1"),
        ("[b-a]", "bad character range b-a at position 1"),
    ],
)
def test_what_is_no_pattern(pattern, problem):
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        compiled(pattern)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(list("ab\\^$.[](){}?*+|-&~<=!:,019sSdwAZ")), max_size=12))
@example("(" * 5000)
@example("[" * 50)
@example("a{99999999999}")
def test_any_text_is_a_pattern_or_refused_without_a_warning(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(ValueError):
            compiled(text).search("ab\n")
