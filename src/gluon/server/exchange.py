# SPDX-License-Identifier: Apache-2.0
"""A request and a response as values, on the edge of ASGI 3.0: what handlers take and give.

    ASGI scope, receive ─► Request ─► Handler ─► Response ─► ASGI send

Everything between is ``async (Request) -> Response``; only ``gluon.server.app`` touches ``send``.
Nothing here knows Protons or what a status means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from gluon.errors import TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"
#: A length of more digits than this is over any limit.
_DIGITS: Final = 18


class ClientGone(ConnectionError):
    """The client closed the connection before its request was complete; nobody reads the response."""


class Response(msgspec.Struct, frozen=True):
    """A whole response: content-length and the request id are added where it is sent."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()


class Request:
    """One request. ``arguments`` and ``route`` are set by the dispatcher, ``id`` by the first middleware.

    ``headers`` maps lower-case names to values; lines of one name are joined with commas (RFC 9110 section 5.2).
    """

    __slots__ = ("_receive", "_scope", "arguments", "headers", "id", "method", "route")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.headers = _joined(scope["headers"])
        self.id = ""
        self.route = "unmatched"
        self.arguments: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path as a log may show it, without the query."""
        path: str = self._scope["path"]
        return path

    @property
    def query(self) -> bytes:
        """The query string as it came, without the question mark."""
        query: bytes = self._scope["query_string"]
        return query

    def segments(self) -> list[str]:
        """What stands between the slashes of the path, percent-decoded after the split, so that %2F is part of a segment.

        One slash at the end is not seen. Raises UnicodeDecodeError where a segment is not UTF-8.
        """
        raw: bytes = self._scope.get("raw_path") or quote(self.path).encode("ascii")
        parts = raw.decode().split("/")
        if len(parts) > 2 and not parts[-1]:
            parts.pop()
        if b"%" in raw:
            return [unquote(part, errors="strict") for part in parts[1:]]
        return parts[1:]

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises TooLarge as soon as it is known to be over ``limit`` bytes, and ClientGone."""
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and (len(declared) > _DIGITS or int(declared) > limit):
            raise _over(limit)
        message = await self._receive()
        chunks: list[bytes] = []
        size = 0
        while message["type"] == "http.request":
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _over(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            message = await self._receive()
        raise ClientGone("the client went away while it sent the body")


Handler = Callable[[Request], Awaitable[Response]]


def _joined(lines: Iterable[Header]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _over(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes")
