# SPDX-License-Identifier: Apache-2.0
"""The connections to one Proton Server: a thread that asks has one for itself, and leaves it for the next that does.

There are never more in use than threads that ask, so none waits for another's bind; of those that nobody uses a few are kept.
"""

from __future__ import annotations

import os
import ssl
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gluon.client.errors import Problem
from gluon.client.http import Client, Query, Response

#: How many are kept while nobody uses them.
IDLE: Final = 16
#: Seconds for which one of them may be used again: far fewer than after which servers and balancers close it, so that no change
#: is sent into a connection that is just being closed, of which nobody could say whether it was done.
_FRESH: Final = 5.0


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
    """How a server is asked: seconds without a byte, and TLS."""

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

    def ask(self, asked: Request, headers: Mapping[str, str]) -> Response:
        """The answer. Raises Unreachable and Problem."""
        client = self._taken()
        timeout = self._how.timeout if asked.changes else self._how.read_timeout
        kept = False
        try:
            answer = client.request(
                asked.method, asked.path, query=asked.query, values=asked.values, headers=headers, timeout=timeout
            )
            kept = True
        except Problem:
            kept = True
            raise
        finally:
            if kept and len(self._idle) < IDLE:
                self._idle.append(_Idle(client, time.monotonic(), os.getpid()))
            else:
                client.close()
        return answer

    def close(self) -> None:
        """Close what nobody uses."""
        while self._idle:
            self._idle.pop().client.close()

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
