# SPDX-License-Identifier: Apache-2.0
"""Tells Nova that a port is plugged in, or no more, or has changed or gone elsewhere: what passes Neutron by it says nothing of.

    a port changes ─► Transition ─► remembered, for some seconds
                                └─► (elected) queue ─► send, in another thread

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

from gluon.backends.plugged import Plugged
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
#: In place of a status: the port has been deleted.
GONE: Final = "gone"


class Transition(NamedTuple):
    """A port of a device went from one status to another; or from one to the same, where it has other addresses, say."""

    id: str
    device_id: str
    device_owner: str
    before: str
    now: str


class Notifying:
    """``send`` is called for each transition, one after the other, in a thread where it may wait."""

    def __init__(self, send: Callable[[Transition], None]) -> None:
        self._send = send
        self._to_send: asyncio.Queue[Transition] | None = None  # while this one is elected
        self._recent: deque[tuple[float, Transition]] = deque()

    def changed(self, id: str, before: Plugged | None, now: Plugged | None) -> None:
        """To be told of every change of a port, as ``Catalogue`` tells it, in the event loop of ``run``.

        A port that was deleted and made again with its id is another one.
        """
        if before is not None and now is not None and before.incarnation != now.incarnation:
            self.changed(id, before, None)
            before = None
        transition = _transition(id, before, now)
        if transition is None:
            return
        at = time.monotonic()
        self._recent.append((at, transition))
        while self._recent[0][0] < at - _REMEMBERED:
            self._recent.popleft()
        if self._to_send is not None:
            self._to_send.put_nowait(transition)

    async def run(self, kv: Kv, key: str, who: str) -> None:
        """Stand for election until cancelled."""
        while True:
            try:
                await Election(kv, key, who, _TTL).run(self._lead)
            except GluonError as error:
                LOG.debug("%s: %s", key, error)  # whoever follows says that etcd is away
            await asyncio.sleep(_RETRY)

    async def _lead(self, _: Term) -> None:
        """Send what may have been lost with the one before, and from now on everything, until cancelled."""
        to_send = self._to_send = asyncio.Queue()
        try:
            since = time.monotonic() - _REMEMBERED
            for at, transition in self._recent:
                if at >= since:
                    to_send.put_nowait(transition)
            while True:
                await asyncio.to_thread(self._send, await to_send.get())
        finally:
            self._to_send = None


def _transition(id: str, before: Plugged | None, now: Plugged | None) -> Transition | None:
    """What Nova would want to hear; None where nothing. Of a port that was unplugged or has gone the device is the one it had."""
    if now is None:
        return _of(id, before, before.status or DOWN, GONE) if before is not None else None
    if now.status not in (ACTIVE, DOWN, "ERROR"):
        return None
    if before is now:
        return _of(id, now, now.status, now.status)
    was = _before(before, now)
    return _of(id, now if now.status != DOWN else before, was, now.status) if was != now.status else None


def _before(before: Plugged | None, now: Plugged) -> str:
    """The status that a port comes from. Another binding does not go on with what was."""
    if before is None or not before.status:
        return DOWN
    return DOWN if before.binding_id != now.binding_id and now.status != DOWN else before.status


def _of(id: str, plugged: Plugged | None, before: str, now: str) -> Transition | None:
    """The transition of a port that is plugged into a device."""
    if plugged is None or not plugged.device_id:
        return None
    return Transition(id, plugged.device_id, plugged.device_owner or "", before, now)
