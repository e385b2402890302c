# SPDX-License-Identifier: Apache-2.0
"""A model through its versions with rows in place, on each database; servers of two versions on the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gluon.model.schema import Proton
from gluon.settings import Database
from gluon.store.contract import Query, Store
from gluon.store.opening import open_session
from gluon.store.schema.history import history

from .evolution import VERSIONS, compiled
from .helpers import applied, kept, opened, planned, refused


async def rows(store: Store, proton: Proton, kind: str) -> list[dict[str, Any]]:
    return await store.page(proton.by_name[kind], Query({}, 1000))


async def test_from_the_first_version_to_the_last(connection: str, tmp_path: Path) -> None:
    models = {version: compiled(tmp_path / version, version) for version in VERSIONS}
    await applied(connection, models["1.0"])
    first = await opened(connection, models["1.0"])
    rack = await first.new("Rack", name="r", label="x" * 16)
    await first.new("Tag", code="t1")
    boxes = [
        await first.new("Box", name=f"b{n}", group=f"g{n}", notes="n", tag_code="t1", home=rack["id"], speed=n, marks=["m"])
        for n in range(3)
    ]

    # 1.1: added. What a server of 1.0 makes meanwhile gets the defaults.
    assert await applied(connection, models["1.1"])
    assert await planned(connection, models["1.1"]) == {}
    late = await first.new("Box", name="late", group="g9", notes="n")
    await first.change("Box", boxes[0]["id"], speed=100)
    second = await opened(connection, models["1.1"])
    found = {row["name"]: row for row in await rows(second.store, second.proton, "Box")}
    assert len(found) == 4
    for row in found.values():
        assert (row["color"], row["cost"], row["sealed"], row["extra"]) == ("50% 'red' \\ é", 10, False, ["a", "b"])
    assert sorted(row["number"] for row in found.values() if row["number"] is not None) == [1, 2, 3]
    assert len({row["cookie"] for row in found.values()}) == 4
    assert [found[f"b{n}"]["nick"] for n in range(3)] == ["b0", "b1", "b2"]
    await second.new("Cable", name="c", box_id=late["id"])
    await second.change("Box", boxes[1]["id"], color="blue")
    await first.change("Box", boxes[1]["id"], notes="changed")  # an older server leaves what it does not know
    assert (await second.get("Box", boxes[1]["id"]) or {})["color"] == "blue"
    await first.store.close()

    # 1.2: renamed. Servers of both models read and write the same values.
    assert "rename:depot_box.vlan_group" in await applied(connection, models["1.2"])
    assert await planned(connection, models["1.2"]) == {}
    third = await opened(connection, models["1.2"])
    assert (await third.get("Box", boxes[2]["id"]) or {})["vlan_group"] == "g2"
    await second.change("Box", boxes[2]["id"], group="by 1.1")
    assert (await third.get("Box", boxes[2]["id"]) or {})["vlan_group"] == "by 1.1"
    await third.change("Box", boxes[2]["id"], vlan_group="by 1.2")
    assert (await second.get("Box", boxes[2]["id"]) or {})["group"] == "by 1.2"
    again = await opened(connection, models["1.1"])  # a server of the older model that starts only now
    assert (await again.get("Box", boxes[2]["id"]) or {})["group"] == "by 1.2"
    await again.store.close()
    await second.store.close()

    # 1.3: wider, an identifier and what refers to it too, while 1.2 works on.
    await applied(connection, models["1.3"])
    assert await planned(connection, models["1.3"]) == {}
    assert (await third.get("Box", boxes[0]["id"]) or {})["speed"] == 100
    await third.change("Box", boxes[0]["id"], speed=101)
    fourth = await opened(connection, models["1.3"])
    await fourth.new("Tag", code="t" * 32)
    await fourth.change("Box", boxes[0]["id"], speed=2**40, kind="enormously_large", tag_code="t" * 32)
    await fourth.change("Rack", rack["id"], label="y" * 2000)
    await third.store.close()

    # 1.4: an attribute goes, another takes the old name of a third. Values stay until they are named.
    await applied(connection, models["1.4"])
    assert await planned(connection, models["1.4"]) == {}
    assert await kept(connection, models["1.4"]) == ["drop-column:depot_box.notes"]
    fifth = await opened(connection, models["1.4"])
    box = await fifth.get("Box", boxes[2]["id"]) or {}
    assert (box["vlan_group"], box["group"]) == ("by 1.2", 7)
    assert (await fourth.get("Box", boxes[2]["id"]) or {})["notes"] == "n"
    await fourth.store.close()
    assert await applied(connection, models["1.4"], allow=["drop-column:depot_box.notes"]) == ["drop-column:depot_box.notes"]
    assert await kept(connection, models["1.4"]) == []
    await fifth.change("Box", boxes[2]["id"], group=8)
    assert (await fifth.get("Box", boxes[2]["id"]) or {})["vlan_group"] == "by 1.2"

    # 1.5: what was an identifier by habit becomes a reference; the data must fit first.
    stray = await fifth.new("Box", name="stray", home="00000000-0000-4000-8000-000000000000")
    why = await refused(connection, models["1.5"])
    assert stray["id"] in why
    assert "depot_rack" in why
    assert boxes[0]["id"] not in why
    await fifth.change("Box", stray["id"], home=None)
    await applied(connection, models["1.5"])
    assert await planned(connection, models["1.5"]) == {}
    sixth = await opened(connection, models["1.5"])
    await sixth.change("Box", boxes[1]["id"], rack_id=rack["id"], others=[rack["id"]])
    assert len(await rows(sixth.store, sixth.proton, "Box")) == 5
    assert len(await rows(sixth.store, sixth.proton, "Cable")) == 1
    for store in (fifth.store, sixth.store):
        await store.close()

    async with open_session(Database(connection=connection)) as session:
        events = await history(session)
    assert {event.result for event in events} == {"done"}
    steps = [event.step for event in events]
    assert steps.index("rename:depot_box.vlan_group") < steps.index("drop-column:depot_box.notes")
    assert [e.models for e in events if e.step == "note-model:depot"] == [f"depot {version}" for version in VERSIONS]
