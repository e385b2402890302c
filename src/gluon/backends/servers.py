# SPDX-License-Identifier: Apache-2.0
"""Several Proton Servers, of one site or of several, as one thing to ask.

    request ─► home of the Proton in its path ─► the server that answered last ─► (cannot be reached) the next ─► …
                                                    └ a connection that is idle, or a new one

Those of one site, which share a database, stand in for each other. Another site has other Protons: which server has which is
found out by asking, so that nobody who makes a request needs to know.

A request goes on to the next server only where it cannot have been carried out: nothing was sent, or it only reads. Anything
else that gets no answer is ``Unavailable`` with ``sent``, never repeated. The headers, tokens among them, go to these servers
alone: nothing that is read anywhere, not in etcd and not in an answer, adds a place to which they are sent.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from gluon.backends.connections import How, Request, Server, changes
from gluon.backends.errors import DriverError, Refused, Unavailable
from gluon.backends.home import UNAUTHORIZED, Elsewhere, Home, ask, at, document_above, document_of
from gluon.client.errors import Unexpected
from gluon.client.http import ANSWER_TIMEOUT, CONNECT_TIMEOUT, Query, Response
from gluon.errors import SettingsError

#: Headers for the next request; called for each, by the thread that makes it. Raises Unavailable where no token can be had.
Headers = Callable[[], Mapping[str, str]]
#: Called where a server says 401, so that the next headers carry another token; whether they will.
Renew = Callable[[], bool]

#: Seconds that the answer to a request which only reads may take, to its last byte: another server may have it at once.
READ_TIMEOUT: Final = 10.0


class ProtonServers:
    """The servers at ``urls``, whichever Protons each has; any number of threads may ask at once, also after a fork."""

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
        """``timeout``: seconds that the answer to a change may take, to its last byte; longer than a bind may wait.

        ``read_timeout``: the same of a request that only reads. ``context``: of https. Raises SettingsError: wrong URLs.
        """
        if not urls:
            raise SettingsError("no Proton Server is named")
        self.timeout = timeout
        how = How(timeout, min(timeout, read_timeout), connect_timeout, context)
        self._servers = {url: Server(url, how) for url in map(_checked, urls)}
        self._headers = headers
        self._renew = renew
        self._homes: dict[str, Home] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that nobody uses, and each of the others after its request; a later request opens its own."""
        for server in self._servers.values():
            server.close()

    def __str__(self) -> str:
        """For messages."""
        return ", ".join(self._servers)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where they are, as configured."""
        return tuple(self._servers)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        values: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer of the first server that gives one, of those that have the Proton in ``path``.

        Raises NotFound, Refused, Unavailable.
        """
        asked = Request(method, path, tuple(query), values)
        home = self._home(document_above(path))
        return self._renewing(lambda: home.answer(asked, self._headers(), headers or {}))

    def json(self, method: str, path: str, **more: Any) -> Any:
        """The body of the answer to ``request``."""
        return decoded(self.request(method, path, **more), changed=changes(method))

    def json_of(self, url: str, path: str) -> Any:
        """The body of the answer to a GET of that one of ``urls``. Raises Refused, Unavailable."""
        try:
            answer = self._renewing(lambda: ask(self._servers[url], Request("GET", path, (), None), self._headers()))
            return decoded(answer, changed=False)
        except Elsewhere as passed:
            raise passed.why from None
        except DriverError as error:
            raise at(url, error) from None

    def having(self, proton: str) -> frozenset[str]:
        """The URLs of the servers that are known to have a Proton."""
        return frozenset(server.url for server in self._home(document_of(proton)).having)

    def heard(self, url: str, proton: str) -> None:
        """The server there has said that it has this Proton."""
        self._home(document_of(proton)).heard(self._servers[url])

    def _home(self, path: str) -> Home:
        return self._homes.get(path) or self._homes.setdefault(path, Home(tuple(self._servers.values()), path))

    def _renewing(self, answer: Callable[[], Response]) -> Response:
        """The answer, also where it takes another token."""
        try:
            return answer()
        except Refused as refused:
            if refused.status != UNAUTHORIZED or not self._renew():
                raise
            return answer()


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
