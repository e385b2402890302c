# SPDX-License-Identifier: Apache-2.0
"""What Neutron's database is asked for once, and not at every port that is shown. Pure but for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Thing = TypeVar("Thing")

#: Seconds after which it is looked for again.
_AGAIN: Final = 5.0


class Remembered(Generic[Thing]):
    """Something that ``look`` finds, or None: believed for ``again`` seconds, as another process of Neutron's may change it.

    What ``stays`` is believed for good once it was found.
    """

    def __init__(self, look: Callable[[], Thing | None], again: float = _AGAIN, *, stays: bool = False) -> None:
        self._look = look
        self._again = again
        self._stays = stays
        self._found: Thing | None = None
        self._looked = float("-inf")

    def known(self) -> Thing | None:
        """What it is, or was a moment ago; None where there is nothing."""
        now = time.monotonic()
        if now >= self._looked + self._again and not (self._stays and self._found is not None):
            if self._found is not None:
                self._looked = now  # others who ask meanwhile go by what was found, and do not look as well
            self._found = self._look()
            self._looked = time.monotonic()
        return self._found

    def forget(self) -> None:
        """What was found may have changed."""
        self._found = None
        self._looked = float("-inf")
