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
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from gluon.backends.connections import How, Request, Server, changes
from gluon.backends.errors import Refused, Unavailable, of_problem
from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.client.http import ANSWER_TIMEOUT, CONNECT_TIMEOUT, Query, Response
from gluon.errors import SettingsError

#: Headers for the next request; called for each, by the thread that makes it. Raises Unavailable where no token can be had.
Headers = Callable[[], Mapping[str, str]]
#: Called where a server says 401, so that the next headers carry another token; whether they will.
Renew = Callable[[], bool]

_log = logging.getLogger(__name__)

#: What a server that has trouble, or a balancer before it, says; another server may well answer.
_ELSEWHERE: Final = (502, 503, 504)
_UNAUTHORIZED: Final = 401
#: Seconds without a byte of the answer to a request that only reads: another server may have it at once.
READ_TIMEOUT: Final = 10.0


class ProtonServers:
    """The servers at ``urls``, which serve the same Protons; any number of threads may ask at once, also after a fork."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        headers: Headers = dict,
        renew: Renew = lambda: False,
        timeout: float = ANSWER_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``timeout``: seconds without a byte of the answer to a change; longer than a bind may wait. ``context``: of https.

        Raises SettingsError: wrong URLs.
        """
        if not urls:
            raise SettingsError("no Proton Server is named")
        how = How(timeout, min(timeout, read_timeout), connect_timeout, context)
        self._servers = [Server(_checked(url), how) for url in urls]
        self._headers = headers
        self._renew = renew
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
        asked = Request(method, path, tuple(query), values)
        try:
            return self._answered(asked, headers or {})
        except Refused as refused:
            if refused.status != _UNAUTHORIZED or not self._renew():
                raise
            return self._answered(asked, headers or {})

    def _answered(self, asked: Request, headers: Mapping[str, str]) -> Response:
        sent = {**self._headers(), **headers}
        failures: list[str] = []
        for position, server in self._in_order():
            try:
                answer = server.ask(asked, sent)
            except Unreachable as error:
                failures.append(str(error))
                self._first = (position + 1) % len(self._servers)
                if error.sent:
                    raise Unavailable(str(error), sent=True) from None
            except Problem as problem:
                if asked.changes or problem.status not in _ELSEWHERE:
                    raise of_problem(problem, sent=asked.changes) from None
                failures.append(f"{server.url}: {problem}")
            else:
                if failures:
                    self._first = position
                    _log.warning("%s; %s is asked from now on", "; ".join(failures), server.url)
                return answer
        raise Unavailable("; ".join(failures))

    def json(self, method: str, path: str, **more: Any) -> Any:
        """The body of the answer to ``request``."""
        return decoded(self.request(method, path, **more), changed=changes(method))

    def _in_order(self) -> Iterator[tuple[int, Server]]:
        count, first = len(self._servers), self._first
        return (((first + n) % count, self._servers[(first + n) % count]) for n in range(count))


def decoded(answer: Response, *, changed: bool) -> Any:
    """The body of an answer as JSON. Unavailable where it is none; ``changed``: the request was one that changes something."""
    try:
        return answer.json()
    except Unexpected as error:
        raise Unavailable(str(error), sent=changed) from None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.path in ("", "/")
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"'{url}' is not the URL of a Proton Server, such as http://proton.example:2705")
    return url.rstrip("/")
