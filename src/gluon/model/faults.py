# SPDX-License-Identifier: Apache-2.0
"""What can be wrong in a model: a fault has a place, a message and, where one can be guessed, a suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from gluon.errors import GluonError
from gluon.model.schema import Place

#: How much of a message is printed: the model's writer chose how long its words are.
MAX_MESSAGE: Final = 500
#: How many faults are looked for.
MAX_FAULTS: Final = 1000


@dataclass(frozen=True, slots=True)
class ModelFault:
    """One thing wrong in a model, printed as ``file:line:column: message: did you mean 'x'?``."""

    place: Place
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """One line, whatever the model holds."""
        message = self.message if len(self.message) <= MAX_MESSAGE else f"{self.message[:MAX_MESSAGE]}…"
        text = f"{self.place}: {message}" + (f": did you mean '{self.suggestion}'?" if self.suggestion else "")
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class ModelError(GluonError):
    """A model is refused. ``faults`` holds every one that was found, in the order of the files' lines."""

    def __init__(self, faults: Iterable[ModelFault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda f: (f.place.file, f.place.line, f.place.column)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(slots=True)
class Faults:
    """Collects faults while a model is read, so that all of them are reported at once. Nothing is reported twice.

    A file with more than ``MAX_FAULTS`` of them is given up: whatever notes a fault may raise ``ModelError``.
    """

    found: dict[ModelFault, None] = field(default_factory=dict)
    noted: set[tuple[Place, str]] = field(default_factory=set)

    def add(self, place: Place, message: str, suggestion: str | None = None) -> Self:
        """Note a fault; returns itself so that ``raise faults.add(…).error()`` reads well."""
        if (place, message) not in self.noted:
            self.noted.add((place, message))
            self.found.setdefault(ModelFault(place, message, suggestion))
        if len(self.found) > MAX_FAULTS:
            self.found.popitem()
            raise ModelError([*self.found, ModelFault(place, f"and so on: more than {MAX_FAULTS} faults")])
        return self

    def unknown(self, place: Place, what: str, word: str, words: Iterable[str]) -> None:
        """Note that ``word`` is not one of ``words``, with the nearest of them."""
        message = f"unknown {what} '{word}'"
        if (place, message) not in self.noted:  # looking for the nearest is slow
            self.add(place, message, nearest(word, words))

    def no_choice(self, place: Place, what: str, word: str, words: Collection[str]) -> None:
        """Note that ``word`` is not one of a few ``words``, with the nearest or all of them."""
        near = nearest(word, words)
        self.add(place, f"unknown {what} '{word}'" + ("" if near else f": there are {', '.join(words)}"), near)

    def error(self) -> ModelError:
        """The error that carries all that was found."""
        return ModelError(self.found)

    def raise_any(self) -> None:
        """Raise ``ModelError`` if anything was found."""
        if self.found:
            raise self.error()


def nearest(word: str, words: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The one of ``words`` that a writer of ``word`` most likely meant, or None. ``likeness`` is 1 for the same."""
    by_lower = {w.lower(): w for w in words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[close[0]] if close else None
