# SPDX-License-Identifier: Apache-2.0
"""The driver for PostgreSQL against a real one: values come back as they went, and each failure as what it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from gluon.errors import SettingsError
from gluon.parts.databases import PostgresServer, Tls
from gluon.settings import Database
from gluon.store.driver import Lost, Refused, Undone, Unstorable, Violation
from gluon.store.opening import open_store
from gluon.store.postgresql.driver import PostgresqlConnection, PostgresqlDriver
from gluon.store.postgresql.errors import translated
from gluon.store.postgresql.url import target
from tests.kv.certificates import Authority

from .models import network

_THINGS = """
CREATE TABLE things (
    id bigint PRIMARY KEY, label varchar(64) COLLATE "C", note text COLLATE "C", weight double precision, yes boolean,
    parent bigint CONSTRAINT fk_things__parent REFERENCES things (id)
)
"""
_UNIQUE = "CREATE UNIQUE INDEX uq_things__label ON things (label)"
_INSERT = "INSERT INTO things (id, label, note, weight, yes, parent) VALUES ($1, $2, $3, $4, $5, $6)"


def driver(url: str, timeout: float = 5.0, **more: Any) -> PostgresqlDriver:
    return PostgresqlDriver(target(make_url(url), Database(**more)), timeout)


@asynccontextmanager
async def connected(url: str, timeout: float = 5.0, **more: Any) -> AsyncIterator[PostgresqlConnection]:
    connection = await driver(url, timeout, **more).connect()
    yield connection
    await connection.close()


@pytest.fixture
async def url(postgresql_url: str) -> str:
    async with connected(postgresql_url) as connection:
        await connection.fetch(_THINGS)
        await connection.fetch(_UNIQUE)
    return postgresql_url


@pytest.fixture
async def one(url: str) -> AsyncIterator[PostgresqlConnection]:
    async with connected(url) as connection:
        yield connection


@pytest.fixture
async def two(url: str) -> AsyncIterator[PostgresqlConnection]:
    async with connected(url) as connection:
        yield connection


async def test_values(one: PostgresqlConnection) -> None:
    rows = [
        (1, "a", "é ☃ 𝄞 'quoted' \\ %s $1", 0.1, True, None),
        (2, "A ", "", -1e300, False, 1),
        (3, "a ", None, None, None, None),
        (2**63 - 1, None, "x" * 2**20, 0, None, 3),
    ]
    await one.many(_INSERT, rows)
    found = await one.fetch("SELECT id, label, note, weight, yes, parent FROM things ORDER BY id")
    assert [tuple(row) for row in found] == rows
    order = await one.fetch("SELECT label FROM things WHERE label IS NOT NULL ORDER BY label")
    assert [row[0] for row in order] == ["A ", "a", "a "]


@pytest.mark.parametrize("row", [(2**64, "a"), (1, "\ud800"), (1, "nul \0"), (1, "x" * 65), ("text", "a")])
async def test_values_that_no_column_holds(one: PostgresqlConnection, row: tuple[Any, str]) -> None:
    with pytest.raises(Unstorable):
        await one.fetch(_INSERT, (*row, None, None, None, None))
    assert one.alive
    await one.fetch("SELECT 1")


async def test_violations(one: PostgresqlConnection) -> None:
    await one.fetch(_INSERT, (1, "a", None, None, None, None))
    for row, kind, constraint in (
        ((1, "b", None, None, None, None), "unique", "things_pkey"),
        ((2, "a", None, None, None, None), "unique", "uq_things__label"),
        ((2, "b", None, None, None, 9), "reference", "fk_things__parent"),
    ):
        with pytest.raises(Violation) as violation:
            await one.fetch(_INSERT, row)
        assert "DETAIL" not in str(violation.value)
        assert (violation.value.kind, violation.value.constraint, violation.value.table) == (kind, constraint, "things")
        with pytest.raises(Violation):
            await one.many(_INSERT, [(5, "e", None, None, None, None), row])
    assert len(await one.fetch("SELECT id FROM things")) == 1


async def test_what_failed_before_is_not_committed(one: PostgresqlConnection) -> None:
    await one.begin()
    await one.fetch(_INSERT, (1, "a", None, None, None, None))
    with pytest.raises(Refused, match="a table is missing"):
        await one.fetch("SELECT * FROM nothing")
    with pytest.raises(Undone, match="failed before"):
        await one.fetch("SELECT 1")
    with pytest.raises(Undone, match="failed before"):
        await one.commit()
    await one.rollback()
    assert await one.fetch("SELECT id FROM things") == []


async def test_a_snapshot(one: PostgresqlConnection, two: PostgresqlConnection) -> None:
    await one.snapshot()
    assert await one.fetch("SELECT id FROM things") == []
    await two.fetch(_INSERT, (1, "a", None, None, None, None))
    assert await one.fetch("SELECT id FROM things") == []
    with pytest.raises(Refused, match="can only be read"):
        await one.fetch(_INSERT, (2, "b", None, None, None, None))
    await one.rollback()
    assert len(await one.fetch("SELECT id FROM things")) == 1


async def test_a_lock_that_another_has(one: PostgresqlConnection, two: PostgresqlConnection) -> None:
    await two.fetch(_INSERT, (1, "a", None, None, None, None))
    await one.begin()
    await one.fetch("SELECT id FROM things FOR UPDATE")
    await two.begin()
    with pytest.raises(Undone, match="holds what it needs"):
        await two.fetch("DELETE FROM things")
    await two.rollback()
    await one.commit()
    assert two.alive
    await two.fetch("DELETE FROM things")


async def test_a_session_that_the_server_ends(one: PostgresqlConnection, two: PostgresqlConnection) -> None:
    await one.begin()
    ((pid,),) = await one.fetch("SELECT pg_backend_pid()")
    await two.fetch("SELECT pg_terminate_backend($1, 5000)", (pid,))
    with pytest.raises(Lost):
        await one.fetch("SELECT 1")
    assert not one.alive
    await one.rollback()
    await one.close()


async def test_a_statement_that_takes_too_long(one: PostgresqlConnection) -> None:
    await one.fetch("SET statement_timeout = 100")
    with pytest.raises(Undone, match="took too long"):
        await one.fetch("SELECT pg_sleep(5)")
    assert one.alive


async def test_what_it_tells_the_server(one: PostgresqlConnection) -> None:
    for name, value in (
        ("application_name", "gluon"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("lock_timeout", "300ms"),
        ("statement_timeout", "5s"),
    ):
        assert [tuple(row) for row in await one.fetch(f"SHOW {name}")] == [(value,)]


class TestConnecting:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"password": "wrong"}, "does not take this user's password"),
            ({"username": "nobody"}, "does not take this user's password"),
            ({"database": "nothing"}, "there is no such database"),
        ],
    )
    async def test_what_the_server_refuses(self, postgresql_url: str, change: dict[str, str], said: str) -> None:
        url = make_url(postgresql_url).set(**change)  # type: ignore[arg-type]
        with pytest.raises(SettingsError) as error:
            await open_store(url.render_as_string(hide_password=False), [network()])
        assert said in str(error.value)
        assert "[database] connection: postgresql://" in str(error.value)
        assert ":secret" not in str(error.value)
        assert ":wrong" not in str(error.value)

    async def test_an_old_server(self, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gluon.store.postgresql.driver.OLDEST", 99)
        with pytest.raises(SettingsError, match=r"the server is PostgreSQL \d+; 99 is the oldest that works"):
            await open_store(postgresql_url, [network()])

    async def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.startswith("gluon.store.postgresql")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "asyncpg", None)
        with pytest.raises(SettingsError, match=r"asyncpg is not installed: pip install 'gluon\[postgresql\]'"):
            await open_store("postgresql://u:p@127.0.0.1:1/d", [network()])

    @pytest.mark.parametrize("query", ["charset=utf8", "host=a:b", "sslmode=odd"])
    async def test_a_url_that_is_wrong(self, query: str) -> None:
        with pytest.raises(SettingsError, match=r"\[database\] connection"):
            await open_store(f"postgresql://u:p@127.0.0.1:1/d?{query}", [network()])

    async def test_a_url_without_a_database(self) -> None:
        with pytest.raises(SettingsError, match="names no database"):
            await open_store("postgresql://u:p@127.0.0.1:1", [network()])

    async def test_the_first_of_several_hosts_is_down(self, postgresql_url: str) -> None:
        url = make_url(postgresql_url)
        several = f"postgresql://{url.username}:{url.password}@/{url.database}?host=127.0.0.1:1&host={url.host}:{url.port}"
        async with connected(several) as connection:
            assert await connection.fetch("SELECT 1")

    async def test_of_several_hosts_the_one_that_can_be_written(self, postgresql_url: str, tmp_path: Path) -> None:
        url = make_url(postgresql_url)
        options = ("-c", "default_transaction_read_only=on")
        async with PostgresServer(tmp_path, durable=False, options=options) as standby:
            hosts = f"host=127.0.0.1:{standby.port}&host={url.host}:{url.port}"
            several = f"postgresql://{url.username}:{url.password}@/postgres?{hosts}"
            async with connected(several) as connection:
                assert (await connection.fetch("SHOW port"))[0][0] == str(url.port)

    async def test_a_host_that_lets_us_in_and_then_says_nothing_keeps_no_connection(
        self, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[asyncpg.Connection] = []

        async def silent(connection: asyncpg.Connection, *_: object) -> None:
            made.append(connection)
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncpg.Connection, "fetchval", silent)
        url = make_url(postgresql_url)
        host = f"{url.host}:{url.port}"
        several = f"postgresql://{url.username}:{url.password}@/{url.database}?host={host}&host={host}"
        with pytest.raises(Lost, match="does not answer"):
            await driver(several).connect()
        assert made
        assert all(connection.is_closed() for connection in made)

    async def test_a_unix_socket(self, postgresql_server: PostgresServer) -> None:
        url = f"postgresql://gluon@/postgres?host={postgresql_server.home}:{postgresql_server.port}"
        async with connected(url) as connection:
            assert await connection.fetch("SELECT 1")

    async def test_a_server_that_never_answers(self) -> None:
        hung_up = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            hung_up.set()

        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Lost, match="does not answer"):
                await driver(f"postgresql://u:p@127.0.0.1:{port}/d", timeout=0.2).connect()
            await hung_up.wait()


def test_what_may_have_been_done_is_not_said_to_be_undone() -> None:
    """SQLSTATE 40003, which what stands before PostgreSQL may answer to COMMIT."""
    assert isinstance(translated(asyncpg.StatementCompletionUnknownError("unknown")), Lost)


class TestTls:
    async def test_certificates_are_checked_both_ways(self, tmp_path: Path) -> None:
        authority, foreign = Authority(tmp_path), Authority(tmp_path, "foreign")
        pair, own, other = authority.issue("server"), authority.issue("client"), foreign.issue("stranger")
        async with PostgresServer(tmp_path, durable=False, tls=Tls(authority.pair.cert, pair.cert, pair.key)) as server:
            url, ca = server.url("postgres"), str(authority.pair.cert)
            files = {"cert_file": str(own.cert), "key_file": str(own.key)}
            async with connected(url, ca_file=ca, **files) as connection:
                assert (await connection.fetch("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))[0][0]
            with pytest.raises(Refused, match="TLS fails"):
                await driver(url, ca_file=str(foreign.pair.cert), **files).connect()
            with pytest.raises(Refused, match="TLS fails"):
                await driver(url.replace("127.0.0.1", "localhost"), ca_file=ca, **files).connect()
            with pytest.raises((Refused, Lost)):
                await driver(url, ca_file=ca, cert_file=str(other.cert), key_file=str(other.key)).connect()
            with pytest.raises((Refused, Lost)):
                await driver(url).connect()

    async def test_nothing_is_sent_in_the_clear_to_a_server_without_tls(self, tmp_path: Path, postgresql_url: str) -> None:
        with pytest.raises(Refused, match="TLS"):
            await driver(postgresql_url, ca_file=str(Authority(tmp_path).pair.cert)).connect()

    @pytest.mark.parametrize(
        ("files", "said"),
        [
            ({"ca_file": "/nothing.pem"}, "ca_file: there is no file /nothing.pem"),
            ({"cert_file": "/nothing.pem"}, "go together"),
            ({"cert_file": __file__, "key_file": __file__}, "needs ca_file"),
            ({"ca_file": __file__}, "ca_file, cert_file, key_file"),
        ],
    )
    async def test_files_that_are_wrong(self, files: dict[str, str], said: str) -> None:
        with pytest.raises(SettingsError) as error:
            await open_store("postgresql://u:p@127.0.0.1:1/d", [network()], settings=Database(**files))  # type: ignore[arg-type]
        assert said in str(error.value)
