# SPDX-License-Identifier: Apache-2.0
"""Names in SQL made from names in a model: lower snake case, bounded, never two alike."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable
from typing import Final

#: Names stay below the 63 bytes of PostgreSQL and the 64 characters of MariaDB.
_LONGEST_NAME: Final = 60


class Names:
    """Hands out bounded names, no two equal in any case; one that is cut or taken ends in a hash of the whole."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, name: str) -> str:
        """The name, or what stands for it."""
        bounded = bound(name)
        for attempt in itertools.count(1):
            if bounded.lower() not in self._taken:
                break
            bounded = _hashed(name, f"{name} {attempt}")
        self._taken.add(bounded.lower())
        return bounded


def snake(name: str) -> str:
    """``VPNPort`` → ``vpn_port``, ``net-l3vpn`` → ``net_l3vpn``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W", "_", words).lower()


def bound(name: str) -> str:
    """A name of at most 60 characters; one that is cut ends in a hash of the whole."""
    return name if len(name) <= _LONGEST_NAME else _hashed(name, name)


def _hashed(name: str, whole: str) -> str:
    return f"{name[: _LONGEST_NAME - 9]}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
