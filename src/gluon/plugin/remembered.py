# SPDX-License-Identifier: Apache-2.0
"""What Neutron's database is asked for once, and not at every port that is shown. Pure but for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Thing = TypeVar("Thing")

#: Seconds after which it is looked for again where it was not there.
_AGAIN: Final = 5.0


class Remembered(Generic[Thing]):
    """Something that ``look`` finds, or None. What was found stays; that there was nothing is believed for a while."""

    def __init__(self, look: Callable[[], Thing | None], again: float = _AGAIN) -> None:
        self._look = look
        self._again = again
        self._found: Thing | None = None
        self._missed = float("-inf")

    def known(self) -> Thing | None:
        """What it is; None where there is nothing, or was a moment ago."""
        if self._found is None and time.monotonic() >= self._missed + self._again:
            self._found = self._look()
            if self._found is None:
                self._missed = time.monotonic()
        return self._found

    def look_again(self) -> None:
        """Where there was nothing, there may be something now."""
        self._missed = float("-inf")

    def forget(self) -> None:
        """What was found may have changed."""
        self._found = None
