# SPDX-License-Identifier: Apache-2.0
"""How a server that does not relay wakes the one that does: it puts ``/gluon/doorbell/<database>`` when it has committed.

A bell that is not heard costs the relay's next look, no more; so nothing here is repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec

from gluon.kv.contract import Compacted, Kv

_QUIET: Final = 0.005  # seconds between two rings


class Doorbell:
    """One database's bell. ``rung`` is called when one was put."""

    def __init__(self, kv: Kv, key: str, who: str, rung: Callable[[], None] = lambda: None) -> None:
        self._kv = kv
        self._key = key
        self._value = msgspec.json.encode({"who": who})
        self._rung = rung
        self._wanted = asyncio.Event()

    def ring(self) -> None:
        """Ask for the relay; returns at once. Rings that come while one is on its way are one."""
        self._wanted.set()

    async def run(self) -> None:
        """Put the key whenever it was asked for. Raises KvError; what was asked for is then forgotten."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._kv.put(self._key, self._value)
            self._rung()
            await asyncio.sleep(_QUIET)

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call ``heard`` at each ring, and at the start. Raises KvError."""
        while True:
            try:
                async with aclosing(self._kv.watch(self._key)) as watch:
                    async for _ in watch:
                        heard()
            except Compacted:
                continue
