# SPDX-License-Identifier: Apache-2.0
"""Whatever a list asks for comes whole and in order, in requests that a server takes, and no more of them than are read."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from gluon.backends.driver import Filters
from gluon.backends.ports import Page, Port
from gluon.plugin.asking import PAGE, backwards, ports
from tests.plugin.test_showing import PORT

#: Ports on a page, where nobody says.
DEFAULT = 4
#: Bytes that the filters of one request may be.
ROOM = 6000


class Listed:
    """The list of a driver, in memory. It does what the contract of drivers says of lists, and notes what it was asked for."""

    def __init__(self, listed: Sequence[Port], most: int = PAGE) -> None:
        self._ports = sorted(listed, key=lambda port: port.id)
        self._most = most
        self.asked: list[tuple[Filters, int | None]] = []

    @property
    def longest(self) -> int:
        """Bytes of the longest query that the filters came to."""
        return max((len(urlencode(filters, doseq=True)) for filters, _ in self.asked), default=0)

    def ports(self, filters: Filters, limit: int | None = None, after: str | None = None) -> Page:
        self.asked.append((filters, limit))
        wanted = {name: set(values) for name, values in filters.items()}
        fitting = [p for p in self._ports if all(getattr(p, name) in values for name, values in wanted.items())]
        behind = [p for p in fitting if after is None or p.id > after]
        page = tuple(behind[: min(limit or DEFAULT, self._most)])
        return Page(page, page[-1].id if len(page) < len(behind) else None)


def made(ids: Sequence[int], devices: int = 3) -> list[Port]:
    return [replace(PORT, id=f"{id:036}", device_id=f"{id % devices:036}", name="odd" if id % 2 else "even") for id in ids]


_numbers = st.lists(st.integers(0, 999), max_size=30, unique=True)


@given(_numbers, st.none() | st.integers(1, 50), st.integers(1, 7), st.none() | st.integers(0, 999))
def test_all_that_fit_come_in_order(numbers: list[int], at_once: int | None, most: int, behind: int | None) -> None:
    listed = made(numbers)
    driver: Any = Listed(listed, most)
    after = f"{behind:036}" if behind is not None else None
    expected = sorted(port.id for port in listed if after is None or port.id > after)
    assert [port.id for port in ports(driver, {}, at_once, after)] == expected
    odd = {"name": ["odd"], "device_id": [f"{n:036}" for n in range(3)]}
    assert [port.id for port in ports(driver, odd, at_once, after)] == [id for id in expected if int(id) % 2]


def test_many_values_are_asked_for_in_parts() -> None:
    listed = made(range(1000), devices=500)
    for name, values in (("id", [port.id for port in listed]), ("device_id", [f"{n:036}" for n in range(500)])):
        driver: Any = Listed(listed)
        found = list(ports(driver, {name: values, "name": ["odd"]}, 2000))
        assert [port.id for port in found] == [port.id for port in listed if port.name == "odd"]
        assert len(driver.asked) > 1
        assert {limit for _, limit in driver.asked} == {PAGE} and driver.longest <= ROOM


@given(
    st.integers(0, 200),
    st.integers(0, 200),
    st.sampled_from([["odd"], ["odd", "even"], ["odd", *map("a/b ü{}".format, range(150))]]),
)
def test_all_filters_together_have_the_room_of_one_request(ids: int, devices: int, names: list[str]) -> None:
    listed = made(range(500), devices=500)
    driver: Any = Listed(listed)
    asked = {"id": [port.id for port in listed[:ids]], "device_id": [f"{n:036}" for n in range(devices)], "name": names}
    found = list(ports(driver, asked, 2000))
    assert found == [port for port in listed[: min(ids, devices)] if port.name in names]
    assert driver.longest <= ROOM


def test_few_values_leave_their_room_to_others() -> None:
    listed = made(range(140))
    driver: Any = Listed(listed)
    assert len(list(ports(driver, {"id": [port.id for port in listed], "name": ["odd"]}, 2000))) == 70
    assert len(driver.asked) == 1


def test_what_is_asked_for_twice_comes_once() -> None:
    listed = made(range(500), devices=500)
    for name, values in (("id", [port.id for port in listed]), ("device_id", [port.device_id for port in listed])):
        assert list(ports(Listed(listed), {name: values * 2}, 2000)) == listed  # type: ignore[arg-type]


def test_what_nobody_reads_is_not_asked_for() -> None:
    listed = made(range(1000))
    driver: Any = Listed(listed)
    assert len(list(islice(ports(driver, {"id": [port.id for port in listed]}, 10), 10))) == 10
    assert len(driver.asked) == 1
    few: Any = Listed(listed)
    assert list(ports(few, {"id": [listed[0].id, listed[999].id]}, 10, listed[0].id)) == [listed[999]]
    assert few.asked == [({"id": [listed[999].id]}, 10)]


def test_nothing_asked_for_is_nothing() -> None:
    for asked in ({"id": []}, {"device_id": []}, {"id": [], "device_id": ["vm"]}):
        assert list(ports(Listed(made([1])), asked)) == []  # type: ignore[arg-type]


@given(_numbers, st.integers(1, 50), st.integers(1, 7), st.sampled_from([{}, {"name": ["odd"]}]))
def test_backwards_is_the_same_list_turned_round(numbers: list[int], wanted: int, most: int, asked: dict[str, Any]) -> None:
    driver: Any = Listed(made(numbers), most)
    ids = [port.id for port in ports(driver, {})]
    rising = [port.id for port in ports(driver, asked)]
    assert [port.id for port in backwards(partial(ports, driver, asked), ids, wanted)] == rising[::-1]


def test_what_a_page_costs_backwards() -> None:
    listed = made(range(500))
    ids = [port.id for port in listed]
    for before, wanted in ((500, 10), (200, 10), (5, 10), (200, 150)):
        driver: Any = Listed(listed)
        found = islice(backwards(partial(ports, driver, {}), ids[:before], wanted), wanted)
        assert [port.id for port in found] == ids[max(0, before - wanted) : before][::-1] and len(driver.asked) == 1
    seldom: Any = Listed(listed)
    rare = {"device_id": [listed[0].device_id], "name": ["nobody's"]}
    assert list(backwards(partial(ports, seldom, rare), ids, 1)) == [] and len(seldom.asked) < 10
