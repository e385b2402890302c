# SPDX-License-Identifier: Apache-2.0
"""``shimserver``: joins settings, models, backends and etcd, and runs a shim for each handler until it is told to stop."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
from collections.abc import Sequence

from gluon.cmd import config, running
from gluon.errors import SettingsError
from gluon.kv import etcd
from gluon.model.catalogue import load_catalogue
from gluon.model.faults import nearest
from gluon.model.schema import Proton
from gluon.server import logs
from gluon.settings import ShimSettings
from gluon.shim import loading
from gluon.shim.service import Shim

_PROGRAM = "shimserver"


def main(argv: Sequence[str] | None = None) -> int:
    """The console script."""
    parser = running.parser(_PROGRAM, "Follow etcd and call the backends of SDN controllers.")
    args = parser.parse_args(running.arguments(argv))
    return running.reporting(_PROGRAM, lambda: _run(args.config_file))


def _run(files: Sequence[str]) -> int:
    settings = config.load(ShimSettings, files, os.environ)
    if not settings.shim.host_list:
        raise SettingsError("[shim] host_list is not set: name the hosts whose ports this shim binds, or * for all")
    if not settings.shim.name:
        named = dataclasses.replace(settings.shim, name=socket.gethostname())
        settings = dataclasses.replace(settings, shim=named)
    logs.install(debug=settings.default.debug)
    handlers = _handlers(settings)
    return running.until_stopped(lambda stop: serve(settings, handlers, stop))


def _handlers(settings: ShimSettings) -> list[tuple[Proton, object]]:
    """The Proton and the backend of each handler. Raises SettingsError for what is not there."""
    families = load_catalogue(settings.default.model_path)
    found = []
    for handler in settings.shim.handlers:
        proton, colon, backend = handler.partition(":")
        if not colon or not backend:
            raise SettingsError(f"[shim] handlers: '{handler}' is not of the form proton:backend")
        if proton not in families:
            close = nearest(proton, families)
            hint = f": did you mean '{close}'?" if close else f"; there are {', '.join(families)}"
            raise SettingsError(f"[shim] handlers: there is no Proton '{proton}'{hint}")
        found.append((families[proton].newest, loading.load_backend(backend)))
    return found


async def serve(settings: ShimSettings, handlers: Sequence[tuple[Proton, object]], stop: asyncio.Event) -> None:
    """Run all handlers until ``stop`` is set or one of them fails."""
    kv = await etcd.connect(settings.etcd)
    try:
        running_shims = [asyncio.create_task(Shim(settings.shim, proton, backend, kv).run()) for proton, backend in handlers]
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([stopped, *running_shims], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, *running_shims):
            task.cancel()
        for result in await asyncio.gather(*running_shims, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
    finally:
        await kv.close()


if __name__ == "__main__":
    raise SystemExit(main())
