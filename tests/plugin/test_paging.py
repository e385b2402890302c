# SPDX-License-Identifier: Apache-2.0
"""Pages of two sources, one after the other, show every port once and in order, whichever order that is."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon.plugin.paging import MarkerGone, Shown, Sorts, page


class Listed:
    """A source in memory. ``asked`` counts what a real one would be asked for."""

    def __init__(self, ports: Sequence[Shown]) -> None:
        self.ports = {port["id"]: port for port in ports}
        self.asked = 0

    def after(self, id: str | None, limit: int | None, *, rising: bool) -> Sequence[Shown]:
        self.asked += 1
        ids = sorted(self.ports, reverse=not rising)
        return [self.ports[i] for i in ids if id is None or (i > id if rising else i < id)][:limit]

    def index(self, keys: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        self.asked += 1
        return [{"id": port["id"], **{key: port[key] for key in keys}} for port in self.ports.values()]

    def those(self, ids: Sequence[str]) -> Iterable[Shown]:
        self.asked += 1
        return [self.ports[id] for id in ids]


_ports = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids().map(str),
            "name": st.sampled_from(["", "a", "A", "b", "é", "e", "Z"]),
            "device_id": st.sampled_from([None, "", "vm"]),
            "admin_state_up": st.booleans(),
        }
    ),
    max_size=12,
    unique_by=lambda port: port["id"],
)
_sorts = st.lists(
    st.tuples(st.sampled_from(["id", "name", "device_id", "admin_state_up"]), st.booleans()),
    max_size=3,
    unique_by=lambda sort: sort[0],
)


def sources(ports: list[Shown]) -> tuple[Listed, Listed]:
    return Listed(ports[::2]), Listed(ports[1::2])


def walk(pair: tuple[Listed, Listed], sorts: Sorts, limit: int, *, reverse: bool) -> list[str]:
    """The ids of all ports, page by page."""
    walked: list[str] = []
    marker = None
    while found := page(pair, sorts, limit, marker, reverse=reverse):
        assert len(found) <= limit
        ids = [port["id"] for port in found]
        walked = ids + walked if reverse else walked + ids
        marker = ids[0] if reverse else ids[-1]
    return walked


@given(_ports, _sorts, st.integers(1, 5), st.booleans())
def test_pages_put_together_are_the_list(ports: list[Shown], sorts: Sorts, limit: int, reverse: bool) -> None:
    pair = sources(ports)
    whole = [port["id"] for port in page(pair, sorts, None, None)]
    assert sorted(whole) == sorted(port["id"] for port in ports)
    assert walk(pair, sorts, limit, reverse=reverse) == whole


@given(_ports, _sorts)
def test_the_whole_list_is_in_order(ports: list[Shown], sorts: Sorts) -> None:
    found = page(sources(ports), sorts, None, None)
    first = sorts[0] if sorts else ("id", True)
    values = [port[first[0]] for port in found]
    placed = [("" if v is None else v.casefold() if isinstance(v, str) else v) for v in values]
    assert placed == sorted(placed, reverse=not first[1])


def test_what_a_page_costs() -> None:
    pair = sources([{"id": str(uuid.uuid4()), "name": str(n)} for n in range(20)])
    page(pair, [("id", True)], 5, None)
    assert [source.asked for source in pair] == [1, 1]


def test_a_marker_that_no_port_has() -> None:
    pair = sources([{"id": "b", "name": "x"}, {"id": "d", "name": "y"}])
    assert [port["id"] for port in page(pair, [], 5, "c")] == ["d"], "behind an id one can always go on"
    with pytest.raises(MarkerGone):
        page(pair, [("name", True)], 5, "c")
