# SPDX-License-Identifier: Apache-2.0
"""A proxy before a database server that cuts the connection around a COMMIT."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

#: Not the end of READ COMMITTED.
_COMMIT: Final = re.compile(rb"COMMIT(?!TED)")


class Cutter:
    """``cut``: what happens to the next COMMIT: it never arrives, or its answer does not. ``cuts`` counts."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.cut: Literal["command", "answer"] | None = None
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(*self._target)
        deaf = asyncio.Event()
        answers = asyncio.create_task(self._pass(back_reader, writer, deaf))
        try:
            while data := await reader.read(2**16):
                if self.cut and _COMMIT.search(data):
                    what, self.cut = self.cut, None
                    self.cuts += 1
                    if what == "answer":
                        deaf.set()
                        back_writer.write(data)
                        await back_writer.drain()
                        await answers
                    break
                back_writer.write(data)
                await back_writer.drain()
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            for each in (writer, back_writer):
                each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        """Answers; the first after ``deaf`` is set is the one that nobody hears."""
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                if deaf.is_set():
                    return
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def cutter(host: str, port: int) -> AsyncIterator[tuple[Cutter, int]]:
    """A proxy and the port that it listens on."""
    made = Cutter(host, port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    try:
        yield made, server.sockets[0].getsockname()[1]
    finally:
        server.close()
