# SPDX-License-Identifier: Apache-2.0
"""What every request passes on its way in and out, in this order:

    request id ─► metrics ─► access log ─► error boundary ─► dispatch

Each is a function from a handler to a handler.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from typing import Final

from gluon.errors import RequestError, Unavailable
from gluon.server import logs
from gluon.server.exchange import ClientGone, Handler, Request, Response
from gluon.server.metrics import Metrics
from gluon.server.problems import problem, unexpected

_LOG: Final = logging.getLogger("gluon.server")
_SANE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
#: nginx's number for a client that left before the answer; for logs and metrics, nobody receives it.
CLIENT_GONE: Final = 499


def with_everything(handler: Handler, metrics: Metrics, *, access_log: bool) -> Handler:
    """The handler inside all of the middleware."""
    guarded = with_boundary(handler)
    logged = with_access_log(guarded) if access_log else guarded
    return with_request_id(with_metrics(logged, metrics))


def with_request_id(handler: Handler) -> Handler:
    """Take the client's request id where it is a sane one, else make one that no other process makes."""
    process = secrets.token_hex(8)
    made = (f"req-{process}-{n:x}" for n in itertools.count(1))

    async def identified(request: Request) -> Response:
        headers = request.headers
        given = headers.get(b"x-request-id") or headers.get(b"x-openstack-request-id")
        request.id = given.decode() if given is not None and _SANE_ID.fullmatch(given) else next(made)
        logs.request_id.set(request.id)
        return await handler(request)

    return identified


def with_metrics(handler: Handler, metrics: Metrics) -> Handler:
    """Count and time."""
    clock = time.perf_counter

    async def measured(request: Request) -> Response:
        metrics.in_flight += 1
        start = clock()
        try:
            response = await handler(request)
        finally:
            metrics.in_flight -= 1
        metrics.observe(request, response.status, clock() - start)
        return response

    return measured


def with_access_log(handler: Handler) -> Handler:
    """A line for each request."""

    async def logged(request: Request) -> Response:
        start = time.perf_counter()
        response = await handler(request)
        fields = {
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "bytes": len(response.body),
            "milliseconds": round((time.perf_counter() - start) * 1000, 3),
        }
        _LOG.info("request", extra={"fields": fields})
        return response

    return logged


def with_boundary(handler: Handler) -> Handler:
    """Nothing but a response leaves: errors become problems, and what nobody foresaw becomes a 500 and a log line."""

    async def bounded(request: Request) -> Response:
        try:
            return await handler(request)
        except RequestError as error:
            if isinstance(error, Unavailable):
                _LOG.warning("unavailable: %s", error.detail, extra={"fields": _which(request)})
            return problem(error, request.id)
        except ClientGone:
            return Response(CLIENT_GONE)
        except Exception:
            _LOG.exception("a request failed in a way that is a bug", extra={"fields": _which(request)})
            return unexpected(request.id)

    return bounded


def _which(request: Request) -> dict[str, str]:
    return {"method": request.method, "path": request.path}
