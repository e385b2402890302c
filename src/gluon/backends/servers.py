# SPDX-License-Identifier: Apache-2.0
"""Several Proton Servers, one behind the other, as one thing to ask.

    request ─► the server that answered last ─► (cannot be reached) the next ─► …
                  └ a connection that is idle, or a new one

A request goes on to the next server only where it cannot have been carried out: nothing was sent, or it only reads. Anything
else that gets no answer is ``Unavailable`` with ``sent``, never repeated. The headers, tokens among them, go to these servers
alone: nothing that is read anywhere, not in etcd and not in an answer, adds a place to which they are sent.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from gluon.backends.errors import Unavailable, of_problem
from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.client.http import ANSWER_TIMEOUT, CONNECT_TIMEOUT, Client, Query, Response
from gluon.errors import SettingsError

#: Headers for the next request; called for each, by the thread that makes it.
Headers = Callable[[], Mapping[str, str]]

_log = logging.getLogger(__name__)

#: Connections that are kept for each server while nobody uses them. There is one in use for each thread that asks, no more.
_IDLE: Final = 16
#: Seconds that an idle one is used again: far less than after which servers and balancers close it, so that no change is sent
#: into a connection that is just being closed, of which nobody could say whether it was done.
_FRESH: Final = 5.0
#: What a server that has trouble, or a balancer before it, says; another server may well answer.
_ELSEWHERE: Final = (502, 503, 504)
_READING: Final = ("GET", "HEAD")


class ProtonServers:
    """The servers at ``urls``, which serve the same Protons; any number of threads may ask at once, also after a fork."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        headers: Headers = dict,
        timeout: float = ANSWER_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        """``timeout``: seconds without a byte of an answer; longer than a bind may wait. SettingsError: wrong URLs."""
        if not urls:
            raise SettingsError("no Proton Server is named")
        self._servers = [_Server(_checked(url), timeout, connect_timeout) for url in urls]
        self._headers = headers
        self._first = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that nobody uses; a later request opens others."""
        for server in self._servers:
            server.close()

    def __str__(self) -> str:
        """For messages."""
        return ", ".join(server.url for server in self._servers)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        values: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer of the first server that gives one. Raises NotFound, Refused, Unavailable."""
        changes = method not in _READING
        asked = _Request(method, path, tuple(query), values, {**self._headers(), **(headers or {})})
        failures: list[str] = []
        for position, server in self._in_order():
            try:
                return server.ask(asked)
            except Unreachable as error:
                if error.sent:
                    raise Unavailable(str(error), sent=True) from None
                failures.append(str(error))
            except Problem as problem:
                if changes or problem.status not in _ELSEWHERE:
                    raise of_problem(problem, sent=changes) from None
                failures.append(f"{server.url}: {problem}")
            self._leave(position, failures[-1])
        raise Unavailable("; ".join(failures))

    def json(self, method: str, path: str, **more: Any) -> Any:
        """The body of the answer to ``request``."""
        return decoded(self.request(method, path, **more), changed=method not in _READING)

    def _in_order(self) -> Iterator[tuple[int, _Server]]:
        count, first = len(self._servers), self._first
        return (((first + n) % count, self._servers[(first + n) % count]) for n in range(count))

    def _leave(self, position: int, why: str) -> None:
        """Begin with the next one from now on. Threads that do this at once do the same."""
        if len(self._servers) > 1 and self._first == position:
            self._first = (position + 1) % len(self._servers)
            _log.warning("%s; asking %s from now on", why, self._servers[self._first].url)


def decoded(answer: Response, *, changed: bool) -> Any:
    """The body of an answer as JSON. Unavailable where it is none; ``changed``: the request was one that changes something."""
    try:
        return answer.json()
    except Unexpected as error:
        raise Unavailable(str(error), sent=changed) from None


class _Request(NamedTuple):
    method: str
    path: str
    query: Query
    values: Mapping[str, Any] | None
    headers: Mapping[str, str]


class _Idle(NamedTuple):
    client: Client
    since: float
    process: int


class _Server:
    """One server, and the connections to it that nobody uses at the moment. A deque needs no lock."""

    def __init__(self, url: str, timeout: float, connect_timeout: float) -> None:
        self.url = url
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._idle: deque[_Idle] = deque()

    def ask(self, asked: _Request) -> Response:
        client = self._taken()
        kept = False
        try:
            answer = client.request(asked.method, asked.path, query=asked.query, values=asked.values, headers=asked.headers)
            kept = True
        except Problem:
            kept = True
            raise
        finally:
            if kept and len(self._idle) < _IDLE:
                self._idle.append(_Idle(client, time.monotonic(), os.getpid()))
            else:
                client.close()
        return answer

    def close(self) -> None:
        while self._idle:
            self._idle.pop().client.close()

    def _taken(self) -> Client:
        """The connection that was used last, if it is still good: neither old nor the parent's of this process."""
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return Client(self.url, timeout=self._timeout, connect_timeout=self._connect_timeout)
            if idle.process == os.getpid() and time.monotonic() - idle.since < _FRESH:
                return idle.client
            idle.client.close()


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.path in ("", "/")
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"'{url}' is not the URL of a Proton Server, such as http://proton.example:2705")
    return url.rstrip("/")
