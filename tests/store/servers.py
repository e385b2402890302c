# SPDX-License-Identifier: Apache-2.0
"""Another client of the tests' database server, who gets in the way. A kind of server joins by a line in SERVERS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncpg

#: A trigger that fails on PostgreSQL with this error code.
_FUNCTION = """CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{text}' USING ERRCODE = '{code}'; END $$"""


@dataclass(frozen=True, slots=True)
class Server:
    """``idle_soon``: from now on this session ends a transaction that is left idle for a second. ``widening``: changes of a
    table that make what is prepared for it stale."""

    idle_soon: str
    widening: tuple[str, ...]


SERVERS: Final = {
    "postgresql": Server(
        "SET idle_in_transaction_session_timeout = '1s'",
        (
            'ALTER TABLE net_test_mark ALTER COLUMN note TYPE varchar(300) COLLATE "C"',
            "ALTER TABLE net_test_mark ADD COLUMN colour varchar(10)",
            "ALTER TABLE net_test_mark ALTER COLUMN note TYPE text",
            "ALTER TABLE net_test_mark DROP COLUMN colour",
        ),
    ),
}


class Held(Protocol):
    """A transaction that is open."""

    async def run(self, sql: str) -> None: ...

    async def release(self) -> None: ...


class Admin(Protocol):
    """A session of its own on the same database."""

    name: str

    async def run(self, sql: str) -> None: ...

    async def hold(self, sql: str) -> Held:
        """Run this in a transaction and leave that open."""
        ...

    async def refuse_at_commit(self, table: str, column: str, value: str) -> None:
        """From now on the COMMIT of a transaction that adds this value fails: ``no <value> today``."""
        ...

    async def disk_full(self) -> None:
        """From now on what writes a change row, or probes, is told that the disk is full."""
        ...

    async def disk_free(self) -> None: ...

    async def read_only(self) -> None:
        """New sessions can only read."""
        ...

    async def end_others(self) -> None:
        """End all other sessions of this database."""
        ...


@asynccontextmanager
async def admin(url: str) -> AsyncIterator[Admin]:
    """Who is to get in the way of the tests' stores."""
    connection = await asyncpg.connect(url)
    try:
        yield PostgresAdmin(url, connection)
    finally:
        await connection.close()


class PostgresAdmin:
    """See Admin."""

    name = "postgresql"

    def __init__(self, url: str, connection: Any) -> None:
        self._url = url
        self._connection = connection

    async def run(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def hold(self, sql: str) -> Held:
        connection = await asyncpg.connect(self._url)
        await connection.execute("BEGIN")
        await connection.execute(sql)
        return PostgresHeld(connection)

    async def refuse_at_commit(self, table: str, column: str, value: str) -> None:
        await self.run(_FUNCTION.format(name="no_today", text=f"no {value} today", code="P0001"))
        await self.run(
            f"CREATE CONSTRAINT TRIGGER no_today AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW WHEN (NEW.{column} = '{value}') EXECUTE FUNCTION no_today()"
        )

    async def disk_full(self) -> None:
        await self.run(_FUNCTION.format(name="no_space", text="could not extend file: No space left on device", code="53100"))
        await self.run("CREATE TRIGGER full_changes BEFORE INSERT ON gluon_changes EXECUTE FUNCTION no_space()")
        await self.run("CREATE TRIGGER full_meta BEFORE UPDATE ON gluon_meta EXECUTE FUNCTION no_space()")

    async def disk_free(self) -> None:
        await self.run("DROP TRIGGER full_changes ON gluon_changes")
        await self.run("DROP TRIGGER full_meta ON gluon_meta")

    async def read_only(self) -> None:
        name = await self._connection.fetchval("SELECT current_database()")
        await self.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    async def end_others(self) -> None:
        await self.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class PostgresHeld:
    """See Held."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def run(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def release(self) -> None:
        await self._connection.close()
