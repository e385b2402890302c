# SPDX-License-Identifier: Apache-2.0
"""Group commit on a database server when things go wrong: each request gets a result that is true, and the others go on.

Whatever the database does wrong here, it does by itself: locks, triggers and ended sessions bring it to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from gluon.errors import Conflict, Missing, Unavailable
from gluon.model.schema import Proton
from gluon.store.contract import Query, Store, Tx
from gluon.store.objects import Outcome
from gluon.store.opening import open_store
from gluon.store.removal import Removal
from gluon.store.statements import Statement

from .conftest import Desk
from .servers import REFUSING_AT_COMMIT, SERVERS, Admin, admin

pytestmark = pytest.mark.usefixtures("patience")


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def connection(kind: str, request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{kind}_url")
    return url


@pytest.fixture
async def other(kind: str, connection: str, request: pytest.FixtureRequest) -> AsyncIterator[Admin]:
    """Another client of the same database."""
    async with admin(kind, connection, request.getfixturevalue(f"{kind}_server")) as opened:
        yield opened


async def group(desk: Desk, *between: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    """Marks a and b, the given units of work, mark c, all at once. Returns what came of each."""
    before = [asyncio.ensure_future(desk.make("Mark", value=v, group="both")) for v in "ab"]
    others = [asyncio.ensure_future(desk.store.write(work)) for work in between]
    after = asyncio.ensure_future(desk.make("Mark", value="c", group="both"))
    return await asyncio.gather(*before, *others, after, return_exceptions=True)


async def marks(desk: Desk) -> list[str]:
    """The marks that are there; each has one change row, and there are no others."""
    stored = sorted(r["value"] for r in await desk.store.page(desk.proton.by_name["Mark"], Query({}, 1000)))
    batch = await desk.store.log.take(desk.proton.name, 1000)
    logged = [change.id for change in batch.changes if change.object.name == "Mark"]
    assert sorted(logged) == stored
    return stored


def kinds(results: list[Any]) -> list[str]:
    return [type(result).__name__ for result in results]


async def test_what_is_taken_already(desk: Desk) -> None:
    await desk.make("Mark", value="b", group="both")
    results = await group(desk)
    assert kinds(results) == ["Outcome", "Conflict", "Outcome"]
    assert "mark 'b' exists already" in str(results[1])
    assert await marks(desk) == ["a", "b", "c"]


async def test_two_of_one_group_that_want_the_same_value(desk: Desk) -> None:
    made = [desk.make("Locker", name=str(n), secret=f"s{min(n, 7)}") for n in range(10)]
    results = await asyncio.gather(*made, return_exceptions=True)
    assert sorted(kinds(results)) == ["Conflict"] * 2 + ["Outcome"] * 8
    (winner,) = [r.record["id"] for r in results[7:] if isinstance(r, Outcome)]
    assert all(winner in r.detail for r in results if isinstance(r, Conflict))


async def test_many_conflicts_at_once(desk: Desk) -> None:
    for n in range(0, 100, 7):
        await desk.make("Mark", value=str(n), group="both")
    results = await asyncio.gather(*(desk.make("Mark", value=str(n), group="both") for n in range(100)), return_exceptions=True)
    assert kinds(results) == ["Conflict" if n % 7 == 0 else "Outcome" for n in range(100)]
    assert all(f"'{n}'" in r.detail for n, r in enumerate(results) if isinstance(r, Conflict))
    assert len(await marks(desk)) == 100


async def test_work_that_fails_after_it_has_written(desk: Desk) -> None:
    mark = desk.proton.by_name["Mark"]
    await desk.make("Mark", value="z", group="both", order=1)

    async def broken(tx: Tx) -> None:
        await tx.update(mark, "z", {"order": 2})
        await tx.get(mark, "a")
        raise Missing("nothing")

    async def adding(tx: Tx) -> None:
        await desk.objects.create(tx, mark, {"value": "y", "group": "both"}, binding_id="")
        await tx.page(mark, Query({}, 10))
        raise KeyError("a bug")

    results = await group(desk, broken, adding, broken)
    assert kinds(results) == ["Outcome", "Outcome", "Missing", "KeyError", "Missing", "Outcome"]
    assert await marks(desk) == ["a", "b", "c", "z"]
    stored = await desk.get("Mark", "z")
    assert stored is not None
    assert stored["order"] == 1


async def test_an_object_of_the_same_group_is_seen(desk: Desk) -> None:
    mark = desk.proton.by_name["Mark"]

    async def looking(tx: Tx) -> list[Any]:
        return [await tx.get(mark, "a") is not None, await tx.lock(mark, "b") is not None, len(await tx.page(mark, Query({}, 9)))]

    results = await group(desk, looking)
    assert results[2] in ([True, True, 2], [False, False, 0])


@pytest.mark.parametrize("kind", REFUSING_AT_COMMIT, indirect=True)
async def test_a_commit_that_fails_for_one(desk: Desk, other: Admin) -> None:
    await other.refuse_at_commit("net_test_mark", "value", "b")
    results = await group(desk)
    assert kinds(results) == ["Outcome", "Unavailable", "Outcome"]
    assert "no b today" in str(results[1])
    assert await marks(desk) == ["a", "c"]


async def test_a_full_disk(desk: Desk, other: Admin) -> None:
    await desk.make("Mark", value="old", group="both")
    await other.disk_full()
    results = await group(desk)
    assert kinds(results) == ["Unavailable"] * 3
    assert all("disk is full" in str(r) and "secret" not in str(r) for r in results)
    with pytest.raises(Unavailable, match="disk is full"):
        await desk.store.ready()
    assert await desk.get("Mark", "old") is not None
    await other.disk_free()
    await desk.store.ready()
    assert kinds(await group(desk)) == ["Outcome"] * 3


async def test_a_database_that_can_only_be_read(desk: Desk, other: Admin, connection: str, proton: Proton) -> None:
    await desk.make("Mark", value="old", group="both")
    await other.read_only()
    await other.end_others()
    with pytest.raises(Unavailable, match="can only be read"):
        await desk.make("Mark", value="new", group="both")
    with pytest.raises(Unavailable, match="can only be read"):
        await desk.store.ready()
    assert await desk.get("Mark", "old") is not None


async def test_a_row_that_another_holds(desk: Desk, other: Admin) -> None:
    """Who wants it waits; nobody else does."""
    await desk.make("Mark", value="z", group="both", order=1)
    mark = desk.proton.by_name["Mark"]
    held = await other.hold("SELECT * FROM net_test_mark WHERE value = 'z' FOR UPDATE")

    async def waiting(tx: Tx) -> None:
        await desk.objects.update(tx, mark, "z", {"order": 2}, binding_id="")

    wanting = asyncio.ensure_future(desk.store.write(waiting))
    assert kinds(await group(desk)) == ["Outcome"] * 3
    await asyncio.sleep(1.5)  # longer than one try lasts
    assert not wanting.done()
    await held.release()
    await wanting
    stored = await desk.get("Mark", "z")
    assert stored is not None
    assert (stored["order"], stored["revision"]) == (2, 2)


async def test_a_row_that_another_holds_too_long(desk: Desk, other: Admin, patience: Callable[[float], None]) -> None:
    await desk.make("Mark", value="z", group="both")
    patience(1.5)
    held = await other.hold("SELECT * FROM net_test_mark WHERE value = 'z' FOR UPDATE")
    with pytest.raises(Unavailable, match="holds what it needs"):
        await desk.drop("Mark", "z")
    patience(60)
    await held.release()
    await desk.drop("Mark", "z")


async def test_a_deadlock(desk: Desk, other: Admin) -> None:
    """Another client and a group want two rows in opposite orders: one of them is ended, and ours is run again."""
    mark = desk.proton.by_name["Mark"]
    for value in "xy":
        await desk.make("Mark", value=value, group="both", order=1)
    held = await other.hold("SELECT * FROM net_test_mark WHERE value = 'y' FOR UPDATE")
    theirs: list[asyncio.Future[Any]] = []

    async def crossing(tx: Tx) -> None:
        await desk.objects.update(tx, mark, "x", {"order": 2}, binding_id="")
        if not theirs:
            theirs.append(asyncio.ensure_future(held.run("SELECT * FROM net_test_mark WHERE value = 'x' FOR UPDATE")))
            await asyncio.sleep(0.05)
        await desk.objects.update(tx, mark, "y", {"order": 2}, binding_id="")

    running = asyncio.ensure_future(group(desk, crossing))
    while not theirs:
        await asyncio.sleep(0.01)
    await asyncio.wait(theirs)
    await held.release()
    assert kinds(await running) == ["Outcome", "Outcome", "NoneType", "Outcome"]
    for value in "xy":
        stored = await desk.get("Mark", value)
        assert stored is not None
        assert (stored["order"], stored["revision"]) == (2, 2)


async def test_a_connection_lost_before_commit(desk: Desk, other: Admin) -> None:
    ended = []

    async def unlucky(tx: Tx) -> None:
        if not ended:
            ended.append(await other.end_others())
        await desk.objects.create(tx, desk.proton.by_name["Mark"], {"value": "z", "group": "both"}, binding_id="")

    assert kinds(await group(desk, unlucky)) == ["Outcome", "Outcome", "NoneType", "Outcome"]
    assert await marks(desk) == ["a", "b", "c", "z"]


async def test_a_transaction_left_idle(desk: Desk, kind: str) -> None:
    mark = desk.proton.by_name["Mark"]
    tries = []

    async def dozing(tx: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            await tx.run(Statement(SERVERS[kind].idle_soon, (), {}), {})
            await asyncio.sleep(1.5)
        await desk.objects.create(tx, mark, {"value": "z", "group": "both"}, binding_id="")

    assert kinds(await group(desk, dozing)) == ["Outcome", "Outcome", "NoneType", "Outcome"]
    assert len(tries) > 1
    assert await marks(desk) == ["a", "b", "c", "z"]


async def test_a_request_that_gave_up_is_not_run(desk: Desk, other: Admin) -> None:
    await desk.make("Mark", value="z", group="both")
    mark = desk.proton.by_name["Mark"]
    going, ran = asyncio.Event(), []

    async def blocking(_: Tx) -> None:
        await going.wait()

    async def late(tx: Tx) -> None:
        ran.append(await tx.get(mark, "z"))

    first = [asyncio.ensure_future(desk.store.write(blocking)) for _ in range(2)]
    await asyncio.sleep(0.05)
    waiting = [asyncio.ensure_future(desk.store.write(late)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    going.set()
    await asyncio.gather(*first, *waiting[1:])
    assert len(ran) == 2


async def test_values_for_two_servers(connection: str, proton: Proton) -> None:
    """However many allocate at once: each gets a value of its own, and the last ones hear that none is left."""
    desks = [Desk(await open_store(connection, [proton]), proton) for _ in range(2)]
    results = await asyncio.gather(*(d.new("Vpn") for _ in range(4) for d in desks), return_exceptions=True)
    assert sorted(r["vni"] for r in results if isinstance(r, dict)) == [1, 2, 3, 4]
    assert all("every value of vni is taken" in str(r) for r in results if isinstance(r, Conflict))
    assert sum(isinstance(r, Conflict) for r in results) == 4
    for desk in desks:
        await desk.store.close()


async def test_one_object_changed_by_two_servers(connection: str, proton: Proton) -> None:
    desks = [Desk(await open_store(connection, [proton]), proton) for _ in range(2)]
    mark = await desks[0].new("Mark", value="z", group="both", order=0)
    obj = proton.by_name["Mark"]

    async def count(tx: Tx) -> None:
        record = await tx.lock(obj, "z")
        assert record is not None
        await tx.update(obj, "z", {"order": record["order"] + 1})

    await asyncio.gather(*(d.store.write(count) for _ in range(40) for d in desks))
    record = await desks[1].get("Mark", mark["value"])
    assert record is not None
    assert record["order"] == 80
    for desk in desks:
        await desk.store.close()


async def test_a_port_that_goes_while_others_refer_to_what_goes_with_it(
    connection: str, proton: Proton, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for referrers and the deletion nobody can add one: who tries waits, and then there is nothing."""
    desks = [Desk(await open_store(connection, [proton]), proton) for _ in range(2)]
    service, port = (await desks[0].new("Chain"))["id"], (await desks[0].new("Harbour"))["id"]
    rivals: list[asyncio.Future[Any]] = []
    delete = Removal._delete

    async def slowly(self: Removal, tx: Tx, doomed: Any) -> None:
        if not rivals:
            for rival in (desks[1].make("Berth", interface_id=port, service_id=service), desks[1].make("Quay", port_id=port)):
                rivals.append(asyncio.ensure_future(rival))
                await asyncio.wait(rivals[-1:], timeout=0.1)
        await delete(self, tx, doomed)

    monkeypatch.setattr(Removal, "_delete", slowly)
    await desks[0].drop("Harbour", port)
    results = await asyncio.gather(*rivals, return_exceptions=True)
    assert kinds(results) == ["Invalid", "Invalid"]
    assert await desks[0].store.page(proton.by_name["Quay"], Query({}, 10)) == []
    for desk in desks:
        await desk.store.close()


async def test_two_servers_that_start_on_an_empty_database(connection: str, proton: Proton) -> None:
    stores: list[Store] = await asyncio.gather(*(open_store(connection, [proton]) for _ in range(4)))
    assert len({await store.log.database_id() for store in stores}) == 1
    for store in stores:
        await store.close()


async def test_tables_that_change_under_a_running_server(desk: Desk, other: Admin) -> None:
    await desk.make("Mark", value="z", group="both")
    stop = asyncio.Event()
    seen: list[Any] = []

    async def using(n: int) -> None:
        while not stop.is_set():
            seen.append(await desk.get("Mark", "z"))
            seen.append(await desk.change("Mark", "z", order=n + len(seen)))
            seen.append(await desk.store.page(desk.proton.by_name["Mark"], Query({"value": "z"}, 5)))

    running = [asyncio.ensure_future(using(n)) for n in range(5)]
    for statement in SERVERS[other.name].widening:
        await other.run(statement)
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*running)
    assert all(seen)
