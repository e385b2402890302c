# SPDX-License-Identifier: Apache-2.0
"""What stands before several servers: sends each request to one that answers, and to the other where that one fails.

Like a load balancer it asks each server for a sign of life; one that gives none within a second is out, and what waits for
it is sent again to another. Whoever sends must make sure that this does no harm.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

_LOOK: Final = 0.25  # seconds between two signs of life
_PATIENCE: Final = 1.0  # seconds that a server has for one


class Front:
    """Requests to any of the servers at these ports of loopback."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = tuple(ports)
        self._out = {port: asyncio.Event() for port in ports}
        self._next = 0

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look after the servers meanwhile."""
        tasks = [asyncio.create_task(self._watch(port)) for port in self._ports]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def request(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """The status and the decoded answer of whichever server answers; sent again, for ever, where none does."""
        while True:
            self._next += 1
            port = self._ports[self._next % len(self._ports)]
            if self._out[port].is_set():
                port = next((other for other in self._ports if not self._out[other].is_set()), port)
            sending = asyncio.create_task(_exchange(port, method, path, body))
            out = asyncio.create_task(self._out[port].wait())
            await asyncio.wait({sending, out}, return_when=asyncio.FIRST_COMPLETED)
            out.cancel()
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                status, answer = sending.result()
                if status != 503:
                    return status, answer
            await asyncio.sleep(0.02)

    async def _watch(self, port: int) -> None:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await _exchange(port, "GET", "/healthz", {})
                self._out[port].clear()
            except (OSError, EOFError):
                self._out[port].set()
            await asyncio.sleep(_LOOK)


async def _exchange(port: int, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        data = json.dumps(body).encode() if body else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        answer = await reader.readuntil(b"\r\n\r\n")
        return int(answer.split(b" ", 2)[1]), json.loads(await reader.read() or b"null")
    finally:
        writer.close()
