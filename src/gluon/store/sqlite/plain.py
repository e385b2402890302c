# SPDX-License-Identifier: Apache-2.0
"""An SQLite file behind the seam of ``gluon.store.driver``, for reading and changing its tables. Nothing here suspends.

References are not checked while tables are made anew (https://www.sqlite.org/lang_altertable.html, section 7); who changes
them asks ``PRAGMA foreign_key_check`` in the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gluon.store.driver import DatabaseError, Refused, Row
from gluon.store.sqlite.failures import reason


class PlainConnection:
    """See ``gluon.store.driver.Connection``."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        with _translated():
            raw.execute("PRAGMA foreign_keys = OFF")

    @property
    def alive(self) -> bool:
        """See the seam."""
        return True

    @property
    def optimistic(self) -> bool:
        """See the seam."""
        return False

    async def fetch(self, sql: str, parameters: Row = ()) -> list[Row]:
        """See the seam."""
        with _translated():
            return self._raw.execute(sql, parameters).fetchall()

    async def many(self, sql: str, rows: Sequence[Row]) -> None:
        """See the seam."""
        with _translated():
            self._raw.executemany(sql, rows)

    async def begin(self) -> None:
        """See the seam. The one writer is the lock."""
        await self.fetch("BEGIN IMMEDIATE")

    async def snapshot(self) -> None:
        """See the seam."""
        await self.fetch("BEGIN")

    async def commit(self) -> None:
        """See the seam."""
        await self.fetch("COMMIT")

    async def rollback(self) -> None:
        """See the seam."""
        if self._raw.in_transaction:
            self._raw.rollback()

    async def close(self) -> None:
        """See the seam."""
        self._raw.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _refused(error) from error


def _refused(error: sqlite3.Error) -> DatabaseError:
    return Refused(reason(error))
