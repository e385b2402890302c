# SPDX-License-Identifier: Apache-2.0
"""A database server that goes away: between COMMIT and its answer, for a restart, for good. What was acknowledged stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy.engine import make_url

from gluon.errors import Unavailable
from gluon.model.schema import Proton
from gluon.parts.databases import DatabaseServer, MariadbServer, PostgresServer
from gluon.settings import Database
from gluon.store.contract import Query
from gluon.store.opening import open_store

from .conftest import Desk
from .cutting import Cutter, cutter
from .servers import SERVERS

MADE: dict[str, type[DatabaseServer]] = {"postgresql": PostgresServer, "mariadb": MariadbServer}

pytestmark = pytest.mark.usefixtures("patience")


async def until_ready(desk: Desk) -> None:
    """Return once the database takes writes."""
    async with asyncio.timeout(60):
        while True:
            with suppress(Unavailable):
                return await desk.store.ready()
            await asyncio.sleep(0.05)


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def server(kind: str, tmp_path: Path) -> AsyncIterator[DatabaseServer]:
    """A server that a test may break."""
    async with MADE[kind](tmp_path, durable=False) as started:
        await started.create_database("gluon")
        yield started


@pytest.fixture
def connection(kind: str, request: pytest.FixtureRequest) -> str:
    """A database on a server that must live on."""
    url: str = request.getfixturevalue(f"{kind}_url")
    return url


@pytest.fixture
async def cut(connection: str) -> AsyncIterator[tuple[Cutter, str]]:
    """A proxy, and the URL that leads through it."""
    url = make_url(connection)
    assert url.host
    assert url.port
    async with cutter(url.host, url.port) as (made, port):
        yield made, url.set(port=port, host="127.0.0.1").render_as_string(hide_password=False)


async def marks(desk: Desk) -> set[str]:
    return {r["value"] for r in await desk.store.page(desk.proton.by_name["Mark"], Query({}, 100_000))}


@pytest.mark.parametrize(("what", "there"), [("answer", set("abc")), ("command", set())])
async def test_a_connection_lost_between_commit_and_its_answer(
    cut: tuple[Cutter, str], what: Literal["answer", "command"], there: set[str], proton: Proton
) -> None:
    """Nobody knows, so everybody hears that; and nothing is done twice."""
    proxy, url = cut
    desk = Desk(await open_store(url, [proton]), proton)
    proxy.cut = what
    made = (desk.make("Mark", value=v, group="both") for v in "abc")
    results = await asyncio.gather(*made, return_exceptions=True)
    assert proxy.cuts == 1, results
    assert all(isinstance(r, Unavailable) and "not known" in r.detail and "secret" not in r.detail for r in results), results
    assert await marks(desk) == there
    assert len(await desk.changes()) == len(there)
    await desk.make("Mark", value="d", group="both")
    await desk.store.close()


async def test_a_restart_under_load(server: DatabaseServer, proton: Proton) -> None:
    """Whoever asks meanwhile waits; no acknowledged write is lost, and what was not acknowledged is there at most once."""
    desk = Desk(await open_store(server.url("gluon"), [proton]), proton)
    stop = asyncio.Event()
    acknowledged: set[str] = set()
    unknown: dict[str, str] = {}
    await desk.make("Mark", value="read", group="both")

    async def writing(n: int) -> None:
        for i in range(1_000_000):
            if stop.is_set():
                return
            value = f"{n}-{i}"
            try:
                await desk.make("Mark", value=value, group="both")
                acknowledged.add(value)
            except Unavailable as error:
                unknown[value] = error.detail

    async def reading() -> None:
        while not stop.is_set():
            assert await desk.get("Mark", "read") is not None
            assert await desk.store.page(desk.proton.by_name["Mark"], Query({}, 10))
            assert (await desk.store.log.take(desk.proton.name, 10)).changes

    running = [asyncio.ensure_future(writing(n)) for n in range(8)] + [asyncio.ensure_future(reading()) for _ in range(4)]
    for ending in (server.stop, server.kill):
        await asyncio.sleep(0.5)
        await ending()
        await server.start()
    before = len(acknowledged)
    async with asyncio.timeout(60):
        while len(acknowledged) == before:
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*running)
    assert all("not known" in text for text in unknown.values()), unknown
    stored = await marks(desk) - {"read"}
    assert acknowledged <= stored
    assert stored <= acknowledged | unknown.keys()
    await desk.store.close()


async def test_a_server_that_is_down(server: DatabaseServer, proton: Proton, patience: Callable[[float], None]) -> None:
    url = server.url("gluon")
    desk = Desk(await open_store(url, [proton]), proton)
    await desk.make("Mark", value="a", group="both")
    await server.stop()
    patience(0.3)
    place = make_url(url)
    said = f"{place.drivername}://{place.username}@{place.host}:{place.port}/gluon"
    calls: list[Any] = [desk.get("Mark", "a"), desk.make("Mark", value="b", group="both"), desk.store.ready()]
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(result, Unavailable)
        assert said in result.detail
        assert "secret" not in result.detail
    with pytest.raises(Unavailable, match="cannot be reached"):
        await desk.store.ready()
    patience(60)
    await server.start()
    await until_ready(desk)
    assert await desk.get("Mark", "a") is not None
    await desk.store.close()


async def test_a_server_that_hangs(server: DatabaseServer, proton: Proton, patience: Callable[[float], None]) -> None:
    before = Desk(await open_store(server.url("gluon"), [proton]), proton)
    await before.make("Mark", value="a", group="both")
    await before.store.close()
    desk = Desk(await open_store(server.url("gluon"), [proton]), proton)
    desk.store._reading._driver._timeout = 0.5  # of the connections that it makes from now on
    await until_ready(desk)
    assert await desk.get("Mark", "a") is not None
    patience(0.3)
    server.pause()
    calls: list[Any] = [desk.get("Mark", "a"), desk.make("Mark", value="b", group="both"), desk.store.ready()]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3, results
    patience(60)
    server.resume()
    await until_ready(desk)
    assert await desk.get("Mark", "a") is not None
    await desk.store.close()


async def test_more_who_read_than_connections(connection: str, proton: Proton, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(await open_store(connection, [proton], settings=Database(pool_size=2)), proton)
    await desk.make("Mark", value="a", group="both")
    assert all(await asyncio.gather(*(desk.get("Mark", "a") for _ in range(50))))
    monkeypatch.setattr("gluon.store.pooled.pool._PATIENCE", 0.2)
    done = asyncio.Event()
    holding = [asyncio.ensure_future(desk.store.read(lambda _: done.wait())) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="all 2 connections"):
        await desk.get("Mark", "a")
    done.set()
    await asyncio.gather(*holding)
    assert await desk.get("Mark", "a") is not None
    await desk.store.close()


async def test_a_request_that_gives_up_while_it_reads(connection: str, proton: Proton) -> None:
    desk = Desk(await open_store(connection, [proton], settings=Database(pool_size=1)), proton)
    await desk.make("Mark", value="a", group="both")
    for wait in (0, 0.0001, 0.0003, 0.001):
        reading = [asyncio.ensure_future(desk.get("Mark", "a")) for _ in range(5)]
        await asyncio.sleep(wait)
        for task in reading[:3]:
            task.cancel()
        results = await asyncio.gather(*reading, return_exceptions=True)
        assert all(isinstance(r, dict | asyncio.CancelledError) for r in results)
        assert isinstance(results[4], dict)
    await desk.store.close()
