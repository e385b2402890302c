# SPDX-License-Identifier: Apache-2.0
"""A list without what is hidden from whoever asks, its pages as full as without that. Pure.

The network that stands for Gluon must be shared, or nobody could boot on its ports. But a tenant has no use for it in a list, and
Nova takes every shared network for one to choose from. Neutron links to the next page only where a page is full, so what takes
the place of the hidden is what follows in the list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A network or a subnet as Neutron shows it.
Shown = dict[str, Any]


def without(
    hides: Callable[[Shown], bool], listed: Callable[[int | None], list[Shown]], limit: int | None, *, reverse: bool = False
) -> list[Shown]:
    """At most ``limit`` of what is ``listed`` and not hidden.

    ``listed`` gives as many of the list as it is asked for, always from the same place; with ``reverse`` those that end there.
    It is asked once where nothing in the page is hidden.
    """
    more = 0
    while True:
        found = listed(None if limit is None else limit + more)
        seen = [item for item in found if not hides(item)]
        if limit is None:
            return seen
        if len(seen) >= limit or len(found) < limit + more:
            return seen[-limit:] if reverse else seen[:limit]
        more = len(found) - len(seen)
