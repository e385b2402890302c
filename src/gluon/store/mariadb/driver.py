# SPDX-License-Identifier: Apache-2.0
"""MariaDB, alone or as a Galera cluster, behind the seam of ``gluon.store.driver``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal

import sqlalchemy as sa
from asyncmy import connection as asyncmy
from sqlalchemy.dialects import mysql

from gluon.particle.quoting import quoting
from gluon.store.driver import DatabaseError, Lost, Refused
from gluon.store.mariadb.connection import MariadbConnection
from gluon.store.mariadb.errors import FAULTS, translated
from gluon.store.mariadb.sessions import FACTS, check, clustered, settings
from gluon.store.mariadb.url import Target

#: Seconds for which a host that failed is tried after the others.
_LATELY: Final = 30.0


class MariadbDriver:
    """See ``gluon.store.driver.Driver``. ``timeout``: seconds until a statement, or a connection, is given up.

    Several hosts are tried in their order, but those that failed lately last, so that a dead one costs its time-out once.
    """

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._timeout = timeout
        self._failed: dict[str, float] = {}
        self._dialect: Any = mysql.dialect(paramstyle="format")
        self._dialect.is_mariadb = True
        quoting(self._dialect)

    @property
    def name(self) -> Literal["mariadb"]:
        """See the seam."""
        return "mariadb"

    @property
    def dialect(self) -> sa.Dialect:
        """See the seam."""
        return self._dialect  # type: ignore[no-any-return]

    @property
    def place(self) -> str:
        """See the seam."""
        return self._target.place

    async def connect(self) -> MariadbConnection:
        """See the seam."""
        failures: dict[str, DatabaseError] = {}
        for way in self._order():
            try:
                return await self._connect(way)
            except DatabaseError as error:
                failures[way] = error
                self._note(way)
        raise _together(failures)

    def _order(self) -> list[str]:
        lately = time.monotonic() - _LATELY
        return sorted(self._target.ways, key=lambda way: max(self._failed.get(way, lately), lately))

    def _note(self, way: str) -> None:
        self._failed[way] = time.monotonic()

    async def _connect(self, way: str) -> MariadbConnection:
        raw: Any = asyncmy.Connection(**self._target.options, **self._target.ways[way])  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(self._timeout):
                await raw.connect()
        except FAULTS as error:
            raise translated(error) from error
        several = len(self._target.ways) > 1
        # A little longer than the server, which says why it gives up.
        connection = MariadbConnection(raw, self._timeout + 1, partial(self._note, way), several=several)
        try:
            facts = {str(name): value for sql in FACTS for name, value in await connection.fetch(sql)}
            check(facts, several=several)
            await connection.prepare(settings(facts, self._timeout), optimistic=clustered(facts))
        except DatabaseError:
            await connection.close()
            raise
        return connection


def _together(failures: Mapping[str, DatabaseError]) -> DatabaseError:
    """One error for all hosts: Lost where any may come back."""
    if len(failures) == 1:
        return next(iter(failures.values()))
    text = "; ".join(f"{way}: {error}" for way, error in failures.items())
    return Lost(text) if any(isinstance(error, Lost) for error in failures.values()) else Refused(text)
