# SPDX-License-Identifier: Apache-2.0
"""A reader: a thread with a connection of its own, which runs units of reading one after the other, each on one snapshot."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gluon.store.refusals import closed
from gluon.store.sqlite.failures import unavailable
from gluon.store.sqlite.transactions import drive
from gluon.store.transactions import RowReads

T = TypeVar("T")


class Reader:
    """Reads on a connection that it alone uses, and closes at its end."""

    def __init__(self, connection: sqlite3.Connection, begin: Callable[[], RowReads], name: str) -> None:
        """``begin`` makes what units of work read with; ``name`` is the thread's."""
        self._connection = connection
        self._begin = begin
        self._thread = ThreadPoolExecutor(1, name)
        self._closed = False

    async def read(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """What ``work`` finds. Raises Unavailable, and what the work raises."""
        if self._closed:
            raise closed()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._snapshot, work)

    async def close(self) -> None:
        """Finish what is asked, end the thread."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()

    def _snapshot(self, work: Callable[[Any], Awaitable[T]]) -> T:
        try:
            self._connection.execute("BEGIN")
            try:
                return drive(work(self._begin()))
            finally:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise unavailable(error) from error
