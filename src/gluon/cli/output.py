# SPDX-License-Identifier: Apache-2.0
"""Answers on standard output, in the form that was asked for.

json is the answer's very bytes, unless columns were chosen or a list came in several pages. value is one line for each object
of a list, or for each attribute of a single object, made for scripts: tabs between, control characters in a text escaped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from gluon.client.http import Response

#: What would end a line or a field early, or reach the terminal as a command.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Output:
    """Where to and how: ``columns`` are those that were asked for, none for all."""

    stream: TextIO
    form: str
    columns: tuple[str, ...] = ()

    def one(self, answer: Response) -> None:
        """Write one object."""
        if self.form == "json" and not self.columns:
            self._raw(answer.body)
            return
        shown = self._chosen(answer.json())
        match self.form:
            case "json":
                self._lines([json.dumps(shown, ensure_ascii=False)])
            case "yaml":
                self._yaml(shown)
            case "value":
                self._lines(_plain(value) for value in shown.values())
            case _:
                self._table(("attribute", "value"), list(shown.items()))

    def many(self, pages: Sequence[Response], key: str, columns: Sequence[str]) -> None:
        """Write a list that came in ``pages``, each with its objects under ``key``; a table of all has ``columns``."""
        if self.form == "json" and not self.columns and len(pages) == 1:
            self._raw(pages[0].body)
            return
        rows = [row for page in pages for row in page.json()[key]]
        heads = self.columns or columns
        match self.form:
            case "json":
                self._lines([json.dumps({key: [self._chosen(row) for row in rows]}, ensure_ascii=False)])
            case "yaml":
                self._yaml({key: [self._chosen(row) for row in rows]})
            case "value":
                self._lines("\t".join(_plain(row.get(c)) for c in heads) for row in rows)
            case _:
                self._table(heads, [[row.get(c) for c in heads] for row in rows])

    def _chosen(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {c: row.get(c) for c in self.columns} if self.columns else row

    def _yaml(self, value: Any) -> None:
        from gluon.cli import yaml  # only when it is asked for: starting fast is the point of this client

        self._lines(yaml.lines(value))

    def _table(self, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        from gluon.cli.table import table  # as above

        self._lines(table(heads, rows, _width(self.stream)))

    def _lines(self, lines: Iterable[str]) -> None:
        self.stream.writelines(f"{line}\n" for line in lines)

    def _raw(self, body: bytes) -> None:
        self.stream.flush()
        self.stream.buffer.write(body if body.endswith(b"\n") else body + b"\n")


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return _CONTROLS.sub(_escaped, value)
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _width(stream: TextIO) -> int | None:
    """The columns of the terminal; None where it goes elsewhere. $COLUMNS wins, as it does elsewhere."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
