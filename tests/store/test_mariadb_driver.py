# SPDX-License-Identifier: Apache-2.0
"""The driver for MariaDB against a real one: values come back as they went, and each failure as what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from gluon.errors import SettingsError
from gluon.parts.databases import MariadbServer, Tls
from gluon.settings import Database
from gluon.store.driver import Lost, Refused, Undone, Unstorable, Violation
from gluon.store.mariadb.connection import MariadbConnection
from gluon.store.mariadb.driver import MariadbDriver
from gluon.store.mariadb.sessions import check
from gluon.store.mariadb.url import target
from tests.kv.certificates import Authority

_THINGS = """
CREATE TABLE things (
    id BIGINT PRIMARY KEY,
    label VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin,
    note LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin,
    weight DOUBLE, yes BOOL, parent BIGINT,
    CONSTRAINT fk_things__parent FOREIGN KEY (parent) REFERENCES things (id),
    UNIQUE INDEX uq_things__label (label)
) ENGINE=InnoDB
"""
_INSERT = "INSERT INTO things (id, label, note, weight, yes, parent) VALUES (%s, %s, %s, %s, %s, %s)"


#: Seconds, for what comes at once unless the machine stalls.
LONG = 30.0


def driver(url: str, timeout: float = 5.0, **more: Any) -> MariadbDriver:
    return MariadbDriver(target(make_url(url), Database(**more)), timeout)


class HastyWithOne(MariadbDriver):
    """Waits long for every host but one."""

    def __init__(self, url: str, hasty: str) -> None:
        super().__init__(target(make_url(url), Database()), LONG)
        self._hasty = hasty

    async def _connect(self, way: str) -> MariadbConnection:
        self._timeout = 0.2 if way == self._hasty else LONG
        return await super()._connect(way)


@asynccontextmanager
async def connected(url: str, timeout: float = 5.0, **more: Any) -> AsyncIterator[MariadbConnection]:
    connection = await driver(url, timeout, **more).connect()
    yield connection
    await connection.close()


@pytest.fixture
async def url(mariadb_url: str) -> str:
    async with connected(mariadb_url) as connection:
        await connection.fetch(_THINGS)
    return mariadb_url


@pytest.fixture
async def one(url: str) -> AsyncIterator[MariadbConnection]:
    async with connected(url) as connection:
        yield connection


@pytest.fixture
async def two(url: str) -> AsyncIterator[MariadbConnection]:
    async with connected(url) as connection:
        yield connection


def thing(id: int, label: str | None = None, **more: Any) -> tuple[Any, ...]:
    return id, label, more.get("note"), more.get("weight"), more.get("yes"), more.get("parent")


async def ids(connection: MariadbConnection) -> list[int]:
    return [row[0] for row in await connection.fetch("SELECT id FROM things ORDER BY id")]


_texts = st.text(st.characters(exclude_categories=("Cs",)))
_rows = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.none()
        | _texts
        | st.sampled_from(["%", "%s", "%%", "\\", "\\'", "'", "''", "\0", "\x1a", "\n\r", "🜲 😀", ";", "-- x", "a "]),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda row: row[0],
)


class TestValues:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(_rows)
    async def test_they_come_back_as_they_went(self, one, rows):
        await one.begin()
        await one.many(_INSERT, [(id, None, note, weight, yes, None) for id, note, weight, yes in rows])
        for id, note, weight, yes in rows:
            stored = await one.fetch("SELECT note, weight, yes FROM things WHERE id = %s AND note <=> %s", (id, note))
            assert [tuple(row) for row in stored] == [(note, weight, yes)]
        await one.rollback()

    async def test_a_percent_sign_without_parameters_stands_for_itself(self, one):
        assert await one.fetch("SELECT '%s %% %'") == [("%s %% %",)]

    async def test_text_compares_by_code_point_trailing_spaces_included(self, one):
        await one.many(_INSERT, [thing(1, "a"), thing(2, "a "), thing(3, "A"), thing(4, "á")])
        assert await one.fetch("SELECT id FROM things WHERE label = %s", ("a",)) == [(1,)]

    @pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**99, float("inf"), float("nan"), "\ud800", "\udcff"])
    async def test_what_no_column_holds_is_said_before_it_is_sent(self, one, value):
        with pytest.raises(Unstorable):
            await one.fetch("SELECT %s", (value,))
        assert await one.fetch("SELECT 1") == [(1,)]

    @pytest.mark.parametrize("row", [thing(1, "x" * 65), (2**63 - 1, None, None, None, 1000, None)])
    async def test_what_this_column_does_not_hold_is_refused_not_cut(self, one, row):
        with pytest.raises(Unstorable):
            await one.many(_INSERT, [row])

    async def test_megabytes_go_in_several_statements(self, one):
        note = "é'\\" * 200_000
        await one.many(_INSERT, [thing(n, note=note) for n in range(5)])
        assert [row[0] for row in await one.fetch("SELECT note FROM things")] == [note] * 5

    async def test_many_updates_go_in_one_packet(self, one):
        await one.many(_INSERT, [thing(n) for n in range(3)])
        await one.many("UPDATE things SET label = %s WHERE id = %s", [(f"100% {n}", n) for n in range(3)])
        assert await one.fetch("SELECT label FROM things ORDER BY id") == [("100% 0",), ("100% 1",), ("100% 2",)]
        await one.many("DELETE FROM things WHERE id = %s", [(0,), (2,)])
        assert await ids(one) == [1]


class TestViolations:
    async def test_a_unique_index_is_named(self, one):
        await one.many(_INSERT, [thing(1, "it's for key 'x'")])
        with pytest.raises(Violation) as caught:
            await one.many(_INSERT, [thing(2, "it's for key 'x'")])
        assert (caught.value.kind, caught.value.constraint, caught.value.table) == ("unique", "uq_things__label", "things")

    async def test_a_primary_key_comes_with_its_table(self, one):
        with pytest.raises(Violation) as caught:
            await one.many(_INSERT, [thing(1), thing(1)])
        assert (caught.value.kind, caught.value.constraint, caught.value.table) == ("unique", "PRIMARY", "things")
        with pytest.raises(Violation) as caught:
            await one.many(_INSERT, [thing(1), thing(2)])
            await one.fetch("UPDATE things SET id = %s WHERE id = %s", (1, 2))
        assert (caught.value.constraint, caught.value.table) == ("PRIMARY", "things")

    async def test_a_foreign_key_is_named_in_both_directions(self, one):
        with pytest.raises(Violation) as caught:
            await one.many(_INSERT, [thing(1, parent=9)])
        assert (caught.value.kind, caught.value.constraint) == ("reference", "fk_things__parent")
        await one.many(_INSERT, [thing(1), thing(2, parent=1)])
        with pytest.raises(Violation) as caught:
            await one.fetch("DELETE FROM things WHERE id = %s", (1,))
        assert (caught.value.kind, caught.value.constraint) == ("reference", "fk_things__parent")

    async def test_the_transaction_stays_and_the_statement_leaves_nothing(self, one):
        await one.begin()
        await one.many(_INSERT, [thing(1)])
        with pytest.raises(Violation):
            await one.many(_INSERT, [thing(2), thing(1)])
        await one.commit()
        assert await ids(one) == [1]

    async def test_of_several_statements_those_before_the_first_that_fails_count(self, one):
        await one.many(_INSERT, [thing(1, "a"), thing(2, "b"), thing(3, "c")])
        with pytest.raises(Violation):
            await one.many("UPDATE things SET label = %s WHERE id = %s", [("x", 1), ("c", 2), ("z", 3)])
        assert await one.fetch("SELECT label FROM things ORDER BY id") == [("x",), ("b",), ("c",)]


class TestUndone:
    async def test_a_deadlock_leaves_nothing_of_the_transaction(self, one, two):
        await one.many(_INSERT, [thing(1), thing(2)])
        for connection, id in ((one, 1), (two, 2)):
            await connection.begin()
            await connection.fetch("UPDATE things SET weight = %s WHERE id = %s", (id, id))
        results = await asyncio.gather(
            one.fetch("UPDATE things SET weight = 9 WHERE id = %s", (2,)),
            two.fetch("UPDATE things SET weight = 9 WHERE id = %s", (1,)),
            return_exceptions=True,
        )
        (loser,) = [c for c, result in zip((one, two), results, strict=True) if isinstance(result, Undone)]
        assert loser.alive
        with pytest.raises(Undone):
            await loser.commit()
        await loser.rollback()
        assert await loser.fetch("SELECT weight FROM things") == [(None,), (None,)]

    async def test_a_lock_held_too_long_undoes_the_whole_transaction_not_the_statement_alone(self, one, two):
        await one.many(_INSERT, [thing(1)])
        await one.begin()
        await one.fetch("SELECT * FROM things WHERE id = %s FOR UPDATE", (1,))
        await two.begin()
        await two.many(_INSERT, [thing(2)])
        with pytest.raises(Undone):
            await two.fetch("SELECT * FROM things WHERE id = %s FOR UPDATE", (1,))
        with pytest.raises(Undone):
            await two.commit()
        await one.commit()
        assert await ids(two) == [1]

    async def test_a_transaction_that_is_left_idle_frees_its_locks(self, one, two):
        await one.many(_INSERT, [thing(1)])
        await one.begin()
        await one.fetch("UPDATE things SET weight = 1 WHERE id = %s", (1,))
        await asyncio.sleep(6)
        with pytest.raises((Undone, Lost)):
            await one.commit()
        assert not one.alive
        await two.begin()
        assert await two.fetch("SELECT weight FROM things WHERE id = %s FOR UPDATE", (1,)) == [(None,)]

    async def test_a_statement_that_takes_too_long(self, url, two):
        async with connected(url, timeout=LONG) as connection:
            await connection.begin()
            await connection.many(_INSERT, [thing(1)])
            await connection.fetch("SET SESSION max_statement_time = 0.3")
            with pytest.raises(Undone, match="too long"):
                await connection.fetch("SELECT COUNT(*) FROM seq_1_to_10000000 a, seq_1_to_10000000 b")
        assert await ids(two) == []

    async def test_a_statement_may_take_as_long_as_the_driver_is_told(self, url):
        async with connected(url, timeout=LONG) as connection:
            assert await connection.fetch("SELECT @@max_statement_time") == [(LONG,)]


class TestSnapshots:
    async def test_what_is_still_open_at_the_next_start_is_not_committed(self, one, two):
        await one.begin()
        await one.many(_INSERT, [thing(1)])
        await one.begin()
        await one.commit()
        assert await ids(two) == []

    async def test_they_see_one_moment(self, one, two):
        await one.snapshot()
        await two.many(_INSERT, [thing(1)])
        assert await ids(one) == []
        with pytest.raises(Refused):
            await one.many(_INSERT, [thing(2)])
        await one.commit()
        assert await ids(one) == [1]

    async def test_a_transaction_that_writes_sees_what_is_committed_meanwhile(self, one, two):
        await one.begin()
        assert await ids(one) == []
        await two.many(_INSERT, [thing(1)])
        assert await ids(one) == [1]
        await one.rollback()


class TestConnections:
    async def test_one_whose_statement_was_cancelled_is_not_used_again(self, url, two):
        one = await driver(url, timeout=LONG).connect()
        task = asyncio.create_task(one.fetch("SELECT SLEEP(20), 'late'"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not one.alive
        with pytest.raises(Lost):
            await one.fetch("SELECT 'mine'")
        assert await two.fetch("SELECT 'mine'") == [("mine",)]

    async def test_one_that_was_killed(self, one, two):
        await one.begin()
        await one.many(_INSERT, [thing(1)])
        ((id,),) = await one.fetch("SELECT CONNECTION_ID()")
        await two.fetch(f"KILL {id}")
        with pytest.raises(Lost):
            await one.fetch("SELECT 1")
        assert not one.alive
        await one.rollback()
        assert await ids(two) == []

    async def test_closing_twice_and_after_the_end(self, one, two):
        ((id,),) = await one.fetch("SELECT CONNECTION_ID()")
        await two.fetch(f"KILL {id}")
        await one.close()
        await one.close()
        await one.rollback()
        assert not one.alive

    async def test_the_session_is_as_it_must_be(self, one):
        names = "@@sql_mode, @@autocommit, @@character_set_connection, @@collation_connection, @@idle_transaction_timeout"
        ((mode, *others),) = await one.fetch(f"SELECT {names}, @@innodb_rollback_on_timeout")
        assert "STRICT_ALL_TABLES" in mode
        assert others == [1, "utf8mb4", "utf8mb4_nopad_bin", 5, 0]
        assert (await one.fetch("SHOW VARIABLES LIKE 'tx_isolation'"))[0][1] == "READ-COMMITTED"

    async def test_values_are_safe_whatever_the_servers_mode(self, mariadb_server, url):
        await mariadb_server.execute("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
        try:
            async with connected(url) as connection:
                assert await connection.fetch("SELECT %s, %s", ("\\", "\\' OR 1")) == [("\\", "\\' OR 1")]
        finally:
            await mariadb_server.execute("SET GLOBAL sql_mode = DEFAULT")


class TestServers:
    async def test_a_wrong_password_or_database_is_refused_at_once(self, mariadb_server, mariadb_url):
        for wrong, said in (
            (mariadb_url.replace(":secret@", ":wrong@"), "password"),
            (mariadb_url.replace("//gluon:", "//nobody:"), "password"),
            (mariadb_server.url("nowhere"), "no such database"),
        ):
            with pytest.raises(Refused, match=said):
                await driver(wrong).connect()

    async def test_one_that_is_not_there_is_lost(self, mariadb_server, mariadb_url):
        with pytest.raises(Lost, match="cannot be reached"):
            await driver(mariadb_url.replace(f":{mariadb_server.port}/", ":1/")).connect()

    async def test_one_that_does_not_answer_is_lost_and_the_next_is_tried(self, tmp_path, mariadb_server, mariadb_url):
        async with MariadbServer(tmp_path, durable=False) as hung:
            hung.pause()
            host = f"127.0.0.1:{mariadb_server.port}"
            found = HastyWithOne(mariadb_url.replace(host, f"127.0.0.1:{hung.port}") + f"?host={host}", f"127.0.0.1:{hung.port}")
            for _ in range(2):
                connection = await found.connect()
                assert (await connection.fetch("SELECT @@port"))[0][0] == mariadb_server.port
                await connection.close()
            with pytest.raises(Lost, match="does not answer"):
                await driver(hung.url("mysql"), timeout=0.5).connect()

    async def test_a_statement_on_one_that_hangs_is_lost_and_the_next_connection_goes_elsewhere(self, tmp_path, mariadb_server):
        async with MariadbServer(tmp_path, durable=False) as server:
            hosts = f"host=127.0.0.1:{server.port}&host=127.0.0.1:{mariadb_server.port}"
            found = driver(f"mysql://gluon:secret@/mysql?{hosts}", timeout=LONG)
            connection = await found.connect()
            assert (await connection.fetch("SELECT @@port"))[0][0] == server.port
            connection._timeout = 0.2
            server.pause()
            with pytest.raises(Lost, match="does not answer"):
                await connection.fetch("SELECT 1")
            await connection.close()
            server.resume()
            connection = await found.connect()
            assert (await connection.fetch("SELECT @@port"))[0][0] == mariadb_server.port
            await connection.close()

    async def test_a_commit_that_nobody_answers_is_lost_not_undone(self, tmp_path):
        async with MariadbServer(tmp_path, durable=False) as server:
            await server.create_database("one")
            connection = await driver(server.url("one"), timeout=LONG).connect()
            await connection.fetch(_THINGS)
            await connection.begin()
            await connection.many(_INSERT, [thing(1)])
            connection._timeout = 0.2
            server.pause()
            with pytest.raises(Lost):
                await connection.commit()
            server.resume()

    async def test_one_that_ended_before_the_commit_has_kept_nothing(self, tmp_path):
        async with MariadbServer(tmp_path, durable=False) as server:
            await server.create_database("one")
            connection = await driver(server.url("one")).connect()
            await connection.fetch(_THINGS)
            await connection.begin()
            await connection.many(_INSERT, [thing(1)])
            await server.kill()
            await server.start()
            with pytest.raises(Undone):
                await connection.commit()
            assert not connection.alive
            async with connected(server.url("one")) as another:
                assert await ids(another) == []

    async def test_ids_are_never_used_again_not_even_after_a_restart(self, tmp_path):
        async with MariadbServer(tmp_path, durable=False) as server:
            await server.create_database("one")
            last = 0
            for end in (server.stop, server.kill, server.kill):
                async with connected(server.url("one")) as connection:
                    await connection.fetch("CREATE TABLE IF NOT EXISTS notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, number INT)")
                    await connection.many("INSERT INTO notes (number) VALUES (%s)", [(1,), (2,)])
                    rows = await connection.fetch("SELECT id FROM notes ORDER BY id")
                    assert rows[0][0] > last
                    last = rows[-1][0]
                    await connection.fetch("DELETE FROM notes")
                await end()
                await server.start()

    async def test_a_user_who_may_only_read(self, mariadb_server, url):
        name = url.rpartition("/")[2]
        await mariadb_server.execute(f"CREATE USER reader@'%' IDENTIFIED BY 'r'; GRANT SELECT ON `{name}`.* TO reader@'%'")
        try:
            async with connected(url.replace("gluon:secret@", "reader:r@")) as connection:
                with pytest.raises(Refused, match="may not do that"):
                    await connection.many(_INSERT, [thing(1)])
        finally:
            await mariadb_server.execute("DROP USER reader@'%'")

    async def test_a_server_that_can_only_be_read(self, mariadb_server, url):
        name = url.rpartition("/")[2]
        await mariadb_server.execute(
            f"CREATE USER plain@'%' IDENTIFIED BY 'p'; GRANT ALL ON `{name}`.* TO plain@'%'; SET GLOBAL read_only = 1"
        )
        try:
            async with connected(url.replace("gluon:secret@", "plain:p@")) as connection:
                with pytest.raises(Refused, match="can only be read"):
                    await connection.many(_INSERT, [thing(1)])
        finally:
            await mariadb_server.execute("SET GLOBAL read_only = 0; DROP USER plain@'%'")

    async def test_of_several_servers_one_that_takes_no_more_writes_is_left(self, tmp_path, mariadb_server, url):
        name = url.rpartition("/")[2]
        async with MariadbServer(tmp_path, durable=False) as former:
            await former.create_database(name)
            for server in (former, mariadb_server):
                await server.execute(f"CREATE USER plain@'%' IDENTIFIED BY 'p'; GRANT ALL ON `{name}`.* TO plain@'%'")
            try:
                hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in (former, mariadb_server))
                found = driver(f"mysql://plain:p@/{name}?{hosts}")
                connection = await found.connect()
                await connection.fetch(_THINGS)
                await former.execute("SET GLOBAL read_only = 1")
                with pytest.raises(Lost, match="can only be read"):
                    await connection.many(_INSERT, [thing(1)])
                for fresh in (found, driver(f"mysql://plain:p@/{name}?{hosts}")):
                    connection = await fresh.connect()
                    assert (await connection.fetch("SELECT @@port"))[0][0] == mariadb_server.port
                    await connection.many(_INSERT, [thing(1)])
                    await connection.fetch("DELETE FROM things")
                    await connection.close()
            finally:
                await mariadb_server.execute("DROP USER plain@'%'")

    async def test_too_many_connections_may_pass(self, mariadb_server, url):
        await mariadb_server.execute(
            "CREATE USER few@'%' IDENTIFIED BY 'f' WITH MAX_USER_CONNECTIONS 1; GRANT ALL ON *.* TO few@'%'"
        )
        try:
            few = url.replace("gluon:secret@", "few:f@")
            async with connected(few):
                with pytest.raises(Lost, match="too many connections"):
                    await driver(few).connect()
        finally:
            await mariadb_server.execute("DROP USER few@'%'")

    async def test_a_full_table_space_is_a_refusal_and_undoes_nothing_else(self, tmp_path):
        small = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:16M")
        async with MariadbServer(tmp_path, durable=False, options=small) as server:
            await server.create_database("one")
            async with connected(server.url("one")) as connection:
                await connection.fetch(_THINGS)
                await connection.many(_INSERT, [thing(1)])
                with pytest.raises(Refused, match="disk is full"):
                    for id in range(2, 100):
                        await connection.many(_INSERT, [thing(id, note="x" * 900_000)])
                assert 1 in await ids(connection)


class TestTls:
    async def test_certificates_are_checked_both_ways(self, tmp_path):
        authority, foreign = Authority(tmp_path), Authority(tmp_path, "foreign")
        pair, own, other = authority.issue("server"), authority.issue("client"), foreign.issue("stranger")
        async with MariadbServer(tmp_path, durable=False, tls=Tls(authority.pair.cert, pair.cert, pair.key)) as server:
            url, ca = server.url("mysql"), str(authority.pair.cert)
            files = {"cert_file": str(own.cert), "key_file": str(own.key)}
            async with connected(url, ca_file=ca, **files) as connection:
                assert (await connection.fetch("SHOW STATUS LIKE 'Ssl_cipher'"))[0][1]
            with pytest.raises(Refused, match="TLS fails"):
                await driver(url, ca_file=str(foreign.pair.cert), **files).connect()
            with pytest.raises(Refused, match="TLS fails"):
                await driver(url.replace("127.0.0.1", "localhost"), ca_file=ca, **files).connect()
            with pytest.raises((Refused, Lost)):
                await driver(url, ca_file=ca, cert_file=str(other.cert), key_file=str(other.key)).connect()
            with pytest.raises(Refused):
                await driver(url).connect()

    async def test_nothing_is_sent_in_the_clear_to_a_server_without_tls(self, tmp_path, mariadb_url):
        with pytest.raises((Refused, Lost)):
            await driver(mariadb_url, ca_file=str(Authority(tmp_path).pair.cert)).connect()


class TestUrls:
    def test_hosts_and_places(self):
        found = driver("mysql://u:p@/d?host=a:1&host=b")
        assert found.place == "mysql://u@/d?host=a:1&host=b"
        assert list(found._target.ways) == ["a:1", "b:3306"]

    @pytest.mark.parametrize(("url", "said"), [("mysql://h", "names no database"), ("mysql://h/d?ssl=1", "unknown option 'ssl'")])
    def test_wrong_ones(self, url, said):
        with pytest.raises(SettingsError, match=said):
            driver(url)

    async def test_a_unix_socket(self, mariadb_server, mariadb_url):
        name = mariadb_url.rpartition("/")[2]
        async with connected(f"mysql://gluon:secret@/{name}?unix_socket={mariadb_server.home / 'socket'}") as connection:
            assert await connection.fetch("SELECT 1") == [(1,)]


@pytest.mark.parametrize("version", ["10.5.29-MariaDB", "8.0.36"])
def test_a_server_that_lacks_what_is_used(version: str) -> None:
    """SELECT … SKIP LOCKED came with MariaDB 10.6."""
    with pytest.raises(Refused, match=r"10\.6"):
        check({"version": version}, several=False)
