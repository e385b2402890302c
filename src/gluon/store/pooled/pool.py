# SPDX-License-Identifier: Apache-2.0
"""Connections that read: so many at most, made when they are needed, looked at when they come back.

Where one is lost, all that were made before are closed: after a restart of the database they are all as dead, and nobody else
should have to find that out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from gluon.errors import Unavailable
from gluon.store.driver import Connection, DatabaseError, Driver, Lost, Row, Undone
from gluon.store.pooled.failures import unavailable
from gluon.store.refusals import closed

T = TypeVar("T")
#: Seconds that a read waits for a connection, and is tried again while the database is away.
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.1


class Pool:
    """At most ``size`` connections of a driver."""

    def __init__(self, driver: Driver, size: int) -> None:
        self._driver = driver
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, int]] = []
        self._age = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def fetch(self, sql: str, parameters: Row) -> list[Row]:
        """All rows of one statement. Raises Unavailable, Invalid."""

        async def work(connection: Connection) -> list[Row]:
            return await connection.fetch(sql, parameters)

        return await self.use(work)

    async def use(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """What ``work`` makes of a connection. Run again, for a while, where the connection is lost or its transaction undone.

        Raises Unavailable, Invalid, and what the work raises.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while True:
            try:
                return await self._once(work)
            except (Lost, Undone) as error:
                if loop.time() > end:
                    raise Unavailable(f"database {self._driver.place}: {error}") from error
            except DatabaseError as error:
                raise unavailable(self._driver.place, error) from error
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        """Wait for what runs, then close all."""
        self._closed = True
        for _ in range(self._size):
            await self._free.acquire()
        while self._idle:
            await self._idle.pop()[0].close()
        await asyncio.gather(*self._closing)

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._closed:
            raise closed()
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        try:
            if self._closed:
                raise closed()
            return await self._with_connection(work)
        finally:
            self._free.release()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable(f"database {self._driver.place}: all {self._size} connections for reading are busy") from None

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        connection, age = self._idle.pop() if self._idle else (await self._driver.connect(), self._age)
        quiet = False  # cancelled in the middle of a statement, it is not: the answer is still to come
        try:
            result = await work(connection)
            quiet = True
        except Lost:
            if age == self._age:
                self._replace_all()
            raise
        except Exception:
            quiet = True
            raise
        finally:
            if quiet and connection.alive and age == self._age:
                self._idle.append((connection, age))
            else:
                self._discard(connection)
        return result

    def _replace_all(self) -> None:
        self._age += 1
        old, self._idle = self._idle, []
        for connection, _ in old:
            self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        task = asyncio.create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def in_snapshot(connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run ``work`` in a transaction that reads on one snapshot."""
    await connection.snapshot()
    try:
        result = await work(connection)
        await connection.commit()
    except Exception:
        await connection.rollback()
        raise
    return result
