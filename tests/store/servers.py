# SPDX-License-Identifier: Apache-2.0
"""Another client of the tests' database server, who gets in the way. A kind of server joins by a line in SERVERS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncmy
import asyncpg
from sqlalchemy.engine import make_url

from gluon.parts.databases import DatabaseServer

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
    "mariadb": Server(
        "SET SESSION idle_transaction_timeout = 1",
        (
            "ALTER TABLE net_test_mark ADD COLUMN colour varchar(10)",
            "ALTER TABLE net_test_mark MODIFY note LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, ALGORITHM=COPY",
            "ALTER TABLE net_test_mark DROP COLUMN colour",
        ),
    ),
}
#: Kinds of servers whose COMMIT may fail for what one member of the group did: MariaDB has no deferred constraints.
REFUSING_AT_COMMIT: Final = ("postgresql",)


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
async def admin(kind: str, url: str, server: DatabaseServer) -> AsyncIterator[Admin]:
    """Who is to get in the way of the tests' stores."""
    async with AsyncExitStack() as stack:
        if kind == "postgresql":
            connection = await asyncpg.connect(url)
            stack.push_async_callback(connection.close)
            yield PostgresAdmin(url, connection)
        else:
            held = await MariadbHeld.open(url)
            stack.push_async_callback(held.release)
            made = MariadbAdmin(url, held, server)
            stack.push_async_callback(made.writable)
            yield made


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


class MariadbAdmin:
    """See Admin. What one user may not do is done by root."""

    name = "mariadb"

    def __init__(self, url: str, session: MariadbHeld, server: DatabaseServer) -> None:
        self._url = url
        self._session = session
        self._server = server
        self._database = make_url(url).database
        self._user = f"{make_url(url).username}@'%'"

    async def run(self, sql: str) -> None:
        await self._session.run(sql)

    async def hold(self, sql: str) -> Held:
        held = await MariadbHeld.open(self._url)
        await held.run("BEGIN")
        await held.run(sql)
        return held

    async def refuse_at_commit(self, table: str, column: str, value: str) -> None:
        raise NotImplementedError(f"MariaDB refuses {table}.{column} = {value} at once or not at all")

    async def disk_full(self) -> None:
        full = "FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'Disk full'"
        await self.run(f"CREATE TRIGGER full_changes BEFORE INSERT ON gluon_changes {full}")
        await self.run(f"CREATE TRIGGER full_meta BEFORE UPDATE ON gluon_meta {full}")

    async def disk_free(self) -> None:
        await self.run("DROP TRIGGER full_changes")
        await self.run("DROP TRIGGER full_meta")

    async def read_only(self) -> None:
        await self._server.execute(f"REVOKE READ_ONLY ADMIN ON *.* FROM {self._user}; SET GLOBAL read_only = 1")

    async def writable(self) -> None:
        """As it was before ``read_only``."""
        await self._server.execute(f"SET GLOBAL read_only = 0; GRANT READ_ONLY ADMIN ON *.* TO {self._user}")

    async def end_others(self) -> None:
        others = f"FROM information_schema.processlist WHERE db = '{self._database}' AND id <> CONNECTION_ID()"
        for (id,) in await self._session.run(f"SELECT id {others}"):
            await self._session.run(f"KILL CONNECTION {id}")
        while await self._session.run(f"SELECT id {others}"):
            await asyncio.sleep(0.01)


class MariadbHeld:
    """See Held."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> MariadbHeld:
        place = make_url(url)
        assert place.host and place.port and place.password
        return cls(
            await asyncmy.connect(
                host=place.host, port=place.port, user=place.username, password=place.password, db=place.database, autocommit=True
            )
        )

    async def run(self, sql: str) -> Any:
        """Its rows."""
        async with self._connection.cursor() as cursor:
            await cursor.execute(sql)
            return await cursor.fetchall()

    async def release(self) -> None:
        await self._connection.ensure_closed()
