# SPDX-License-Identifier: Apache-2.0
"""How often something is looked for."""

import itertools
from types import SimpleNamespace

import pytest

from gluon.plugin.remembered import Remembered


def test_what_is_found_is_not_looked_for_again_until_it_is_forgotten() -> None:
    answers = iter(["first", "second"])
    remembered = Remembered(lambda: next(answers), 3600.0)
    assert [remembered.known(), remembered.known()] == ["first", "first"]
    remembered.forget()
    assert [remembered.known(), remembered.known()] == ["second", "second"]


@pytest.mark.parametrize(
    ("again", "stays", "seen"),
    [
        (3600.0, False, [None] * 4),
        (0.0, False, [None, "there", None, "again"]),
        (0.0, True, [None, "there", "there", "there"]),
    ],
)
def test_it_is_looked_for_again_after_a_while(again: float, stays: bool, seen: list[str | None]) -> None:
    answers = iter([None, "there", None, "again"])
    remembered = Remembered(lambda: next(answers), again, stays=stays)
    assert [remembered.known() for _ in range(4)] == seen


def test_who_asks_while_it_is_looked_for_again_goes_by_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, answers, within = itertools.count(0, 10), iter(["first", "second"]), list[str | None]()
    monkeypatch.setattr("gluon.plugin.remembered.time", SimpleNamespace(monotonic=lambda: next(clock)))

    def look() -> str:
        if found:
            within.append(remembered.known())
        return next(answers)

    found = list[str | None]()
    remembered = Remembered(look, 15)
    for _ in range(3):
        found.append(remembered.known())
    assert (found, within) == (["first", "first", "second"], ["first"])
