# SPDX-License-Identifier: Apache-2.0
"""A list of a driver's, whatever is asked of it, in requests of a size that Proton Servers take. Pure but for the driver.

{"id": 500 ids}                       ─►  four requests, one after the other, for as long as somebody reads on
{"device_id": 500 ids, "name": …}     ─►  four requests, what they give put in one order
{"id": 140 ids, "device_id": 130}     ─►  six requests: the room in one is for all filters together
the ten before id …90, falling        ─►  a page behind …80: servers list by rising ids alone, but which there are is known
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote_plus

from gluon.backends.driver import Driver, Filters, pages
from gluon.backends.ports import Port

#: Ports on a page, at most: what a server has at hand before anybody is tired of waiting for it.
PAGE: Final = 1000
#: Values of a filter that one request takes, and how many bytes all its filters may be: proxies take no more than 8 kB in all.
_VALUES: Final = 1000
_BYTES: Final = 6000


def ports(driver: Driver, asked: Filters, at_once: int | None = None, after: str | None = None) -> Iterator[Port]:
    """The ports that fit, in the order of ids, behind ``after``; each page is asked for when the one before it has been used.

    ``at_once``: how many are wanted on a page. Raises DriverError.
    """
    # Of an id that is said twice, the port would come twice where requests part just there.
    ids = sorted({id for id in asked.get("id", ()) if after is None or id > after})
    wanted: Filters = {**asked, "id": ids} if "id" in asked else asked
    room = _shares({name: sum(_size(name, value) for value in values) for name, values in wanted.items()})
    others = {name: list(_parts(name, values, room[name])) for name, values in wanted.items() if name != "id"}
    limit = min(at_once, PAGE) if at_once is not None else None
    for some in _parts("id", ids, room["id"]) if "id" in asked else [None]:
        within = {"id": some} if some is not None else {}
        combined = itertools.product(*others.values())
        lists = (_list(driver, {**within, **dict(zip(others, values, strict=True))}, limit, after) for values in combined)
        # A port that fits more than one of them, as where a value is said twice, is still one.
        for _, same in itertools.groupby(heapq.merge(*lists, key=_id), key=_id):
            yield next(same)


def backwards(read: Callable[[int, str | None], Iterator[Port]], ids: Sequence[str], wanted: int) -> Iterator[Port]:
    """The ports of a list in the order of falling ids.

    ``read``: gives them rising, so many at once, behind an id. ``ids``: all that may be among them, rising. About as many as
    ``wanted`` will be used; where few of a page fit, the next one is wider.
    """
    while ids:
        wanted = min(wanted, PAGE - 1)
        last, ids = ids[-1], ids[:-wanted]
        # One more than there are, so that nobody has to ask whether the page ends here.
        page = read(wanted + 1, ids[-1] if ids else None)
        yield from reversed(list(itertools.takewhile(partial(_is_not_behind, last), page)))
        wanted *= 2


def _id(port: Port) -> str:
    return port.id


def _is_not_behind(last: str, port: Port) -> bool:
    return port.id <= last


def _list(driver: Driver, asked: Mapping[str, Collection[Any]], limit: int | None, after: str | None) -> Iterator[Port]:
    for page in pages(driver, asked, limit, after):
        yield from page.ports


def _shares(sizes: Mapping[str, int]) -> dict[str, int]:
    """How many of a request's bytes each filter has: what those of few values leave over is for the others."""
    shares: dict[str, int] = {}
    left = _BYTES
    for name in sorted(sizes, key=sizes.__getitem__):
        shares[name] = min(sizes[name], left // (len(sizes) - len(shares)))
        left -= shares[name]
    return shares


def _parts(name: str, values: Collection[Any], room: int) -> Iterator[list[Any]]:
    """The values in groups that one request takes, which has so many bytes for them."""
    part: list[Any] = []
    size = 0
    for value in values:
        more = _size(name, value)
        if part and (len(part) == _VALUES or size + more > room):
            yield part
            part, size = [], 0
        part.append(value)
        size += more
    if part:
        yield part


def _size(name: str, value: Any) -> int:
    """Bytes of one value in a query."""
    return len(name) + len("=&") + len(quote_plus(str(value), errors="replace"))
