# SPDX-License-Identifier: Apache-2.0
"""One connection to MariaDB behind the seam of ``gluon.store.driver``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from gluon.store.driver import DatabaseError, Lost, Row, Undone
from gluon.store.mariadb.errors import DEADLOCK, FAULTS, READ_ONLY, number_of, translated
from gluon.store.mariadb.literals import filled, filled_many

#: Seconds that a farewell may take.
_FAREWELL: Final = 1.0


class MariadbConnection:
    """See ``gluon.store.driver.Connection``. ``timeout``: seconds until a server that does not answer is given up; ``lost``: to
    be told when the server is no longer there; ``several``: where this one takes no more writes, another one may.

    A statement that fails or is cancelled half-way leaves nothing on the wire: the answer is read to its end, or the
    connection is closed.
    """

    def __init__(self, raw: Any, timeout: float, lost: Callable[[], None], *, several: bool = False) -> None:
        self._raw = raw
        self._several = several
        self._timeout = timeout
        self._lost = lost
        self._broken = False
        self._optimistic = False
        self._undone: str | None = None

    @property
    def alive(self) -> bool:
        """See the seam."""
        return not self._broken and not self._raw._stream_broken

    @property
    def optimistic(self) -> bool:
        """See the seam."""
        return self._optimistic

    async def fetch(self, sql: str, parameters: Row = ()) -> list[Row]:
        """See the seam."""
        return await self._run(filled(sql, parameters), 1)

    async def many(self, sql: str, rows: Sequence[Row]) -> None:
        """See the seam. Inserts go as one statement; others as several in one packet, up to the first that fails."""
        for statement, answers in filled_many(sql, rows):
            await self._run(statement, answers)

    async def begin(self) -> None:
        """See the seam."""
        await self._start("START TRANSACTION READ WRITE", 1)

    async def snapshot(self) -> None:
        """See the seam."""
        snapshot = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
        await self._start(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;{snapshot}", 2)

    async def commit(self) -> None:
        """See the seam. Every error but one leaves open what happened."""
        if self._undone is not None:
            raise Undone(self._undone)
        if not self.alive:
            # The server ended the connection before COMMIT was sent, so it has not seen it.
            await self.close()
            raise Undone("the database server ended the connection before COMMIT")
        try:
            await self._query("COMMIT", 1)
        except FAULTS as error:
            found = translated(error)
            if number_of(error) == DEADLOCK:
                await self.rollback()
                raise found from error
            self._break()
            self._lost()
            raise found if isinstance(found, Lost) else Lost(str(found)) from error

    async def rollback(self) -> None:
        """See the seam."""
        self._undone = None
        if not self.alive:
            self._break()
            return
        try:
            await self._query("ROLLBACK", 1)
        except FAULTS:
            self._break()

    async def close(self) -> None:
        """See the seam."""
        quiet, self._broken = self.alive, True
        try:
            if quiet:
                async with asyncio.timeout(_FAREWELL):
                    await self._raw.ensure_closed()
        except FAULTS:
            pass  # it is closed either way
        finally:
            self._raw.close()

    async def prepare(self, sql: str, *, optimistic: bool) -> None:
        """Tell the session several statements in one packet, separated by semicolons, of which no value may have one."""
        await self._run(sql, sql.count(";") + 1)
        self._optimistic = optimistic

    async def _start(self, sql: str, answers: int) -> None:
        if self._undone is not None or self._raw.get_transaction_status():
            await self.rollback()  # else MariaDB would commit what is still open
        await self._run(sql, answers)

    async def _run(self, sql: str, answers: int) -> list[Row]:
        try:
            return await self._query(sql, answers)
        except FAULTS as error:
            found = translated(error, sql)
            if self._several and number_of(error) in READ_ONLY:
                found = Lost(str(found))
            if isinstance(found, Lost):
                self._break()
                self._lost()
            elif isinstance(found, Undone):
                await self._undo(found)
            raise found from error

    async def _undo(self, why: DatabaseError) -> None:
        """Some of these errors end the statement alone: the rest of the transaction must not stay."""
        await self.rollback()
        self._undone = str(why)

    async def _query(self, sql: str, answers: int) -> list[Row]:
        """The rows of the first of so many answers."""
        quiet = False
        try:
            async with asyncio.timeout(self._timeout):
                async with self._raw.cursor() as cursor:
                    await cursor.execute(sql)
                    rows: list[Row] = list(await cursor.fetchall())
                    for _ in range(answers - 1):
                        await cursor.nextset()
            quiet = True
        except FAULTS as error:
            quiet = number_of(error) > 0
            raise
        finally:
            if not quiet:  # cancelled, or not understood: part of an answer may still come
                self._break()
        return rows

    def _break(self) -> None:
        self._broken = True
        self._raw.close()
