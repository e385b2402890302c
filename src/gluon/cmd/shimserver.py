# SPDX-License-Identifier: Apache-2.0
"""``shimserver``: joins settings, models, backends and etcd, and runs a shim for each handler until it is told to stop."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import socket
from collections.abc import Callable, Sequence

from gluon.cmd import config, models, running
from gluon.errors import SettingsError
from gluon.kv import etcd
from gluon.model.catalogue import no_proton
from gluon.model.schema import Proton
from gluon.server import logs
from gluon.settings import ShimSettings
from gluon.shim import loading
from gluon.shim.mirror import Mirror
from gluon.shim.service import Shim

_PROGRAM = "shimserver"
#: A shim holds very many small values that live long and no circles among them: looking for circles often is in vain.
_COLLECT = (50_000, 20, 100)


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
    gc.set_threshold(*_COLLECT)
    handlers = _handlers(settings)
    return running.until_stopped(lambda stop: serve(settings, handlers, stop))


@dataclasses.dataclass(frozen=True, slots=True)
class Handler:
    """What one shim joins: a Proton, a backend, and what makes the backend's copy of the Proton."""

    proton: Proton
    backend: object
    model: Callable[[Proton], Mirror]


def _handlers(settings: ShimSettings) -> list[Handler]:
    """The handlers that the settings name. Raises SettingsError for what is not there, and for two of one Proton."""
    families = models.families(settings.default)
    found: dict[str, Handler] = {}
    for text in settings.shim.handlers:
        proton, backend, model = _parts(text)
        if proton not in families:
            raise SettingsError(f"[shim] handlers: {no_proton(proton, families)}")
        if proton in found:
            raise SettingsError(
                f"[shim] handlers: two are for '{proton}', but a shim of one name has one for each Proton: "
                "run a second shimserver with another [shim] name"
            )
        found[proton] = Handler(families[proton].newest, loading.load_backend(backend), loading.load_model(model))
    return list(found.values())


def _parts(handler: str) -> tuple[str, str, str]:
    """The Proton, the backend and the data model (empty: the generated one) that a handler names."""
    parts = handler.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise SettingsError(f"[shim] handlers: '{handler}' is not of the form proton:backend or proton:backend:model")
    proton, backend, *model = parts
    return proton, backend, "".join(model)


async def serve(settings: ShimSettings, handlers: Sequence[Handler], stop: asyncio.Event) -> None:
    """Run all handlers until ``stop`` is set or one of them fails."""
    kv = await etcd.connect(settings.etcd)
    try:
        shims = [Shim(settings.shim, h.proton, h.backend, kv, model=h.model) for h in handlers]
        running_shims = [asyncio.create_task(shim.run()) for shim in shims]
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
