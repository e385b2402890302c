# SPDX-License-Identifier: Apache-2.0
"""POST, PUT, PATCH, DELETE: a body becomes values, values become a unit of work, the record becomes the answer.

What a change means is ``gluon.store.objects``'s; here is only what HTTP says about it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gluon.errors import RequestError
from gluon.particle import routes
from gluon.server import pages
from gluon.server.binding import Binder, Work, Written
from gluon.server.conditions import etag, named_revisions, stale
from gluon.server.exchange import Header, Request, Response
from gluon.server.including import Including
from gluon.server.media import require_json_body
from gluon.server.resource import Resource, within
from gluon.store.contract import Store, Tx
from gluon.store.objects import Objects, Outcome

#: RFC 7240 section 4.3; fractions of a second are taken too.
_WAIT: Final = re.compile(rb'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9}(?:\.\d{1,9})?)"?\s*(?=[,;]|$)', re.IGNORECASE)
#: With a 202 of a server that is being stopped: the same again, at once (RFC 9110 section 10.2.3), and not on this connection.
_ELSEWHERE: Final[tuple[Header, ...]] = ((b"retry-after", b"0"), (b"connection", b"close"))


@dataclass(frozen=True, slots=True)
class Desk:
    """What all writes of a Proton share."""

    store: Store
    objects: Objects
    binder: Binder
    max_body: int
    bind_timeout: float


class Writing:
    """The writing handlers of one route."""

    def __init__(self, resource: Resource, desk: Desk, including: Including | None) -> None:
        """``including`` is there for ports."""
        self._resource = resource
        self._desk = desk
        self._including = including

    async def create(self, request: Request) -> Response:
        """201 with the object and its Location; 202 for a port whose bind nobody has answered yet."""
        resource, objects = self._resource, self._desk.objects
        scope, including = resource.scope(request), pages.included(request, self._including)
        values = resource.document.decode_create(await self._body(request), scope)
        id = self._chosen_id(values) if resource.object.is_port else None

        async def work(tx: Tx, binding_id: str) -> Outcome:
            return await objects.create(tx, resource.object, values, binding_id=binding_id, scope=scope)

        written = await self._write(request, id, work)
        made = routes.member(resource.path, written.record[resource.object.identifier.name])
        return await self._response(request, 201, written, including, ((b"location", made.encode()),))

    async def update(self, request: Request) -> Response:
        """200 with the object; 202 for a port whose bind nobody has answered yet."""
        resource, objects = self._resource, self._desk.objects
        id, scope = resource.identifier(request), resource.scope(request)
        including = pages.included(request, self._including)
        values = resource.document.decode_update(await self._body(request))
        revision = await self._expected(request, id, scope)

        async def work(tx: Tx, binding_id: str) -> Outcome:
            stored = await tx.lock(resource.object, id) if resource.document.merges else None
            given = resource.document.merged(values, stored) if stored else values
            return await objects.update(tx, resource.object, id, given, binding_id=binding_id, if_match=revision, scope=scope)

        return await self._response(request, 200, await self._write(request, id, work), including)

    async def delete(self, request: Request) -> Response:
        """204."""
        resource, objects = self._resource, self._desk.objects
        id, scope = resource.identifier(request), resource.scope(request)
        revision = await self._expected(request, id, scope)
        await self._desk.store.write(lambda tx: objects.delete(tx, resource.object, id, if_match=revision, scope=scope))
        return Response(204)

    async def _body(self, request: Request) -> bytes:
        require_json_body(request)
        return await request.body(self._desk.max_body)

    async def _expected(self, request: Request, id: Any, scope: Mapping[str, Any]) -> int | None:
        """The revision that the transaction must find, None for any. Of several that the client takes, the present one."""
        revisions = named_revisions(request)
        if revisions is None or len(revisions) == 1:
            return None if revisions is None else next(iter(revisions))
        record = await self._desk.store.get(self._resource.object, id)
        if record is None or not within(record, scope):
            return None  # which the transaction says better
        if record["revision"] not in revisions:
            raise stale(self._resource.object, id, record)
        return int(record["revision"])

    def _chosen_id(self, values: dict[str, Any]) -> Any:
        """The identifier of a new port, chosen here where the server chooses: answers are expected before it is there."""
        identifier = self._resource.object.identifier
        if identifier.generate and values.get(identifier.name) is None:
            values[identifier.name] = str(uuid.uuid4())
        return values.get(identifier.name)

    async def _write(self, request: Request, id: Any, work: Work) -> Written:
        desk, obj = self._desk, self._resource.object
        try:
            if obj.is_port:
                return await desk.binder.write(obj, id, work, self._patience(request))
            outcome = await desk.store.write(lambda tx: work(tx, ""))
        except RequestError as error:
            raise self._resource.document.told(error) from None
        return Written(outcome.record)

    def _patience(self, request: Request) -> float:
        """Seconds to wait for an answer: what the client prefers, but no longer than the server does."""
        preferred = _preferred(request)
        longest = self._desk.bind_timeout
        return longest if preferred is None else min(float(preferred), longest)

    async def _response(
        self, request: Request, status: int, written: Written, including: Including | None, headers: tuple[Header, ...] = ()
    ) -> Response:
        """The object as it is now; an ETag is the object's alone, so with something included there is none."""
        if including is None:
            headers = (*headers, (b"etag", etag(written.record)))
            body = self._resource.document.encode(written.record)
        else:
            body = await including.shown(self._desk.store, written.record)
        preferred = _preferred(request) if written.asked else None
        if written.cut_short:
            headers = (*headers, *_ELSEWHERE)
        elif preferred is not None:
            headers = (*headers, (b"preference-applied", b"wait=" + preferred))
        return Response(202 if written.pending else status, body, headers=headers)


def _preferred(request: Request) -> bytes | None:
    """The seconds in ``Prefer: wait=…``, None where the client prefers nothing."""
    given = request.headers.get(b"prefer")
    found = _WAIT.search(given) if given is not None else None
    return found[1] if found else None
