# SPDX-License-Identifier: Apache-2.0
"""One kept-alive HTTP connection to a Proton Server.

Knows requests, answers and time-outs; knows nothing of objects (``gluon.client.resources`` does). Never repeats a request
by itself: after a lost answer nobody can tell whether the server acted. Not for use by several threads at once.
"""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.client.timed import TimedSocket

if TYPE_CHECKING:
    import ssl

#: Seconds from sending a request until the last byte of its answer, after which it is given up. Longer than the time a server
#: lets a bind wait (8 s by default).
ANSWER_TIMEOUT: Final = 30.0
CONNECT_TIMEOUT: Final = 5.0

Query = Iterable[tuple[str, str]]


class Response(NamedTuple):
    """An answer that is not a refusal."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def etag(self) -> str | None:
        """The entity tag with its quotes, as ``If-Match`` and ``If-None-Match`` want it."""
        return self.headers.get("ETag")

    def json(self) -> Any:
        """The body as JSON; ``Unexpected`` where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unexpected("the answer is not JSON: is this a Proton Server?") from None


class Client:
    """A connection to the server at ``url`` (``http://host:port`` or ``https://…``), opened when first needed."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = ANSWER_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``timeout``: seconds from sending until the last byte of an answer; ``connect_timeout``: for each address, and for TLS.

        ``context``: of https; the system's authorities where there is none. Raises Unreachable: a URL that leads nowhere.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            self._connection = (
                http.client.HTTPSConnection(host, parts.port, timeout=connect_timeout, context=context)
                if parts.scheme == "https"
                else http.client.HTTPConnection(host, parts.port, timeout=connect_timeout)
            )
        except (ValueError, http.client.InvalidURL) as error:
            raise Unreachable(url, str(error), sent=False) from None
        self.url = url
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later request opens another."""
        self._connection.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        values: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send one request with ``values`` as its JSON body; ``timeout`` in place of the client's.

        Raises ``Problem`` for a status from 400, ``Unreachable``.
        """
        asked = urlencode(list(query))
        target = path + (("&" if "?" in path else "?") + asked if asked else "")
        sent = {**self._headers, **(headers or {})}
        body = None
        if values is not None:
            body = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "surrogatepass")
            sent["Content-Type"] = "application/json"
        self._open(timeout if timeout is not None else self._timeout)
        try:
            # A server that refuses a body early answers and closes while it is still being sent: its answer counts.
            with suppress(BrokenPipeError):
                self._connection.request(method, target, body, sent)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(self.url, _reason(error), sent=method not in ("GET", "HEAD")) from None
        if answer.status >= 400:
            raise Problem.of(answer.status, answer.reason, content, answer.headers.get("X-Request-Id", ""))
        return Response(answer.status, answer.headers, content)

    def _open(self, timeout: float) -> None:
        """Connect, anew where the server has closed the kept connection meanwhile (then it is readable: its end).

        The request and its answer have ``timeout`` seconds together from now on.
        """
        connection: Any = self._connection  # http.client's types know no TimedSocket
        if connection.sock is not None and _readable(connection.sock):
            connection.close()
        if connection.sock is None:
            self._connect()
        connection.sock.allow(timeout)

    def _connect(self) -> None:
        connection: Any = self._connection
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            connection.close()
            raise Unreachable(self.url, _reason(error), sent=False) from None
        connection.sock = TimedSocket(connection.sock)


def _readable(connection: TimedSocket) -> bool:
    """Whether something came, or the end. ``select`` knows no descriptor from 1024, which a large process has soon."""
    if not hasattr(select, "poll"):
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _reason(error: Exception) -> str:
    """Why, in the words a user knows."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
