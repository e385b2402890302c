# SPDX-License-Identifier: Apache-2.0
"""Deleting what others refer to: restrict, cascade, set_null; circles; lists and structures."""

from __future__ import annotations

import re

import pytest

from gluon.errors import Conflict

from .conftest import Desk


async def peer(desk: Desk, **values: object) -> str:
    return str((await desk.new("Peer", as_number=1, **values))["id"])


async def test_restrict_names_who_is_in_the_way(desk: Desk) -> None:
    await desk.new("Mark", value="m", group="both")
    vpns = [(await desk.new("Vpn", imports=["m"]))["id"] for _ in range(2)]
    with pytest.raises(Conflict) as error:
        await desk.drop("Mark", "m")
    assert all(vpn in error.value.detail for vpn in vpns)
    assert "imports" in error.value.detail
    await desk.change("Vpn", vpns[0], imports=[])
    await desk.drop("Vpn", vpns[1])
    await desk.drop("Mark", "m")


async def test_a_few_are_named(desk: Desk) -> None:
    target = await peer(desk)
    for _ in range(12):
        await desk.make("Chain", hops=[{"peer_id": target}])
    with pytest.raises(Conflict) as error:
        await desk.drop("Peer", target)
    assert len(re.findall("chain '", error.value.detail)) == 10
    assert error.value.detail.endswith(", …")


async def test_cascade_and_set_null(desk: Desk) -> None:
    vpn = (await desk.new("Vpn"))["id"]
    owned, spare = await peer(desk, vpn_id=vpn), await peer(desk, spare_id=vpn)
    behind = await peer(desk, next_id=owned)
    await desk.changes()
    await desk.drop("Vpn", vpn)
    assert await desk.get("Peer", owned) is None
    assert await desk.get("Peer", behind) is None
    left = await desk.get("Peer", spare)
    assert left is not None
    assert (left["spare_id"], left["revision"], left["generation"]) == (None, 2, 2)
    assert sorted(await desk.changes(), key=str) == sorted(
        [("Peer", owned, None), ("Peer", behind, None), ("Peer", spare, 2), ("Vpn", vpn, None)], key=str
    )


async def test_references_in_lists_and_structures(desk: Desk) -> None:
    first, second = await peer(desk), await peer(desk)
    chain = (await desk.new("Chain", hops=[{"peer_id": second, "via_id": first, "index": 1}], members=[first, second, first]))[
        "id"
    ]
    await desk.drop("Peer", first)
    left = await desk.get("Chain", chain)
    assert left is not None
    assert left["hops"] == [{"peer_id": second, "via_id": None, "index": 1}]
    assert left["members"] == [second]
    assert left["revision"] == 3
    with pytest.raises(Conflict, match="hops"):
        await desk.drop("Peer", second)
    assert (await desk.get("Chain", chain)) == left


async def test_a_conflict_undoes_everything(desk: Desk) -> None:
    vpn = (await desk.new("Vpn"))["id"]
    owned = await peer(desk, vpn_id=vpn)
    spare = await peer(desk, spare_id=vpn)
    await desk.make("Chain", hops=[{"peer_id": owned}])
    await desk.changes()
    with pytest.raises(Conflict, match="chain"):
        await desk.drop("Vpn", vpn)
    assert (await desk.get("Peer", spare) or {})["spare_id"] == vpn
    assert await desk.get("Peer", owned) is not None
    assert await desk.changes() == []


async def test_a_circle_goes_as_a_whole(desk: Desk) -> None:
    first = await peer(desk)
    second = await peer(desk, next_id=first)
    third = await peer(desk, next_id=second)
    await desk.change("Peer", first, next_id=third)
    await desk.drop("Peer", second)
    assert [await desk.get("Peer", p) for p in (first, second, third)] == [None, None, None]


async def test_a_long_chain_goes_as_a_whole(desk: Desk) -> None:
    head = last = await peer(desk)
    for _ in range(1500):
        last = await peer(desk, next_id=last)
    await desk.drop("Peer", head)
    assert await desk.get("Peer", last) is None


async def test_a_list_that_would_become_too_short(desk: Desk) -> None:
    first, second = await peer(desk), await peer(desk)
    chain = (await desk.new("Chain", least=[first, second]))["id"]
    await desk.drop("Peer", first)
    assert (await desk.get("Chain", chain) or {})["least"] == [second]
    with pytest.raises(Conflict, match="least"):
        await desk.drop("Peer", second)
    assert (await desk.get("Chain", chain) or {})["least"] == [second]
