# SPDX-License-Identifier: Apache-2.0
"""GET: one object, or a page of a list. Reads what is committed; opens no transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gluon.server import pages
from gluon.server.conditions import etag, matches, stale, unchanged
from gluon.server.exchange import Request, Response
from gluon.server.including import Including
from gluon.server.resource import Resource, missing, within
from gluon.store.contract import Record, Store


class Reading:
    """The reading handlers of one route."""

    def __init__(self, resource: Resource, store: Store, limits: pages.Limits, including: Including | None) -> None:
        """``including`` is there for ports."""
        self._resource = resource
        self._store = store
        self._limits = limits
        self._including = including

    async def get(self, request: Request) -> Response:
        """200 with the object, 304 where the client has it."""
        resource = self._resource
        id = resource.identifier(request)
        including = pages.included(request, self._including)
        if including is not None:
            return await self._get_including(request, id, including)
        record = await self._store.get(resource.object, id)
        if record is None or not within(record, resource.scope(request)):
            raise missing(resource.object, id)
        if not matches(request, record):
            raise stale(resource.object, id, record)
        tag = etag(record)
        if unchanged(request, tag):
            return Response(304, headers=((b"etag", tag),))
        return Response(200, resource.document.encode(record), headers=((b"etag", tag),))

    async def _get_including(self, request: Request, id: Any, including: Including) -> Response:
        """The same with what is included: without an ETag, for that is the object's alone, and so never 304."""
        resource = self._resource
        record, included = await including.get(self._store, id) or (None, [])
        if record is None or not within(record, resource.scope(request)):
            raise missing(resource.object, id)
        if not matches(request, record):
            raise stale(resource.object, id, record)
        return Response(200, including.document.encode(record, included))

    async def list(self, request: Request) -> Response:
        """200 with a page."""
        resource = self._resource
        asked = pages.asked(request, resource.document, self._limits, self._including)
        scope = resource.scope(request)
        query = asked.query(scope)
        if resource.parent is not None:
            await resource.parent.require(self._store, scope[resource.parent.key])
        if asked.included and self._including is not None:
            ports = await self._including.page(self._store, query)
            href = self._following(request, [port for port, _ in ports], asked.limit)
            return Response(200, self._including.document.encode_page(ports[: asked.limit], href))
        records = await self._store.page(resource.object, query)
        href = self._following(request, records, asked.limit)
        return Response(200, resource.document.encode_page(records[: asked.limit], href))

    def _following(self, request: Request, records: Sequence[Record], limit: int) -> str | None:
        """Where the list goes on, if it does: one object more than fits was asked for."""
        if len(records) <= limit:
            return None
        return pages.next_href(request, records[limit - 1][self._resource.object.identifier.name])
