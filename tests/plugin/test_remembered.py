# SPDX-License-Identifier: Apache-2.0
"""How often something is looked for."""

from gluon.plugin.remembered import Remembered


def test_what_is_found_is_not_looked_for_again_until_it_is_forgotten() -> None:
    answers = iter(["first", "second"])
    remembered = Remembered(lambda: next(answers))
    assert [remembered.known(), remembered.known()] == ["first", "first"]
    remembered.forget()
    assert [remembered.known(), remembered.known()] == ["second", "second"]


def test_what_is_not_there_is_looked_for_again_after_a_while() -> None:
    for again, seen in ((3600.0, [None] * 4), (0.0, [None, None, "there", "there"])):
        answers = iter([None, None, "there"])
        remembered = Remembered(lambda answers=answers: next(answers), again)  # type: ignore[misc]
        assert [remembered.known() for _ in range(4)] == seen


def test_what_is_not_there_is_looked_for_at_once_where_it_may_have_come() -> None:
    answers = iter([None, "there"])
    remembered = Remembered(lambda: next(answers), 3600.0)
    assert remembered.known() is None
    for _ in range(2):
        remembered.look_again()
        assert remembered.known() == "there"
