# SPDX-License-Identifier: Apache-2.0
"""What Prometheus sees of the API: requests and their durations by route and status, what runs and what waits.

Children are bound once for each (method, route, status) that occurs; a request costs two of them.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gluon.server.exchange import Request, Response

#: Upper bounds in seconds, from a read out of the cache of the database to a bind that nobody answers.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The API's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._requests = Counter("gluon_api_requests", "Requests answered.", ("method", "route", "status"), registry=registry)
        self._seconds = Histogram(
            "gluon_api_request_duration_seconds",
            "Seconds from a request's head to its response.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._bound: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.in_flight = 0
        self.waiting = 0
        Gauge("gluon_api_requests_in_flight", "Requests that run now.", registry=registry).set_function(lambda: self.in_flight)
        Gauge("gluon_api_binds_waiting", "Requests that wait for the answer to a bind.", registry=registry).set_function(
            lambda: self.waiting
        )

    def observe(self, request: Request, status: int, seconds: float) -> None:
        """Count a request that was answered with ``status`` after ``seconds``."""
        key = (request.method, request.route, status)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bind(*key)
        bound[0].inc()
        bound[1].observe(seconds)

    def _bind(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """The children for a kind of request; methods that clients invent are counted as one."""
        known = method if method in _METHODS else "other"
        bound = (self._requests.labels(known, route, str(status)), self._seconds.labels(known, route))
        if known == method:
            self._bound[method, route, status] = bound
        return bound

    async def serve(self, request: Request) -> Response:
        """``GET /metrics``: everything in the registry, in Prometheus's text format."""
        return Response(200, generate_latest(self._registry), CONTENT_TYPE_LATEST.encode())
