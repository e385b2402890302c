# SPDX-License-Identifier: Apache-2.0
"""Tells whoever waits at a terminal, on stderr, how far something is that takes long."""

from __future__ import annotations

import sys
import time
from typing import Final

_EVERY: Final = 2.0  # seconds; what is done sooner says nothing


class Progress:
    """Called with how many objects of ``name`` were compared so far, prints a line from time to time."""

    def __init__(self, name: str, every: float = _EVERY) -> None:
        self._name = name
        self._every = every
        self._due = time.monotonic() + every

    def __call__(self, compared: int) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._every
            print(f"{self._name}: {compared:,} objects compared so far", file=sys.stderr, flush=True)
