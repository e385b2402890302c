# SPDX-License-Identifier: Apache-2.0
"""YAML 1.2 to nodes with places; whatever the text, nothing but ModelError comes out."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gluon.model import source
from gluon.model.faults import Faults, ModelError
from gluon.model.nodes import as_bool, as_int, as_json, as_number, as_text
from gluon.model.source import parse, read


def fault(text):
    with pytest.raises(ModelError) as caught:
        parse(text, "m.yaml")
    return str(caught.value)


def value(text):
    return parse(f"k: {text}", "m.yaml").entries["k"].value


def test_every_node_has_its_place():
    tree = parse("a: 1\nb:\n  - x\n  - {c: 'd'}\n", "m.yaml")
    assert str(tree.entries["a"].place) == "m.yaml:1:1"
    assert str(tree.entries["a"].value.place) == "m.yaml:1:4"
    items = tree.entries["b"].value.items
    assert [str(i.place) for i in items] == ["m.yaml:3:5", "m.yaml:4:5"]
    assert str(items[1].entries["c"].value.place) == "m.yaml:4:9"


@pytest.mark.parametrize("text", ["1.10", "on", "12:30", "1e3", "0o7", "yes", "2026-01-01", "010"])
def test_scalars_keep_their_source_text(text):
    assert as_text(value(text)) == text


def test_null_is_no_text():
    assert [as_text(value(t)) for t in ("", "~", "null", "''", "'null'")] == [None, None, None, "", "null"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [("true", True), ("False", False), ("'True'", True), ("on", None), ("yes", None), ("1", None), ("tRUE", None), ("[]", None)],
)
def test_booleans_are_those_of_yaml_1_2(text, meant):
    assert as_bool(value(text)) is meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [("10", 10), ("-3", -3), ("'7'", 7), ("0x1F", 31), ("0o17", 15), ("010", 10), ("12:30", None), ("1.0", None)],
)
def test_whole_numbers(text, meant):
    assert as_int(value(text)) == meant


@pytest.mark.parametrize(
    ("text", "meant"), [("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("7", 7), (".nan", None), (".inf", None)]
)
def test_numbers_are_finite(text, meant):
    assert as_number(value(text)) == meant


def test_json_resolves_plain_scalars_only():
    tree = parse("{a: 1, b: '1', c: true, d: ~, e: 1.5, f: on, g: [x, 'true']}", "m.yaml")
    assert as_json(tree) == {"a": 1, "b": "1", "c": True, "d": None, "e": 1.5, "f": "on", "g": ["x", "true"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "m.yaml:1:1: the file is empty"),
        ("# nothing\n", "m.yaml:1:1: the file is empty"),
        ("a: [1,", "m.yaml:1:7: not YAML: while parsing a flow node, expected the node content, but found '<stream end>'"),
        ("a: b: c", "m.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("a: @x", "m.yaml:1:4: not YAML: while scanning for the next token, found character '@' that cannot start any token"),
        ("a\0b", "m.yaml:1:1: not YAML: unacceptable character #x0000: special characters are not allowed"),
        (b"a: b\nc: \xff", "m.yaml:2:4: not UTF-8 text"),
        ("\ud800", "m.yaml:1:1: not UTF-8 text"),
        ("a: 1\n---\nb: 2", "m.yaml:2:1: a second document: a model is one"),
        ("a: 1\na: 2", "m.yaml:2:1: the key 'a' again: it stands in line 1 already"),
        (
            "a: !!python/object:os.system x",
            "m.yaml:1:4: the tag 'tag:yaml.org,2002:python/object:os.system': tags have no meaning in a model",
        ),
        ("a: !x [1]", "m.yaml:1:4: the tag '!x': tags have no meaning in a model"),
        ("? [a]\n: b", "m.yaml:1:3: a key must be a word, not a list or a map"),
        ("a: &x {b: 1}\nc: {<<: *x}", "m.yaml:2:5: the merge key '<<' is not part of YAML 1.2: use extends"),
        ('a: "\\ud800"', "m.yaml:1:4: a text that holds NUL or a lone surrogate"),
        ('"\\0": b', "m.yaml:1:1: a text that holds NUL or a lone surrogate"),
        ("a: *b", "m.yaml:1:4: the alias '*b' has no anchor before it"),
        ("a: &a [*a]", "m.yaml:1:8: the alias '*a' has no anchor before it"),
        ("[" * 40, "m.yaml:1:33: nested deeper than 32 levels"),
        ("{a: " * 40, "m.yaml:1:126: nested deeper than 32 levels"),
        ("#" * (source.MAX_BYTES + 1), "m.yaml:1:1: the file is larger than 1048576 bytes"),
    ],
)
def test_what_is_refused(text, message):
    assert fault(text) == message


def test_a_bomb_of_aliases_costs_nothing():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    assert fault("\n".join(lines)).endswith("more than 200000 nodes (aliases written out)")


def test_a_deep_bomb_of_aliases_is_as_deep_as_it_would_be_written_out():
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 40)]
    assert fault("\n".join(lines)).endswith("nested deeper than 32 levels")


def test_all_that_does_not_stop_is_told_at_once():
    assert [line.split(":")[1] for line in fault("a: !x 1\na: 2\n<<: {}\n").splitlines()] == ["1", "2", "3"]


def test_what_does_not_stop_can_be_collected():
    faults = Faults()
    assert as_json(parse("a: 1\na: 2", "m.yaml", faults)) == {"a": 1}
    assert len(faults.found) == 1


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.yaml:1:1: cannot be read: No such file"):
        read(tmp_path / "nothing.yaml")
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_a_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert as_json(read(path)) == {"a": 1, "b": 2}


YAMLISH = st.text(st.sampled_from(list("ab1:-?,[]{}#&*!|>'\"%@` \n\t\\<~.\0é\ud800")), max_size=60)


@settings(max_examples=300, deadline=None)
@given(st.one_of(YAMLISH, st.text(max_size=40), st.binary(max_size=40)))
@example('"\\U99999999"')
@example("%YAML 9.9\n---\na")
@example("%TAG ! x\n---\n!a b")
@example("? ")
@example("- - - ? : : ")
def test_random_text_raises_nothing_else(text):
    try:
        as_json(parse(text, "m.yaml"))
    except ModelError as error:
        assert all(f.place.line >= 1 and f.place.column >= 1 for f in error.faults)
