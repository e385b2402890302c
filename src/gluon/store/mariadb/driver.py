# SPDX-License-Identifier: Apache-2.0
"""MariaDB, alone or as a Galera cluster, behind the seam of ``gluon.store.driver``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa
from asyncmy import connection as asyncmy
from sqlalchemy.dialects import mysql

from gluon.store.driver import DatabaseError, Lost, Refused
from gluon.store.mariadb.connection import MariadbConnection
from gluon.store.mariadb.errors import FAULTS, translated
from gluon.store.mariadb.sessions import FACTS, check, settings
from gluon.store.mariadb.url import Target


class MariadbDriver:
    """See ``gluon.store.driver.Driver``. ``timeout``: seconds until a statement, or a connection, is given up.

    Of several hosts the one that worked last comes first, so that a dead one costs its time-out once.
    """

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._timeout = timeout
        self._order = list(target.ways)
        self._dialect: Any = mysql.dialect(paramstyle="format")
        self._dialect.is_mariadb = True

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
        for way in tuple(self._order):
            try:
                connection = await self._connect(self._target.ways[way])
            except DatabaseError as error:
                failures[way] = error
                continue
            for failed in failures:
                if failed in self._order:
                    self._order.remove(failed)
                    self._order.append(failed)
            return connection
        raise _together(failures)

    async def _connect(self, way: Mapping[str, Any]) -> MariadbConnection:
        raw: Any = asyncmy.Connection(**self._target.options, **way)  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(self._timeout):
                await raw.connect()
        except FAULTS as error:
            raise translated(error) from error
        # A little longer than the server, which says why it gives up.
        connection = MariadbConnection(raw, self._timeout + 1)
        try:
            facts = {str(name): value for sql in FACTS for name, value in await connection.fetch(sql)}
            check(facts)
            told = settings(facts, self._timeout)
            await connection.script(told)
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
