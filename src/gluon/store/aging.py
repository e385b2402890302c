# SPDX-License-Identifier: Apache-2.0
"""How long the oldest change row has waited, whatever happens to the clock on the wall.

    looks: rows ..7 at 100 s · rows ..9 at 101 s · now, at 160 s, the oldest is 8   ─►   59 to 60 s

Rows are numbered in the order in which they came, near enough, so that looks at the newest tell between which two one came. What
the row says itself counts within these bounds; only of rows that were there at the first look there is no upper one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

#: Looks that are remembered. Where there are more, every other one is forgotten, and bounds are wider.
_MOST: Final = 1000


class Aging:
    """What one process saw of the change rows. ``clock`` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: deque[tuple[int, float]] = deque()  # the newest row that there ever was, and when it was looked
        self._newest = 0

    def empty(self) -> None:
        """There are no rows."""
        self._look()

    def seen(self, oldest: int, newest: int, said: float) -> float:
        """The age in seconds of the ``oldest`` row, which is ``said`` by what it says itself."""
        self._newest = max(newest, self._newest)
        now = self._look()
        while len(self._looks) > 1 and self._looks[1][0] < oldest:
            self._looks.popleft()
        newest_then, then = self._looks[0]
        if newest_then >= oldest:
            return max(said, now - then)
        return min(max(said, now - self._looks[1][1]), now - then)

    def _look(self) -> float:
        """Remember the look, the first and the last of those that saw the same; when it is."""
        now = self._clock()
        if len(self._looks) > 1 and self._looks[-1][0] == self._looks[-2][0] == self._newest:
            self._looks.pop()
        self._looks.append((self._newest, now))
        if len(self._looks) > _MOST:
            self._looks = deque(list(self._looks)[::-2][::-1])
        return now
