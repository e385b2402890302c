# SPDX-License-Identifier: Apache-2.0
"""``/healthz``: the process answers. ``/readyz``: what it needs answers too; each probe with its reason where it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from gluon.errors import GluonError
from gluon.server.exchange import Request, Response

#: Returns what an operator should see to, if anything, or raises GluonError with the reason why the server is not usable.
Probe = Callable[[], Awaitable[str | None]]

#: Seconds that a probe may take; whoever asks has a time-out of its own.
PATIENCE: Final = 2.0
_ALIVE: Final = Response(200, b'{"status":"alive"}')


class Health:
    """The answers to those who watch over the server."""

    def __init__(self, probes: Mapping[str, Probe], patience: float = PATIENCE) -> None:
        self._probes = dict(probes)
        self._patience = patience
        self.stopping = False

    async def alive(self, request: Request) -> Response:
        """``GET /healthz``."""
        return _ALIVE

    async def ready(self, request: Request) -> Response:
        """``GET /readyz``: 200 if every probe passes and the server is not stopping, else 503."""
        reports = await asyncio.gather(*(self._report(probe) for probe in self._probes.values()))
        probes = dict(zip(self._probes, reports, strict=True))
        probes["server"] = _report(ready=not self.stopping, reason="it is stopping" if self.stopping else None)
        ready = all(report["ready"] for report in probes.values())
        return Response(200 if ready else 503, msgspec.json.encode({"ready": ready, "probes": probes}))

    async def _report(self, probe: Probe) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._patience):
                return _report(ready=True, reason=await probe())
        except TimeoutError:
            return _report(ready=False, reason=f"no answer within {self._patience:g} s")
        except GluonError as error:
            return _report(ready=False, reason=str(error))


def _report(*, ready: bool, reason: str | None) -> dict[str, Any]:
    return {"ready": ready} if reason is None else {"ready": ready, "reason": reason}
