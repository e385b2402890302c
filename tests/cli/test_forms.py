# SPDX-License-Identifier: Apache-2.0
"""Tables and YAML: nothing is lost, nothing breaks out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gluon.cli import yaml
from gluon.cli.table import measure, table, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


class TestTable:
    def test_looks_like_this(self) -> None:
        rows = [["a", None, 1], ["橋b", ["x"], True]]
        assert list(table(["id", "parts", "n"], rows)) == [
            "+-----+-------+------+",
            "| id  | parts | n    |",
            "+-----+-------+------+",
            "| a   |       | 1    |",
            '| 橋b | ["x"] | true |',
            "+-----+-------+------+",
        ]

    def test_without_rows(self) -> None:
        assert list(table(["id"], [])) == ["+----+", "| id |", "+----+"]

    def test_what_does_not_fit_goes_on_below(self) -> None:
        lines = list(table(["id", "text"], [["a", "0123456789" * 2]], 20))
        assert lines[3:5] == ["| a  | 01234567890 |", "|    | 123456789   |"]

    def test_the_first_column_stays_whole_where_it_can(self) -> None:
        rows = [["0" * 36, "1" * 30, "2" * 30]]
        assert f"| {'0' * 36} |" in list(table(["id", "a", "b"], rows, 80))[3]
        assert f"| {'0' * 36} |" not in list(table(["id", "a", "b"], rows, 50))[3]

    @pytest.mark.parametrize("character", ["\n", "\t", "\x1b", "\x7f", "\u202e", "\u2028", "\ud800", "\x9b"])
    def test_control_characters_stay_out(self, character: str) -> None:
        assert text(f"a{character}b").isprintable()

    def test_width_is_that_of_the_terminal(self) -> None:
        assert [measure(t) for t in ("abc", "橋", "e\u0301", "ü")] == [3, 2, 1, 1]

    @given(
        rows=st.lists(st.lists(st.none() | st.text(max_size=40) | st.integers(), min_size=3, max_size=3), max_size=5),
        width=st.none() | st.integers(1, 120),
    )
    @settings(deadline=None, max_examples=60)
    def test_is_a_rectangle_within_its_width(self, rows: list[list[Any]], width: int | None) -> None:
        lines = list(table(["a", "b", "c"], rows, width))
        assert len({measure(line) for line in lines}) == 1
        if width is not None:
            assert measure(lines[0]) <= max(width, 3 * 8 + 10)
        cells = [line[2:-2].split(" | ") for line in lines if line.startswith("|")]
        for shown in (text(cell) for row in rows for cell in row):
            if " " not in shown and "|" not in shown and width is None:
                assert any(shown == cell.rstrip() for row in cells for cell in row)


class TestYaml:
    @given(JSON)
    @settings(deadline=None, max_examples=150)
    @pytest.mark.parametrize("version", [(1, 1), (1, 2)])
    def test_reads_back_as_what_it_was(self, version: tuple[int, int], value: Any) -> None:
        assert _read("\n".join(yaml.lines(value)), version) == value

    @pytest.mark.parametrize(
        "word", ["no", "Yes", "ON", "null", "~", "", "-", "1e3", "0x1f", "1:30", "2026-01-01", "=", "<<", ".inf"]
    )
    @pytest.mark.parametrize("version", [(1, 1), (1, 2)])
    def test_words_stay_text(self, version: tuple[int, int], word: str) -> None:
        assert _read("\n".join(yaml.lines({word: [word]})), version) == {word: [word]}

    def test_looks_like_this(self) -> None:
        value = {"ports": [{"id": "a", "count": 5, "tags": ["x", "y: z"], "none": None, "empty": []}]}
        assert list(yaml.lines(value)) == [
            "ports:",
            "  - id: a",
            "    count: 5",
            "    tags:",
            "      - x",
            '      - "y: z"',
            "    none: null",
            "    empty: []",
        ]


def _read(text: str, version: tuple[int, int]) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = version  # type: ignore[assignment]
    reader.allow_duplicate_keys = True
    return json.loads(json.dumps(reader.load(io.StringIO(text))))
