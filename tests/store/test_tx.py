# SPDX-License-Identifier: Apache-2.0
"""What every engine owes the verbs: reads, pages, snapshots, look-ups of referrers, results of commits."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Set
from typing import Any

import pytest

from gluon.errors import Conflict, Invalid, Unavailable
from gluon.model.schema import Proton
from gluon.store.contract import Query, Reads, Store, Tx
from gluon.store.opening import open_store

from .conftest import Desk


async def test_pages_in_the_order_of_the_identifier(desk: Desk) -> None:
    ids = sorted([(await desk.new("Peer", as_number=n + 1))["id"] for n in range(25)])
    obj = desk.proton.by_name["Peer"]
    seen: list[str] = []
    after = None
    while page := await desk.store.page(obj, Query({}, 10, after)):
        assert len(page) <= 10
        seen += [record["id"] for record in page]
        after = seen[-1]
    assert seen == ids


async def test_filters(desk: Desk) -> None:
    obj = desk.proton.by_name["Harbour"]
    await desk.make("Harbour", name="a", admin_state_up=False)
    await desk.make("Harbour", name="b", tenant_id="t2")
    await desk.make("Harbour", name="B", profile={"x": 1})

    async def names(**where: Any) -> list[str]:
        return sorted(record["name"] for record in await desk.store.page(obj, Query(where, 10)))

    assert await names(name="b") == ["b"]
    assert await names(tenant_id="t1") == ["B", "a"]
    assert await names(admin_state_up=False) == ["a"]
    assert await names(host_id=None) == ["B", "a", "b"]
    assert await names(host_id=None, tenant_id="t2", mtu=1500) == ["b"]
    assert await names(profile={"x": 1}) == ["B"]


async def test_a_snapshot_does_not_move(desk: Desk) -> None:
    obj = desk.proton.by_name["Mark"]
    await desk.make("Mark", value="a", group="both")

    async def work(reads: Reads) -> tuple[Any, Any]:
        first = await reads.page(obj, Query({}, 10))
        return first, await reads.get(obj, "a")

    page, one = await desk.store.read(work)
    assert page == [one]


async def test_referrers(desk: Desk) -> None:
    first = (await desk.new("Peer", as_number=1))["id"]
    chain = (await desk.new("Chain", hops=[{"peer_id": first, "via_id": first}]))["id"]
    second = (await desk.new("Peer", as_number=1, next_id=first))["id"]
    peer = desk.proton.by_name["Peer"]

    async def work(tx: Tx) -> list[tuple[str, Any, str]]:
        return [(r.object.name, r.id, r.attribute.name) for r in await tx.referrers(peer, first)]

    found = await desk.store.write(work)
    assert set(found) == {("Chain", chain, "hops"), ("Peer", second, "next_id")}

    async def limited(tx: Tx) -> int:
        return len(await tx.referrers(peer, first, 2))

    assert await desk.store.write(limited) == 2


async def test_a_missing_reference_that_the_verbs_missed(desk: Desk) -> None:
    obj = desk.proton.by_name["Quay"]
    port = await desk.new("Harbour")
    quay = await desk.get("Quay", port["id"])
    assert quay is not None
    record = {**quay, "id": str(uuid.uuid4()), "port_id": str(uuid.uuid4())}
    with pytest.raises(Invalid):
        await desk.store.write(lambda tx: tx.insert(obj, record))
    harbour = desk.proton.by_name["Harbour"]
    with pytest.raises(Conflict):
        await desk.store.write(lambda tx: tx.delete(harbour, port["id"]))


async def test_concurrent_requests_share_transactions(desk: Desk) -> None:
    taken = str(uuid.uuid4())
    calls = 0

    def count(protons: Set[str]) -> None:
        nonlocal calls
        calls += 1
        assert protons == {desk.proton.name}

    desk.store.log.on_change(count)
    wanted = [taken if n % 10 == 0 else str(uuid.uuid4()) for n in range(200)]
    done = await asyncio.gather(*(desk.make("Harbour", id=id) for id in wanted), return_exceptions=True)
    failed = [r for r in done if isinstance(r, BaseException)]
    assert len(failed) == 19
    assert all(isinstance(r, Conflict) and taken in r.detail for r in failed)
    assert 1 <= calls < 100
    assert len(await desk.changes()) == 2 * 181


async def test_work_that_fails_with_anything(store: Store, desk: Desk) -> None:
    async def broken(tx: Tx) -> None:
        await desk.objects.create(tx, desk.proton.by_name["Mark"], {"value": "x", "group": "both"}, binding_id="")
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        await store.write(broken)
    assert await desk.get("Mark", "x") is None
    await desk.make("Mark", value="x", group="both")


async def test_ready_and_close(store: Store, desk: Desk) -> None:
    await store.ready()
    pending = [asyncio.ensure_future(desk.make("Mark", value=str(n), group="both")) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*pending)) == 20
    with pytest.raises(Unavailable):
        await desk.make("Mark", value="late", group="both")
    with pytest.raises(Unavailable):
        await store.page(desk.proton.by_name["Mark"], Query({}, 1))
    with pytest.raises(Unavailable):
        await store.get(desk.proton.by_name["Mark"], "1")
    await store.close()


async def test_a_request_that_gave_up_before_its_turn(store: Store, desk: Desk) -> None:
    tasks = [asyncio.ensure_future(desk.make("Mark", value=str(n), group="both")) for n in range(10)]
    await asyncio.sleep(0)
    for task in tasks[5:]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert not any(isinstance(r, BaseException) for r in done[:5])
    await desk.make("Mark", value="after", group="both")


async def test_values_that_no_database_holds(desk: Desk) -> None:
    mark, port = desk.proton.by_name["Mark"], desk.proton.by_name["Harbour"]
    assert await desk.store.get(mark, "\ud800") is None
    with pytest.raises(Invalid):
        await desk.store.page(mark, Query({"note": "\ud800"}, 1))
    with pytest.raises(Invalid):
        await desk.store.page(port, Query({"mtu": 2**70}, 1))


async def test_writers_of_two_stores_on_one_database(desk: Desk, proton: Proton, connection: str) -> None:
    other = Desk(await open_store(connection, [proton]), proton)
    done = await asyncio.gather(*(d.new("Harbour") for _ in range(50) for d in (desk, other)))
    assert len({record["id"] for record in done}) == 100
    for record in done:
        assert await other.get("Harbour", record["id"]) == record
    await other.store.close()
