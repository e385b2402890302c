# SPDX-License-Identifier: Apache-2.0
"""An ASGI client in the test's own process: it sends what a server would hand to the application, and keeps what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec


@dataclass(frozen=True)
class Answer:
    """A response as it left the application; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def problem(self, status: int) -> dict[str, Any]:
        """The problem document, which must be one with this status."""
        assert self.status == status, (self.status, self.body)
        assert self.headers["content-type"] == "application/problem+json"
        document = self.json()
        assert document["status"] == status
        assert document["request_id"] == self.headers["x-request-id"]
        assert b"Traceback" not in self.body
        return document

    def pointers(self, status: int) -> set[str]:
        """The attributes that a problem names."""
        return {error["pointer"] for error in self.problem(status)["errors"]}


class Driver:
    """Talks to one application. ``target`` is path and query as they stand on the wire."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(
        self,
        method: str,
        target: str,
        values: Any = None,
        *,
        body: bytes | None = None,
        chunks: Iterable[bytes] | None = None,
        headers: Mapping[str, str] = {},
        hang_up: bool = False,
    ) -> Answer:
        sent = {"host": "test", **{name.lower(): value for name, value in headers.items()}}
        if values is not None:
            body = msgspec.json.encode(values)
        if body is not None or chunks is not None:
            sent.setdefault("content-type", "application/json")
        if body is not None:
            sent.setdefault("content-length", str(len(body)))
        messages = list(_messages([body or b""] if chunks is None else list(chunks), hang_up))
        got: list[Any] = []

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            return await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            got.append(message)

        await self.app(_scope(method, target, sent), receive, send)
        start, *rest = got
        lines = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], lines, b"".join(message["body"] for message in rest))


def _messages(chunks: list[bytes], hang_up: bool) -> Iterable[dict[str, Any]]:
    for i, chunk in enumerate(chunks):
        more = hang_up or i + 1 < len(chunks)
        yield {"type": "http.request", "body": chunk, "more_body": more}
    if hang_up:
        yield {"type": "http.disconnect"}


def _scope(method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
