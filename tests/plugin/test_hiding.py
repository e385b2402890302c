# SPDX-License-Identifier: Apache-2.0
"""Pages of a list without what is hidden in it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from gluon.plugin.hiding import without

Items = list[dict[str, Any]]
LISTS = some.lists(some.booleans(), max_size=12)


def hidden(item: dict[str, Any]) -> bool:
    return bool(item["hidden"])


def made(flags: list[bool]) -> Items:
    return [{"id": n, "hidden": flag} for n, flag in enumerate(flags)]


@given(LISTS, some.none() | some.integers(1, 14), some.booleans())
def test_a_page_is_as_full_as_if_nothing_were_hidden(flags: list[bool], limit: int | None, reverse: bool) -> None:
    items, asked = made(flags), list[int | None]()

    def listed(count: int | None) -> Items:
        asked.append(count)
        if count is None:
            return items
        return items[-count:] if reverse else items[:count]

    seen = [item for item in items if not hidden(item)]
    page = seen if limit is None else seen[-limit:] if reverse else seen[:limit]
    assert without(hidden, listed, limit, reverse=reverse) == page
    first = items if limit is None else items[-limit:] if reverse else items[:limit]
    assert asked[0] == limit
    if not any(map(hidden, first)):
        assert len(asked) == 1, "nothing is hidden in what was asked for"
    assert len(asked) <= 1 + sum(flags)


@given(LISTS, some.integers(1, 5))
def test_pages_one_after_another_are_the_whole(flags: list[bool], limit: int) -> None:
    items, found, marker = made(flags), Items(), -1
    while True:
        rest = items[marker + 1 :]
        page = without(hidden, lambda count, rest=rest: rest[:count], limit)  # type: ignore[misc]
        found += page
        if len(page) < limit:
            break
        marker = page[-1]["id"]
    assert found == [item for item in items if not hidden(item)]
