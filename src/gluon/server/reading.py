# SPDX-License-Identifier: Apache-2.0
"""GET: one object, or a page of a list. Reads what is committed; opens no transaction."""

from __future__ import annotations

from typing import Any

from gluon.server import pages
from gluon.server.conditions import etag, matches, stale, unchanged
from gluon.server.exchange import Request, Response
from gluon.server.resource import Resource, missing, within
from gluon.store.contract import Store


class Reading:
    """The reading handlers of one route."""

    def __init__(self, resource: Resource, store: Store, limits: pages.Limits) -> None:
        self._resource = resource
        self._store = store
        self._limits = limits

    async def get(self, request: Request) -> Response:
        """200 with the object, 304 where the client has it."""
        resource = self._resource
        id = resource.identifier(request)
        record = await self._store.get(resource.object, id)
        if record is None or not within(record, resource.scope(request)):
            raise missing(resource.object, id)
        if not matches(request, record):
            raise stale(resource.object, id, record)
        tag = etag(record)
        if unchanged(request, tag):
            return Response(304, headers=((b"etag", tag),))
        return Response(200, resource.document.encode(record), headers=((b"etag", tag),))

    async def list(self, request: Request) -> Response:
        """200 with a page."""
        resource = self._resource
        asked = pages.asked(request, resource.document, self._limits)
        scope = resource.scope(request)
        query = asked.query(scope)
        if resource.parent is not None:
            await resource.parent.require(self._store, scope[resource.parent.key])
        records = await self._store.page(resource.object, query)
        href = None
        if len(records) > asked.limit:
            records.pop()
            href = pages.next_href(request, self._id(records[-1]))
        return Response(200, resource.document.encode_page(records, href))

    def _id(self, record: dict[str, Any]) -> Any:
        return record[self._resource.object.identifier.name]
