# SPDX-License-Identifier: Apache-2.0
"""What can be wrong in a model: a fault has a place, a message and, where one can be guessed, a suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from gluon.errors import GluonError
from gluon.model.schema import Place


@dataclass(frozen=True, slots=True)
class ModelFault:
    """One thing wrong in a model, printed as ``file:line:column: message: did you mean 'x'?``."""

    place: Place
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}"
        return f"{text}: did you mean '{self.suggestion}'?" if self.suggestion else text


class ModelError(GluonError):
    """A model is refused. ``faults`` holds every one that was found, in the order of the files' lines."""

    def __init__(self, faults: Iterable[ModelFault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda f: (f.place.file, f.place.line, f.place.column)))
        super().__init__("\n".join(map(str, self.faults)))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of ``words`` that a writer of ``word`` most likely meant, or None."""
    by_lower = {w.lower(): w for w in words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
