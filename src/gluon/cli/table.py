# SPDX-License-Identifier: Apache-2.0
"""Tables for people: fit into a width, know wide and combining characters, let no control character reach the terminal."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

from gluon.cli.screen import visible

#: A column is not made narrower than this, however narrow the terminal is: the table is then too wide.
_NARROWEST: Final = 8


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], width: int | None = None) -> Iterator[str]:
    """The lines of a table. What does not fit into ``width`` columns of the terminal goes on in the next line."""
    cells = [[text(cell) for cell in row] for row in rows]
    widths = [max(map(measure, column)) for column in zip(heads, *cells, strict=True)]
    if width is not None:
        widths = _fitted(widths, width - 3 * len(widths) - 1)
    rule = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    yield rule
    yield from _lines(heads, widths)
    yield rule
    for row in cells:
        yield from _lines(row, widths)
    if cells:
        yield rule


def text(value: Any) -> str:
    """A value as a table shows it: nothing for null, JSON for what has parts, and no control characters."""
    if value is None:
        return ""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(shown)


def measure(shown: str) -> int:
    """The columns that a text takes on a terminal (Unicode Standard Annex 11)."""
    return len(shown) if shown.isascii() else sum(map(_columns, shown))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths whose sum is no more than ``room``. The first column, by which a row is known, stays whole if it can."""
    first, *others = widths
    if others and first + sum(min(w, _NARROWEST) for w in others) <= room:
        return [first, *_narrowed(others, room - first)]
    return _narrowed(widths, room)


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """The widest made narrower until the sum is no more than ``room``."""
    fitted = list(widths)
    while sum(fitted) > room:
        widest = max(fitted)
        if widest <= _NARROWEST:
            break
        below = max((w for w in fitted if w < widest), default=0)
        count = fitted.count(widest)
        target = max(below, widest - -(-(sum(fitted) - room) // count), _NARROWEST)
        fitted = [target if w == widest else w for w in fitted]
    return fitted


def _lines(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """One row; several lines where a cell is wider than its column."""
    pieces = [_cut(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for line in zip_longest(*pieces, fillvalue=""):
        padded = (piece + " " * (width - measure(piece)) for piece, width in zip(line, widths, strict=True))
        yield "| " + " | ".join(padded) + " |"


def _cut(cell: str, width: int) -> list[str]:
    if measure(cell) <= width:
        return [cell]
    pieces, piece, filled = [], "", 0
    for character in cell:
        columns = _columns(character)
        if filled + columns > width:
            pieces.append(piece)
            piece, filled = "", 0
        piece += character
        filled += columns
    return [*pieces, piece]
