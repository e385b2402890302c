# SPDX-License-Identifier: Apache-2.0
"""``proton-server``: joins settings, models, database, etcd and the API, and serves until it is told to stop.

    settings ─► models ─► listening socket ─► store ─► kv ─► sync ─► app ─► uvicorn

With ``workers`` > 1 this process only holds the socket and looks after that many children, each the whole of the above.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence

import uvicorn
from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from gluon.cmd import config, models, running, workers
from gluon.errors import SettingsError
from gluon.kv import etcd
from gluon.model.catalogue import Family
from gluon.server import app, logs
from gluon.settings import Api, ServerSettings
from gluon.store.opening import applies, open_store
from gluon.sync.service import Sync

_log = logging.getLogger("gluon.cmd.proton_server")  # also where it is run as a module
_PROGRAM = "proton-server"
_BACKLOG = 4096
_SWITCH = 0.001  # seconds; with Python's 5 ms a busy event loop makes the thread that commits wait for its turn
_DRAIN = 10  # seconds that running requests get to end after SIGTERM


def main(argv: Sequence[str] | None = None) -> int:
    """The console script."""
    parser = running.parser(_PROGRAM, "Serve the APIs of all Protons whose models are found, or of those that the settings name.")
    parser.add_argument("--worker", nargs=2, type=int, help=argparse.SUPPRESS)  # of whom, on which socket: see workers
    args = parser.parse_args(running.arguments(argv))
    return running.reporting(_PROGRAM, lambda: _run(args.config_file, args.worker))


def _run(files: Sequence[str], worker: Sequence[int] | None) -> int:
    if worker is not None:
        running.end_with_parent(worker[0])
    settings = config.load(ServerSettings, files, os.environ)
    sys.setswitchinterval(_SWITCH)
    running.allow_open_files()
    _refuse_open_noauth(settings.api)
    logs.install(debug=settings.default.debug)
    families = models.families(settings.default)
    with _listen(settings.api) if worker is None else socket.socket(fileno=worker[1]) as listening:
        if settings.api.workers > 1 and worker is None:
            return workers.supervise(_PROGRAM, files, settings.api.workers, listening)
        return running.until_stopped(lambda stop: serve(settings, families, listening, stop))


def _refuse_open_noauth(api: Api) -> None:
    if api.auth_strategy != "noauth" or api.noauth_beyond_loopback or api.host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(api.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"[api] host = {api.host} can be reached from other machines, and auth_strategy = noauth lets everyone"
            " do everything: listen on 127.0.0.1, or set [api] noauth_beyond_loopback = true"
        )


def _listen(api: Api) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(api.host, api.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"cannot listen on {api.host} port {api.port} ([api] host, port): {reason}") from None
    listening.set_inheritable(True)
    return listening


async def serve(settings: ServerSettings, families: Mapping[str, Family], listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve on ``listening`` until ``stop`` is set; then finish what runs and answer what waits."""
    host, port = listening.getsockname()[:2]
    url = settings.api.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    newest = [family.newest for family in families.values()]
    database = settings.database
    store = await open_store(database.connection, newest, auto_apply=applies(database), settings=database)
    kv = await etcd.connect(settings.etcd)
    sync = Sync(settings.sync, kv, store, families, url)
    sync.metrics(registry)
    probes = {"database": store.ready, "etcd": sync.probe_etcd, "relay": sync.probe_relay}
    application = app.build(settings.api, families, store, sync.waits, probes=probes, registry=registry)
    server = _Server(
        uvicorn.Config(
            application,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_DRAIN,
        )
    )
    for proton in newest:
        _log.info("serving %s %s at %s/proton/%s", proton.name, proton.version, url, proton.name)
    relaying = asyncio.create_task(sync.run(), name="sync")
    stopping = asyncio.create_task(_stop(stop, server, application), name="stop")
    try:
        await server.serve(sockets=[listening])
    finally:
        for task in (stopping, relaying):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await store.close()
        await kv.close()


async def _stop(stop: asyncio.Event, server: _Server, application: app.App) -> None:
    await stop.wait()
    server.leave()
    application.drain()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process by the signal and not with status 0."""

    def leave(self) -> None:
        """Take no more connections, at once; it finishes what runs and ends."""
        self.should_exit = True
        for listener in self.servers if self.started else ():
            listener.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


if __name__ == "__main__":
    raise SystemExit(main())
