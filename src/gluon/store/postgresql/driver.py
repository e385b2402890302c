# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL behind the seam of ``gluon.store.driver``.

Every connection is told to end transactions that are left idle, to wait for a lock only so long, and to give up statements
that take too long: a server that hangs, or was paused, must not hold up the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as sa_asyncpg

from gluon.particle.quoting import quoting
from gluon.store.driver import DatabaseError, Lost, Refused, Row, Undone
from gluon.store.postgresql.errors import BROKEN, translated
from gluon.store.postgresql.url import Target

#: The oldest version that is tested.
OLDEST: Final = 13
_FAULTS: Final = (asyncpg.PostgresError, *BROKEN)
#: Statements that a connection keeps prepared.
_PREPARED: Final = 1024
#: Milliseconds: how long a transaction may wait for its client, and for a lock. The engine tries again who waits for a lock:
#: the shorter one try is, the less all others wait for it; PostgreSQL itself looks for deadlocks only after a second.
_IDLE: Final = "5000"
_LOCK: Final = "300"
#: Seconds that one of several hosts gets to answer.
_HOST: Final = 2.0


class PostgresqlConnection:
    """See ``gluon.store.driver.Connection``."""

    def __init__(self, connection: Any, *, several: bool = False) -> None:
        """``several``: where this host takes no more writes, another one may."""
        self._connection = connection
        self._several = several
        self._broken = False

    @property
    def alive(self) -> bool:
        """See the seam."""
        return not self._broken and not self._connection.is_closed()

    @property
    def optimistic(self) -> bool:
        """See the seam."""
        return False

    async def fetch(self, sql: str, parameters: Row = ()) -> list[Row]:
        """See the seam."""
        try:
            rows: list[Row] = await self._connection.fetch(sql, *parameters)
        except _FAULTS as error:
            raise self._translated(error) from error
        return rows

    async def many(self, sql: str, rows: Sequence[Row]) -> None:
        """See the seam. One round trip for all: asyncpg pipelines them."""
        try:
            await self._connection.executemany(sql, rows)
        except _FAULTS as error:
            raise self._translated(error) from error

    async def begin(self) -> None:
        """See the seam."""
        await self._execute("BEGIN ISOLATION LEVEL READ COMMITTED")

    async def snapshot(self) -> None:
        """See the seam."""
        await self._execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    async def commit(self) -> None:
        """See the seam. PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK, and no error."""
        status = await self._execute("COMMIT")
        if status != "COMMIT":
            raise Undone("the transaction had failed before")

    async def rollback(self) -> None:
        """See the seam."""
        if not self.alive or not self._connection.is_in_transaction():
            return
        try:
            await self._connection.execute("ROLLBACK")
        except _FAULTS as error:
            self._translated(error)
            self._broken = True

    async def close(self) -> None:
        """See the seam."""
        self._broken = True
        self._connection.terminate()

    async def _execute(self, sql: str) -> str:
        try:
            return str(await self._connection.execute(sql))
        except _FAULTS as error:
            raise self._translated(error) from error

    def _translated(self, error: BaseException) -> Exception:
        found = translated(error)
        if self._several and isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            found = Lost(str(found))
        if isinstance(found, Lost):
            self._broken = True
            self._connection.terminate()
        return found


class PostgresqlDriver:
    """See ``gluon.store.driver.Driver``. ``timeout``: seconds until a statement, or a connection, is given up."""

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._timeout = timeout
        self._chosen = 0
        self._dialect: sa.Dialect = sa_asyncpg.dialect()  # type: ignore[no-untyped-call]
        quoting(self._dialect)

    @property
    def name(self) -> Literal["postgresql"]:
        """See the seam."""
        return "postgresql"

    @property
    def dialect(self) -> sa.Dialect:
        """See the seam."""
        return self._dialect

    @property
    def place(self) -> str:
        """See the seam."""
        return self._target.place

    async def connect(self) -> PostgresqlConnection:
        """See the seam. The hosts are tried in order, from the one that was right last; of several, one must take writes."""
        last: DatabaseError = Lost("the URL names no host")
        hosts = self._target.hosts
        for n in range(len(hosts)):
            chosen = (self._chosen + n) % len(hosts)
            try:
                connection = await self._connect(*hosts[chosen])
            except DatabaseError as error:
                last = error
                continue
            self._chosen = chosen
            return connection
        raise last

    async def _connect(self, host: str, port: int) -> PostgresqlConnection:
        several = len(self._target.hosts) > 1
        connection: Any = None
        standby = True
        try:
            async with asyncio.timeout(min(self._timeout, _HOST) if several else self._timeout):
                connection = await asyncpg.connect(host=host, port=port, **self._options())
                standby = several and await connection.fetchval("SHOW transaction_read_only") == "on"
        except BaseException as error:
            if connection is not None:  # a host that let us in and then says nothing
                connection.terminate()
            if isinstance(error, _FAULTS):
                raise translated(error) from error
            raise
        version = connection.get_server_version()
        if version.major < OLDEST or standby:
            connection.terminate()
            if standby:
                raise Lost("none of the hosts takes writes")
            raise Refused(f"the server is PostgreSQL {version.major}; {OLDEST} is the oldest that works")
        return PostgresqlConnection(connection, several=several)

    def _options(self) -> Mapping[str, Any]:
        return {
            **self._target.options,
            "command_timeout": self._timeout + 1,
            "statement_cache_size": _PREPARED,
            "max_cached_statement_lifetime": 0,
            "server_settings": {
                "application_name": "gluon",
                "idle_in_transaction_session_timeout": _IDLE,
                "lock_timeout": _LOCK,
                "statement_timeout": str(int(self._timeout * 1000)),
            },
        }
