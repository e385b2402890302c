# SPDX-License-Identifier: Apache-2.0
"""``/healthz``: the process answers. ``/readyz``: what it needs answers too; each probe with its reason where it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from gluon.errors import GluonError
from gluon.server.exchange import Request, Response

Probe = Callable[[], Awaitable[None]]

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
        reasons = await asyncio.gather(*(self._reason(probe) for probe in self._probes.values()))
        probes = dict(zip(self._probes, map(_report, reasons), strict=True))
        probes["server"] = _report("it is stopping" if self.stopping else None)
        ready = all(report["ready"] for report in probes.values())
        return Response(200 if ready else 503, msgspec.json.encode({"ready": ready, "probes": probes}))

    async def _reason(self, probe: Probe) -> str | None:
        """Why a probe does not pass, None where it does."""
        try:
            async with asyncio.timeout(self._patience):
                await probe()
        except TimeoutError:
            return f"no answer within {self._patience:g} s"
        except GluonError as error:
            return str(error)
        return None


def _report(reason: str | None) -> dict[str, Any]:
    return {"ready": True} if reason is None else {"ready": False, "reason": reason}
