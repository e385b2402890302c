# SPDX-License-Identifier: Apache-2.0
"""Finds the handler for a request: a tree of the paths' segments, built once, walked with one dict lookup a segment.

    /proton/net-l3vpn/v1.0/ports/{id} ─► Endpoint({"GET": …, "PUT": …, …})

A segment that is spelled out wins over a parameter. Parameters are whole segments, percent-decoded, never empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gluon.errors import Missing
from gluon.server.exchange import Handler, Request, Response
from gluon.server.media import require_json_wanted
from gluon.server.problems import NotAllowed


class Endpoint:
    """What answers at one path. ``negotiates``: whether a client that takes no JSON is refused (406)."""

    __slots__ = ("_handlers", "allow", "negotiates", "template")

    def __init__(self, template: str, handlers: Mapping[str, Handler], *, negotiates: bool = True) -> None:
        self.template = template
        self.negotiates = negotiates
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self.allow = tuple(sorted((*self._handlers, "OPTIONS")))

    async def answer(self, request: Request) -> Response:
        """Handle the request. Raises NotAllowed, NotAcceptable and what the handler raises."""
        handler = self._handlers.get(request.method)
        if handler is None:
            if request.method == "OPTIONS":
                return Response(204, headers=((b"allow", ", ".join(self.allow).encode()),))
            raise NotAllowed(request.method, self.allow)
        if self.negotiates:
            require_json_wanted(request)
        return await handler(request)


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    endpoint: Endpoint | None = None


class Dispatcher:
    """All endpoints of the server."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, endpoint: Endpoint) -> None:
        """Add an endpoint at its template, in which ``{name}`` is a parameter."""
        node = self._root
        for segment in endpoint.template.split("/")[1:]:
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, _Node())
        assert node.endpoint is None, f"two endpoints at {endpoint.template}"
        node.endpoint = endpoint

    async def handle(self, request: Request) -> Response:
        """Find the endpoint and let it answer. Raises Missing where there is none."""
        node = self._root
        arguments: list[str] = []
        for segment in _segments(request):
            known = node.fixed.get(segment)
            if known is None:
                known = node.parameter
                if known is None or not segment:
                    raise Missing("there is nothing at this path")
                arguments.append(segment)
            node = known
        endpoint = node.endpoint
        if endpoint is None:
            raise Missing("there is nothing at this path")
        request.route = endpoint.template
        request.arguments = tuple(arguments)
        return await endpoint.answer(request)


def _segments(request: Request) -> list[str]:
    try:
        return request.segments()
    except UnicodeDecodeError:
        raise Missing("there is nothing at this path: it is not UTF-8") from None
