# SPDX-License-Identifier: Apache-2.0
"""One page of a list whose ports have two homes: Neutron's database and the Proton Servers. Pure.

in the order of ids     each source gives one page behind the marker, and the two are merged
in any other order      each source says of all its ports what they are sorted by; of the page, those it has

A marker is only an id, of a port of either source. Behind an id each source knows by itself what comes. Another order two
databases never agree on (what is 'é' beside 'e'?), and a page that each cut by its own would lose ports or show them twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

#: A port as Neutron shows it.
Shown = dict[str, Any]
#: Keys, and whether they rise.
Sorts = Sequence[tuple[str, bool]]

_ID: Final = "id"


class MarkerGone(Exception):
    """There is no port of the marker's id among those listed."""


class Source(Protocol):
    """Where ports are, of those that fit a list's filters."""

    def after(self, id: str | None, limit: int | None, *, rising: bool) -> Sequence[Shown]:
        """At most ``limit`` ports in the order of ids, rising or falling, behind an id or from the beginning."""

    def index(self, keys: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """Of all ports the id and these keys."""

    def those(self, ids: Sequence[str]) -> Iterable[Shown]:
        """The ports with these ids, in any order."""


def page(sources: Sequence[Source], sorts: Sorts, limit: int | None, marker: str | None, *, reverse: bool = False) -> list[Shown]:
    """At most ``limit`` ports behind the marker in the order of ``sorts``, or with ``reverse`` before it, nearest to it.

    Raises MarkerGone, where an order that is not of ids is asked for and the marker is none of the ports.
    """
    if not sorts or sorts[0][0] == _ID:
        return _by_id(sources, not sorts or sorts[0][1], limit, marker, reverse)
    order = [*sorts, *([] if any(key == _ID for key, _ in sorts) else [(_ID, True)])]
    if limit is None and marker is None:
        return _sorted((port for source in sources for port in source.after(None, None, rising=True)), order)
    return _by_index(sources, order, limit, marker, reverse)


def _by_id(sources: Sequence[Source], rising: bool, limit: int | None, marker: str | None, reverse: bool) -> list[Shown]:
    rising = rising is not reverse
    found = [source.after(marker, limit, rising=rising) for source in sources]
    merged = list(heapq.merge(*found, key=lambda port: port[_ID], reverse=not rising))[:limit]
    return merged[::-1] if reverse else merged


def _by_index(sources: Sequence[Source], order: Sorts, limit: int | None, marker: str | None, reverse: bool) -> list[Shown]:
    keys = [key for key, _ in order]
    home = {row[_ID]: (source, row) for source in sources for row in source.index(keys)}
    ids = [row[_ID] for row in _sorted((row for _, row in home.values()), order)]
    try:
        at = ids.index(marker) if marker is not None else (len(ids) if reverse else -1)
    except ValueError:
        raise MarkerGone(marker) from None
    count = len(ids) if limit is None else limit
    wanted = ids[max(0, at - count) : at] if reverse else ids[at + 1 : at + 1 + count]
    ports: dict[str, Shown] = {}
    for source in sources:
        own = [id for id in wanted if home[id][0] is source]
        ports |= {port[_ID]: port for port in (source.those(own) if own else ())}
    return [ports[id] for id in wanted if id in ports]  # one may have gone since


def _sorted(rows: Iterable[Any], order: Sorts) -> list[Any]:
    found = list(rows)
    for key, rises in reversed(order):
        found.sort(key=lambda row: _place(row.get(key)), reverse=not rises)
    return found


def _place(value: Any) -> tuple[Any, ...]:
    """What a value is sorted by: nothing first, texts without regard to case."""
    if value is None:
        return (0,)
    return (1, value.casefold(), value) if isinstance(value, str) else (1, value)
