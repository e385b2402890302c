# SPDX-License-Identifier: Apache-2.0
"""How the loops of this package go on when etcd or the database does not: wait longer each time, say so once.

It decides nothing about what failed; whoever repeats must make sure that repeating does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from gluon.errors import GluonError

_log = logging.getLogger(__name__)
_FIRST = 0.05
_MOST = 2.0


class Backoff:
    """Seconds to wait before each next attempt: doubling, up to a limit, from the start again once it went well for a while."""

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

    def failed(self, part: str, error: GluonError) -> None:
        """``part`` could not go on."""
        if part not in self._troubles:
            _log.warning("%s: %s; trying again", part, error)
        self._troubles[part] = str(error)

    def well(self, part: str) -> None:
        """``part`` does its work."""
        if self._troubles.pop(part, None) is not None:
            _log.info("%s: works again", part)


async def keep(part: str, work: Callable[[], Awaitable[None]], health: Health) -> None:
    """Run ``work`` for ever, again after each end or failure; ends only when cancelled.

    An error that is not Gluon's own is a bug: it is logged with its traceback and, the state being in etcd and the database,
    the work is begun anew.
    """
    backoff = Backoff()
    while True:
        started = time.monotonic()
        try:
            await work()
        except GluonError as error:
            health.failed(part, error)
        except Exception:
            _log.exception("%s: failed", part)
        if time.monotonic() - started > 2 * _MOST:
            backoff.reset()
        await backoff.pause()
