# SPDX-License-Identifier: Apache-2.0
"""The connections to one Proton Server: a thread that asks has one for itself, and leaves it for the next that does.

There are never more in use than threads that ask, so none waits for another's bind; of those that nobody uses a few are kept.

A server that hangs would take one thread after the other from whoever asks, such as Neutron, which has few of them and other
work. So it is waited for once:

    asked ─► (no answer for long, to anybody) doubted ─► asked for a sign of life ─► (none) left alone for some seconds ─► again …
      └─────────────────────── a sign ◄───────────────────────┘
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from gluon.client.errors import Problem, Unreachable
from gluon.client.http import Client, Query, Response

_log = logging.getLogger(__name__)

#: How many are kept while nobody uses them.
IDLE: Final = 16
#: Seconds for which one of them may be used again: far fewer than after which servers and balancers close it, so that no change
#: is sent into a connection that is just being closed, of which nobody could say whether it was done.
_FRESH: Final = 5.0

#: What a server of any state answers at once, and without a token.
_SIGN: Final = "/healthz"
#: Seconds that a server gets for that; and after which a failure is no quick one, which would cost nobody anything.
_LONG: Final = 1.0
#: Seconds for which a server that gave none is not asked for anything.
_ALONE: Final = 5.0


def changes(method: str) -> bool:
    """Whether a request of this method may change something."""
    return method not in ("GET", "HEAD")


class Request(NamedTuple):
    """What is asked of a server, whichever it is; headers apart."""

    method: str
    path: str
    query: Query
    values: Mapping[str, Any] | None

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return changes(self.method)


class How(NamedTuple):
    """How a server is asked: seconds that a change, a read and connecting may take, each to its end, and TLS."""

    timeout: float
    read_timeout: float
    connect_timeout: float
    context: ssl.SSLContext | None


class _Idle(NamedTuple):
    client: Client
    since: float
    process: int


class Server:
    """One server, and the connections to it that nobody uses at the moment. A deque needs no lock."""

    def __init__(self, url: str, how: How) -> None:
        self.url = url
        self._how = how
        self._idle: deque[_Idle] = deque()
        self._closed = False
        self._heard = float("-inf")  # when it last answered anything
        self._alone: float | None = None  # while it is doubted: until when it is left alone

    def ask(self, asked: Request, headers: Mapping[str, str]) -> Response:
        """The answer. Raises Unreachable and Problem."""
        self._must_live()
        client = self._taken()
        timeout = self._how.timeout if asked.changes else self._how.read_timeout
        kept, began = False, time.monotonic()
        try:
            answer = client.request(
                asked.method, asked.path, query=asked.query, values=asked.values, headers=headers, timeout=timeout
            )
            kept = True
        except Problem:
            kept = True
            raise
        except Unreachable:
            # Not where it has answered others since: then it is only this request that takes long.
            if self._alone is None and self._heard < began < time.monotonic() - _LONG:
                self._alone = time.monotonic()
                _log.warning("%s does not answer: until it gives a sign of life it is asked for nothing else", self.url)
            raise
        finally:
            if kept:
                self._heard = time.monotonic()
            if kept and len(self._idle) < IDLE:
                self._idle.append(_Idle(client, time.monotonic(), os.getpid()))
                if self._closed:
                    self.close()
            else:
                client.close()
        return answer

    def close(self) -> None:
        """Close what nobody uses, and from now on what nobody uses any more: some thread may just be asking."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().client.close()

    def _must_live(self) -> None:
        """Raise Unreachable where the server hangs. One that is doubted is asked by the first who comes; others do not wait.

        No lock, as a fork could leave it taken: two who come in the same moment only ask twice.
        """
        until = self._alone
        if until is None:
            return
        now = time.monotonic()
        if now < until:
            raise Unreachable(self.url, "it gave no sign of life a moment ago", sent=False)
        self._alone = now + _LONG + _ALONE
        connect = min(_LONG, self._how.connect_timeout)
        try:
            with Client(self.url, timeout=_LONG, connect_timeout=connect, context=self._how.context) as client:
                client.request("GET", _SIGN)
        except Problem:
            pass  # any answer is one
        except Unreachable:
            if time.monotonic() - now < _LONG:
                self._alone = None  # to be told so again costs nobody anything
            raise
        self._heard, self._alone = time.monotonic(), None
        _log.warning("%s answers again", self.url)

    def _taken(self) -> Client:
        """The connection that was used last, if it is still good: neither old nor the parent's of this process."""
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return Client(self.url, connect_timeout=self._how.connect_timeout, context=self._how.context)
            if idle.process == os.getpid() and time.monotonic() - idle.since < _FRESH:
                return idle.client
            idle.client.close()
