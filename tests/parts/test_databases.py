# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and MariaDB as parts: they keep what was committed through every end, and leave nothing behind."""

import asyncio
import os
import socket
import subprocess
from pathlib import Path

import pytest

from gluon.kv.ports import free_ports
from gluon.parts.account import NotInstalled, find_program
from gluon.parts.databases import DatabaseServer, MariadbServer, PostgresServer, Tls
from tests.kv.certificates import Authority

KINDS = pytest.mark.parametrize("kind", [PostgresServer, MariadbServer])


async def _rows(server: DatabaseServer) -> list[str]:
    return (await server.execute("SELECT a FROM t ORDER BY a", "one")).split()


@KINDS
async def test_what_is_committed_outlives_every_end(kind, tmp_path):
    async with kind(tmp_path, durable=False) as server:
        await server.create_database("one")
        url = server.url("one")
        await server.execute("CREATE TABLE t (a INT)", "one")
        await server.execute("INSERT INTO t VALUES (1)", "one")
        await server.kill()
        assert not server.running
        await server.start()
        await server.execute("INSERT INTO t VALUES (2)", "one")
        await server.restart()
        assert await _rows(server) == ["1", "2"]
        assert server.url("one") == url
    assert not server.home.exists()


@KINDS
async def test_a_paused_server_answers_once_resumed(kind, tmp_path):
    async with kind(tmp_path, durable=False) as server:
        server.pause()
        asked = asyncio.create_task(server.execute("SELECT 7"))
        done, _ = await asyncio.wait([asked], timeout=0.3)
        assert not done
        server.resume()
        assert await asked == "7"


@KINDS
async def test_a_killed_server_leaves_no_process(kind, tmp_path):
    async with kind(tmp_path, durable=False) as server:
        pids = [pid for pid in _processes() if str(server.data) in _command(pid)]
        assert server.daemon.pid in pids
        await server.kill()
        assert not [pid for pid in _processes() if str(server.data) in _command(pid)]


@KINDS
async def test_a_database_is_made_and_removed(kind, tmp_path):
    async with kind(tmp_path, durable=False) as server:
        for _ in range(2):
            await server.create_database("one")
            await server.execute("CREATE TABLE t (a INT)", "one")
            await server.drop_database("one")
        await server.drop_database("never")


@KINDS
async def test_a_taken_port_is_replaced(kind, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        guesses = iter(([taken.getsockname()[1]], free_ports(1)))
        monkeypatch.setattr("gluon.parts.engine.free_ports", lambda count: next(guesses))
        async with kind(tmp_path, durable=False) as server:
            assert await server.execute("SELECT 1") == "1"


@KINDS
async def test_it_takes_certificates(kind, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    async with kind(tmp_path, durable=False, tls=Tls(authority.pair.cert, pair.cert, pair.key)) as server:
        shown = {"postgresql": "SHOW ssl", "mariadb": "SELECT @@have_ssl"}[server.kind]
        assert await server.execute(shown) in ("on", "YES")


@KINDS
async def test_a_server_that_does_not_come_up_tells_why(kind, tmp_path):
    option = "--no-such-option"
    with pytest.raises(Exception, match="no-such-option"):
        async with kind(tmp_path, durable=False, options=(option,)):
            pass


def test_a_missing_program_names_the_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotInstalled, match="Debian package mariadb-server"):
        find_program("mariadbd", "mariadb-server", ("/nowhere/*/bin",))


_NAMESPACE = f"gluon-test-{os.getpid()}"


async def test_it_runs_behind_a_prefix(tmp_path):
    subprocess.run(("ip", "netns", "add", _NAMESPACE), check=True)
    try:
        subprocess.run(("ip", "-n", _NAMESPACE, "link", "set", "lo", "up"), check=True)
        async with MariadbServer(tmp_path, durable=False, prefix=("ip", "netns", "exec", _NAMESPACE)) as server:
            assert await server.execute("SELECT 1") == "1"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(server.address, server.port)
    finally:
        subprocess.run(("ip", "netns", "del", _NAMESPACE), check=True)


async def test_tests_share_servers_not_databases(postgresql_server, postgresql_url, mariadb_server, mariadb_url):
    for server, url in ((postgresql_server, postgresql_url), (mariadb_server, mariadb_url)):
        name = url.rpartition("/")[2]
        assert url == server.url(name)
        await server.execute("CREATE TABLE t (a INT)", name)


def _processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
