# SPDX-License-Identifier: Apache-2.0
"""The Proton Server's ASGI application, joined from its parts. Reads no configuration and picks no concrete class.

scope ─► Request ─► middleware ─► dispatch ─► discovery | reading | writing | health | metrics ─► Response ─► send
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry

from gluon.model.catalogue import Family
from gluon.model.schema import Action, Proton, Role
from gluon.particle import routes
from gluon.server import discovery
from gluon.server.binding import Binder
from gluon.server.dispatch import Dispatcher, Endpoint
from gluon.server.exchange import Handler, Receive, Request, Response, Scope, Send
from gluon.server.health import Health, Probe
from gluon.server.including import Including
from gluon.server.metrics import Metrics
from gluon.server.middleware import with_everything
from gluon.server.pages import Limits
from gluon.server.reading import Reading
from gluon.server.resource import Parent, Resource
from gluon.server.view import View, views
from gluon.server.waits import Waits
from gluon.server.writing import Desk, Writing
from gluon.settings import Api
from gluon.store.contract import Store
from gluon.store.objects import Objects

_BODYLESS: Final = frozenset({204, 304})
#: How uvloop says that a connection is closed on which several requests came at once, before it tells the server.
_CLOSED: Final = "the handler is closed"


def build(
    settings: Api,
    families: Mapping[str, Family],
    store: Store,
    waits: Waits,
    *,
    probes: Mapping[str, Probe],
    registry: CollectorRegistry,
) -> App:
    """The application for these Protons. ``probes`` are what /readyz asks: each returns, or raises GluonError with a reason."""
    metrics = Metrics(registry)
    health = Health(probes)
    binder = Binder(store, waits, metrics)
    dispatcher = Dispatcher()
    for path, handler in (("/healthz", health.alive), ("/readyz", health.ready), ("/metrics", metrics.serve)):
        dispatcher.add(Endpoint(path, {"GET": handler}, negotiates=False))
    for endpoint in discovery.endpoints(families):
        dispatcher.add(endpoint)
    for family in families.values():
        objects = Objects(family.newest)
        desk = Desk(store, objects, binder, settings.max_body, settings.bind_timeout)
        limits = Limits(min(settings.page_size, settings.max_page_size), settings.max_page_size)
        for proton in family.versions.values():
            for endpoint in _endpoints(family, proton, desk, limits):
                dispatcher.add(endpoint)
    return App(with_everything(dispatcher.handle, metrics, access_log=settings.access_log), binder, health)


class App:
    """The application as ASGI 3.0 servers call it."""

    def __init__(self, handler: Handler, binder: Binder, health: Health) -> None:
        self._handler = handler
        self._binder = binder
        self._health = health

    def drain(self) -> None:
        """The server is about to stop: answer at once whatever waits for a bind (202), and be ready for nothing more.

        It takes no new connections any more: who asks the same again asks another server.
        """
        self._health.stopping = True
        self._binder.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                request = Request(scope, receive)
                await _send(send, request, await self._handler(request))
            case "lifespan":
                await self._live(receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol: there is nothing to start, and drain to do at the end."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.drain()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})


async def _send(send: Send, request: Request, response: Response) -> None:
    """Send a response; a client that does not wait for it is no error."""
    id = request.id.encode()
    headers = [(b"x-request-id", id), (b"x-openstack-request-id", id), *response.headers]
    if response.status not in _BODYLESS:
        headers.append((b"content-type", response.content_type))
        headers.append((b"content-length", b"%d" % len(response.body)))
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})
    except OSError:
        return
    except RuntimeError as error:
        if _CLOSED not in str(error):
            raise


def _endpoints(family: Family, proton: Proton, desk: Desk, limits: Limits) -> Iterator[Endpoint]:
    """An endpoint for each route of a version, which works on the newest version's objects."""
    made = views(family, proton)
    for route in routes.routes(proton):
        resource = Resource(
            family.newest.by_name[route.object.name],
            made[route.object.name],
            routes.collection(proton, route.object),
            _parent(family.newest, route, made),
        )
        including = _including(family.newest, resource, made) if resource.object.is_port else None
        reading, writing = Reading(resource, desk.store, limits, including), Writing(resource, desk, including)
        handlers: dict[Action, Handler] = {
            "list": reading.list,
            "create": writing.create,
            "get": reading.get,
            "update": writing.update,
            "delete": writing.delete,
        }
        yield Endpoint(route.template, {method: handlers[action] for method, action in route.actions.items()})


def _including(newest: Proton, port: Resource, made: Mapping[str, View]) -> Including:
    bindings = [(obj, made[obj.name]) for obj in newest.having(Role.SERVICE_BINDING) if obj.name in made]
    return Including(port.object, port.document, bindings)


def _parent(newest: Proton, route: routes.Route, made: Mapping[str, View]) -> Parent | None:
    if route.parent is None:
        return None
    key = route.object.api.parent_key
    assert key is not None, "the compiler gives every child its parent's key"
    return Parent(newest.by_name[route.parent.name], made[route.parent.name], made[route.object.name].stored(key))
