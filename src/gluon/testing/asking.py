# SPDX-License-Identifier: Apache-2.0
"""Asks an ASGI application as a client does, in its own process: no socket, no server.

    Api(proton, ask).create("ports", tenant_id=…) ─► POST /proton/net-l3vpn/v1.0/ports ─► the object, or Problem with its faults

What the server refuses is raised as ``gluon.client.errors.Problem``; its notes show every fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote, urlencode

import msgspec

from gluon.client.errors import Problem
from gluon.model.faults import nearest
from gluon.model.schema import Object, Proton
from gluon.particle import routes

Record = dict[str, Any]
Records = list[Record]
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where it is empty."""
        return msgspec.json.decode(self.body) if self.body else None


class Application(Protocol):
    """An ASGI 3.0 application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Ask(Protocol):
    """Sends one request. Raises Problem for a status from 400."""

    def __call__(
        self, method: str, target: str, values: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Awaitable[Answer]: ...


async def ask(
    application: Application,
    method: str,
    target: str,
    values: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request with ``values`` as its JSON body. Raises Problem for a status from 400."""
    body = b"" if values is None else msgspec.json.encode(values)
    sent = {"host": "stack", "content-length": str(len(body))} | ({} if values is None else {"content-type": "application/json"})
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    got: list[Message] = []

    async def receive() -> Message:
        return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        got.append(message)

    await application(_scope(method, target, sent), receive, send)
    start, *rest = got
    lines = {name.decode(): value.decode() for name, value in start["headers"]}
    answer = Answer(start["status"], lines, b"".join(message["body"] for message in rest))
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise _problem(answer, f"{method} {target}", body)
    return answer


def _scope(method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }


def _problem(answer: Answer, request: str, body: bytes) -> Problem:
    status = HTTPStatus(answer.status)
    problem = Problem.of(status, status.phrase, answer.body, answer.headers.get("x-request-id", ""))
    problem.add_note(f"{request} {body.decode()}".strip())
    for fault in problem.faults:
        problem.add_note(f"{fault.pointer or 'the request'}: {fault.detail}")
    return problem


class Api:
    """The API of one Proton's newest version. Collections go by their plural names (``ports``); ids are positional."""

    def __init__(self, proton: Proton, ask: Ask) -> None:
        self.proton = proton
        self._ask = ask
        self._plurals = {obj.api.plural_name: obj for obj in proton.objects}

    async def create(self, plural: str, /, **values: Any) -> Record:
        """Create an object; the object as it then is."""
        found: Record = (await self._ask("POST", self.path(plural), values)).json()
        return found

    async def get(self, plural: str, id: str, /) -> Record:
        """One object."""
        found: Record = (await self._ask("GET", self.path(plural, id))).json()
        return found

    async def update(self, plural: str, id: str, /, **values: Any) -> Record:
        """Change these attributes; the object as it then is. A bind waits for its answer, up to ``bind_timeout``."""
        found: Record = (await self._ask("PATCH", self.path(plural, id), values)).json()
        return found

    async def delete(self, plural: str, id: str, /) -> None:
        """Delete an object."""
        await self._ask("DELETE", self.path(plural, id))

    async def list(self, plural: str, /, **filters: str) -> Records:
        """All objects of a collection for which these attributes have these values."""
        target: str | None = self.path(plural) + (f"?{urlencode(filters)}" if filters else "")
        found: Records = []
        while target is not None:
            page = (await self._ask("GET", target)).json()
            found += page[plural]
            target = next((link["href"] for link in page.get("links", ()) if link["rel"] == "next"), None)
        return found

    def path(self, plural: str, id: str | None = None) -> str:
        """The path of a collection, or of one object in it. Raises LookupError for a name that the Proton does not have."""
        collection = routes.collection(self.proton, self.object(plural))
        return collection if id is None else routes.member(collection, id)

    def object(self, plural: str) -> Object:
        """The object with this plural name. Raises LookupError."""
        if plural not in self._plurals:
            close = nearest(plural, self._plurals)
            hint = f"did you mean '{close}'?" if close else f"there are: {', '.join(sorted(self._plurals))}"
            raise LookupError(f"{self.proton.name} has no '{plural}': {hint}")
        return self._plurals[plural]
