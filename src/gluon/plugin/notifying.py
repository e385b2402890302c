# SPDX-License-Identifier: Apache-2.0
"""Tells Nova that a port is plugged in, or no more, or changed elsewhere: what Neutron does only for what goes through it.

Every process of Neutron's follows the ports; the one that is elected tells. Each remembers what it has just seen, so that one who
is elected tells what its predecessor may have died with; Nova takes a repetition for nothing new.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from gluon.backends.catalogue import Plugged
from gluon.errors import GluonError
from gluon.kv.contract import Kv
from gluon.kv.election import Election, Term

LOG = logging.getLogger(__name__)

_TTL: Final = 4.0
#: Seconds for which a transition is remembered: more than it takes until another is elected.
_REMEMBERED: Final = 3 * _TTL
_RETRY: Final = 0.5

ACTIVE: Final = "ACTIVE"
DOWN: Final = "DOWN"


class Transition(NamedTuple):
    """A port of a device went from one status to another; or from one to the same, where it has other addresses, say."""

    id: str
    device_id: str
    device_owner: str
    before: str
    now: str


class Notifying:
    """``send`` is called for each transition, in the thread that follows etcd; it must not wait."""

    def __init__(self, send: Callable[[Transition], None]) -> None:
        self._send = send
        self._leads = False
        self._recent: deque[tuple[float, Transition]] = deque()

    def changed(self, id: str, before: Plugged | None, now: Plugged | None) -> None:
        """To be told of every change of a port, as ``Catalogue`` tells it."""
        transition = _transition(id, before, now)
        if transition is None:
            return
        at = time.monotonic()
        self._recent.append((at, transition))
        while self._recent[0][0] < at - _REMEMBERED:
            self._recent.popleft()
        if self._leads:
            self._send(transition)

    async def run(self, kv: Kv, key: str, who: str) -> None:
        """Stand for election until cancelled."""
        while True:
            try:
                await Election(kv, key, who, _TTL).run(self._lead)
            except GluonError as error:
                LOG.debug("%s: %s", key, error)  # whoever follows says that etcd is away
            await asyncio.sleep(_RETRY)

    async def _lead(self, term: Term) -> None:
        """Send what may have been lost with the one before, and from now on everything."""
        self._leads = True
        try:
            since = time.monotonic() - _REMEMBERED
            for at, transition in tuple(self._recent):
                if at >= since:
                    self._send(transition)
            await term.over()
        finally:
            self._leads = False


def _transition(id: str, before: Plugged | None, now: Plugged | None) -> Transition | None:
    """What Nova would want to hear; None where nothing. Of a port that was unplugged the device is the one that it had."""
    if now is None or now.status not in (ACTIVE, DOWN, "ERROR"):
        return None
    if before is now:
        return Transition(id, now.device_id, now.device_owner or "", now.status, now.status) if now.device_id else None
    was = before.status if before is not None and before.incarnation == now.incarnation and before.status else DOWN
    of = now if now.status != DOWN else before
    if was == now.status or of is None or not of.device_id:
        return None
    return Transition(id, of.device_id, of.device_owner or "", was, now.status)
