# SPDX-License-Identifier: Apache-2.0
"""How the loops of this package go on when etcd or the database does not: wait longer each time, say so once.

It decides nothing about what failed; whoever repeats must make sure that repeating does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gluon.errors import GluonError

_log = logging.getLogger(__name__)
_FIRST = 0.05
_MOST = 2.0


class Backoff:
    """Waits before each next attempt: twice as long each time, up to a limit, until it went well."""

    def __init__(self, first: float = _FIRST, most: float = _MOST) -> None:
        self._first = first
        self._most = most
        self._next = first

    def reset(self) -> None:
        """It went well: the next failure waits briefly again."""
        self._next = self._first

    async def pause(self) -> None:
        """Wait for as long as it is this time."""
        delay, self._next = self._next, min(self._next * 2, self._most)
        await asyncio.sleep(delay)


class Health:
    """Which parts cannot do their work now, and why. Logs a trouble when it begins and when it ends, not in between."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}

    @property
    def trouble(self) -> str | None:
        """All that is wrong now, as one text; None where all is well."""
        return "; ".join(sorted(set(self._troubles.values()))) or None

    @property
    def troubles(self) -> int:
        """How many parts cannot do their work now."""
        return len(self._troubles)

    def failed(self, part: str, error: GluonError) -> None:
        """``part`` could not go on."""
        if part not in self._troubles:
            _log.warning("%s: %s; trying again", part, error)
        self._troubles[part] = str(error)

    def troubled(self, part: str) -> bool:
        """Whether ``part`` has failed and not worked since."""
        return part in self._troubles

    def well(self, part: str) -> None:
        """``part`` does its work."""
        if self._troubles.pop(part, None) is not None:
            _log.info("%s: works again", part)

    def forget(self, part: str) -> None:
        """``part`` is not at work any more."""
        self._troubles.pop(part, None)


async def keep(part: str, work: Callable[[], Awaitable[None]], health: Health) -> None:
    """Run ``work`` for ever, again after each end or failure; ends only when cancelled.

    An error that is not Gluon's own is a bug: it is logged with its traceback and, the state being in etcd and the database,
    the work is begun anew.
    """
    backoff = Backoff()
    while True:
        try:
            await work()
        except GluonError as error:
            if not health.troubled(part):
                backoff.reset()
            health.failed(part, error)
        except Exception:
            _log.exception("%s: failed", part)
        else:
            backoff.reset()
        await backoff.pause()
