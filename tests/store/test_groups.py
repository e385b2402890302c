# SPDX-License-Identifier: Apache-2.0
"""SQLite's writer when things go wrong: each unit of work gets a result that is true, and the writer goes on."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gluon.errors import Conflict, Unavailable
from gluon.model.schema import Proton
from gluon.server import health
from gluon.store.contract import Query
from gluon.store.objects import Outcome
from gluon.store.pooled import engine as pooled
from gluon.store.sqlite import engine as sqlite
from gluon.store.sqlite.engine import SqliteStore
from gluon.store.statements import Statement
from gluon.store.transactions import RowTx

from .conftest import Desk
from .models import plain


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    return tmp_path / "gluon.sqlite"


@pytest.fixture
async def store(file: Path, proton: Proton) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(file, [proton], busy=0.2)
    yield opened
    await opened.close()


def sql(text: str) -> Callable[[RowTx], Awaitable[None]]:
    """A unit of work that runs a statement."""

    async def work(tx: RowTx) -> None:
        await tx.run(Statement(text, (), {}), {})

    return work


async def marks(desk: Desk) -> set[str]:
    batch = await desk.store.log.take("net-test", 1000)
    return {change.id for change in batch.changes if change.record is not None}


async def group(desk: Desk, *between: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    """One transaction: marks a and b, the given units of work, mark c. Returns what came of each."""
    before = [asyncio.ensure_future(desk.make("Mark", value=v, group="both")) for v in "ab"]
    others = [asyncio.ensure_future(desk.store.write(work)) for work in between]
    after = asyncio.ensure_future(desk.make("Mark", value="c", group="both"))
    return await asyncio.gather(*before, *others, after, return_exceptions=True)


async def test_a_conflict_fails_alone(desk: Desk) -> None:
    results = await asyncio.gather(*(desk.make("Mark", value=v, group="both") for v in "abac"), return_exceptions=True)
    assert [isinstance(r, Conflict) for r in results] == [False, False, True, False]
    assert await marks(desk) == {"a", "b", "c"}


async def test_a_commit_that_fails_fails_every_member(desk: Desk) -> None:
    quay = desk.proton.by_name["Quay"]
    port = await desk.new("Harbour")
    record = await desk.get("Quay", port["id"]) or {}

    async def dangling(tx: RowTx) -> None:
        await tx.run(Statement("PRAGMA defer_foreign_keys = ON", (), {}), {})
        await tx.insert(quay, {**record, "id": "x", "port_id": "nowhere"})

    results = await group(desk, dangling)
    assert all(isinstance(r, Unavailable) for r in results)
    assert await desk.get("Mark", "a") is None
    assert await marks(desk) == {port["id"]}
    await desk.make("Mark", value="a", group="both")


async def test_a_transaction_that_was_taken_away(desk: Desk) -> None:
    results = await group(desk, sql("ROLLBACK"))
    assert [isinstance(r, Unavailable) for r in results] == [False, False, True, False]
    assert await marks(desk) == {"a", "b", "c"}


async def test_a_transaction_that_was_taken_away_with_an_error(desk: Desk) -> None:
    async def work(tx: RowTx) -> None:
        await tx.run(Statement("ROLLBACK", (), {}), {})
        raise Unavailable("the disk fails")

    results = await group(desk, work)
    assert [str(r) for r in results if isinstance(r, Unavailable)] == ["the disk fails"]
    assert await marks(desk) == {"a", "b", "c"}


async def test_a_full_disk(desk: Desk) -> None:
    await desk.store.write(sql("PRAGMA max_page_count = 80"))
    done: list[Any] = []
    while not any(isinstance(r, BaseException) for r in done):
        done += await asyncio.gather(*(desk.make("Harbour", name="x" * 200) for _ in range(40)), return_exceptions=True)
        assert len(done) < 5000
    failed = [r for r in done if isinstance(r, BaseException)]
    assert all(isinstance(r, Unavailable) and "full" in r.detail for r in failed)
    stored = [r.record for r in done if not isinstance(r, BaseException)]
    assert all([await desk.get("Harbour", record["id"]) == record for record in stored])
    taken = await desk.store.log.take("net-test", 100_000)
    assert len(taken.rows) == 2 * len(stored)
    await desk.store.write(sql("PRAGMA max_page_count = 1000000"))
    await desk.make("Harbour")
    await desk.store.ready()


async def test_a_disk_that_fails(desk: Desk, file: Path) -> None:
    port = await desk.new("Harbour")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.with_name("gluon.sqlite-wal").stat().st_size + 30_000, hard))
    try:
        done = await asyncio.gather(*(desk.make("Harbour", name="x" * 200) for _ in range(200)), return_exceptions=True)
        assert await desk.get("Harbour", port["id"]) == port
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert any(isinstance(r, Unavailable) for r in done)
    assert all(isinstance(r, Outcome | Unavailable) for r in done)
    again = await desk.new("Harbour")
    stored = {record["id"] for record in await desk.store.page(desk.proton.by_name["Harbour"], Query({}, 1000))}
    assert stored == {port["id"], again["id"], *(r.record["id"] for r in done if isinstance(r, Outcome))}


async def test_a_database_that_another_process_holds(desk: Desk, file: Path) -> None:
    port = await desk.new("Harbour")
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(desk.make("Mark", value="a", group="both"))
        assert await desk.get("Harbour", port["id"]) == port
        with pytest.raises(Unavailable, match="locked by another process"):
            await writing
        with pytest.raises(Unavailable, match="locked"):
            await desk.store.ready()
        other.execute("ROLLBACK")
    other.close()
    await desk.make("Mark", value="a", group="both")


async def test_who_asks_whether_it_is_ready_hears_of_a_lock_at_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a.sqlite", [plain()], busy=60)
    with sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="locked by another process"):
            await store.ready()
        assert time.monotonic() - begun < 30, "it did not wait for the lock"
        other.execute("ROLLBACK")
    other.close()
    await store.ready()
    await store.close()


@pytest.mark.parametrize("patience", [pooled._PATIENCE, sqlite._PATIENCE])
def test_who_asks_whether_it_is_ready_waits_longer_than_the_store(patience: float) -> None:
    assert patience < health.PATIENCE


async def test_work_that_waits_for_something_else(desk: Desk) -> None:
    async def work(_: RowTx) -> None:
        await asyncio.sleep(0)

    results = await group(desk, work)
    assert [type(r).__name__ for r in results] == ["Outcome", "Outcome", "RuntimeError", "Outcome"]


async def test_reads_go_on_while_a_commit_runs(desk: Desk) -> None:
    port = await desk.new("Harbour")
    writing = [asyncio.ensure_future(desk.make("Harbour")) for _ in range(300)]
    while not all(task.done() for task in writing):
        assert await desk.get("Harbour", port["id"]) == port
        await asyncio.sleep(0)
