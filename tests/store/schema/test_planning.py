# SPDX-License-Identifier: Apache-2.0
"""What a plan says: what it does, what it keeps, and why it cannot be."""

from __future__ import annotations

import pytest

from gluon.errors import Conflict, Invalid, SettingsError
from gluon.model.compile import compile_text
from gluon.settings import Database
from gluon.store.opening import applies, open_session, open_store
from gluon.store.schema.steps import Grade

from .helpers import applied, described, kept, opened, planned, refused, shop

_CODE = "code: {type: string, length: 20}"
_UNIQUE = "code: {type: string, length: 20, unique: true}"


async def test_an_empty_database(connection: str) -> None:
    model = shop(_CODE)
    plan = await planned(connection, model)
    assert plan["make-table:shop_thing"] is Grade.SAFE
    assert await described(connection) == {}
    await applied(connection, model)
    assert await planned(connection, model) == {}
    assert await applied(connection, model) == []
    assert await kept(connection, model) == []


async def test_a_new_unique_that_is_violated_names_the_rows(connection: str) -> None:
    await applied(connection, shop(_CODE))
    desk = await opened(connection, shop(_CODE))
    twins = [await desk.new("Thing", code="x") for _ in range(2)]
    single = await desk.new("Thing", code="y")
    for _ in range(2):
        await desk.new("Thing")  # null is no value
    unique = shop(_UNIQUE, version="1.1")
    why = await refused(connection, unique)
    assert all(twin["id"] in why for twin in twins)
    assert single["id"] not in why
    assert "shop_thing" in why
    await desk.change("Thing", twins[0]["id"], code="z")
    assert "add-index:shop_thing.code" in await applied(connection, unique)
    other = await opened(connection, unique)
    # What is unique no more stays so until that is named: servers of the older model count on it.
    assert "note-model:shop" in await applied(connection, shop(_CODE, version="1.2"))
    (drop,) = await kept(connection, shop(_CODE, version="1.2"))
    assert drop == "drop-index:shop_thing.uq_shop_thing__code"
    await applied(connection, shop(_CODE, version="1.2"), allow=[drop])
    await desk.new("Thing", code="z")
    for store in (desk.store, other.store):
        await store.close()


async def test_an_older_server_meets_rules_that_it_does_not_know(connection: str) -> None:
    before = shop(_CODE, "place: {type: uuid}", more=_SHELF)
    after = shop(_UNIQUE, "place: {type: Shelf}", more=_SHELF, version="1.1")
    await applied(connection, before)
    older = await opened(connection, before)
    shelf = await older.new("Shelf", name="s")
    await older.new("Thing", code="x", place=shelf["id"])
    await applied(connection, after)
    for wrong in ({"code": "x"}, {"place": "00000000-0000-4000-8000-000000000000"}):
        with pytest.raises((Conflict, Invalid)):
            await older.new("Thing", **wrong)
    with pytest.raises((Conflict, Invalid)):
        await older.drop("Shelf", shelf["id"])
    await older.new("Thing", code="y", place=shelf["id"])
    await older.store.close()


async def test_many_rows_in_the_way_are_not_all_named(connection: str) -> None:
    await applied(connection, shop(_CODE))
    desk = await opened(connection, shop(_CODE))
    for _ in range(12):
        await desk.new("Thing", code="x")
    why = await refused(connection, shop(_UNIQUE, version="1.1"))
    assert why.count("code x") == 10
    assert "and more" in why
    await desk.store.close()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((_CODE,), (_CODE, "size: {type: integer, required: true}"), ("'size' of Thing is required", "needs a default")),
        ((_CODE,), ("code: {type: integer}",), ("'code' of Thing is stored as", "another name")),
        (("size: {type: number}",), ("size: {type: boolean}",), ("'size' of Thing is stored as",)),
    ],
)
async def test_models_that_cannot_be_applied(
    connection: str, before: tuple[str, ...], after: tuple[str, ...], words: tuple[str, ...]
) -> None:
    await applied(connection, shop(*before))
    why = await refused(connection, shop(*after, version="1.1"))
    for word in words:
        assert word in why
    assert "model.yaml:" in why


async def test_a_value_that_is_now_required(connection: str) -> None:
    await applied(connection, shop(_CODE))
    desk = await opened(connection, shop(_CODE))
    without, given = await desk.new("Thing"), await desk.new("Thing", code="x")
    required = shop("code: {type: string, length: 20, required: true}", version="1.1")
    why = await refused(connection, required)
    assert without["id"] in why
    assert given["id"] not in why
    filled = shop("code: {type: string, length: 20, required: true, default: none}", version="1.1")
    assert "fill:shop_thing.code" in await applied(connection, filled)
    assert (await desk.get("Thing", without["id"]) or {})["code"] == "none"
    assert "fill:shop_thing.code" not in await planned(connection, required)
    await desk.store.close()


_SHELF = "  Shelf:\n    extends: BaseObject\n    api: {name: shelf, plural_name: shelves}\n"


async def test_a_list_that_becomes_references(connection: str) -> None:
    before = shop("places: {type: list, items: uuid}", more=_SHELF)
    after = shop("places: {type: list, items: Shelf}", more=_SHELF, version="1.1")
    await applied(connection, before)
    desk = await opened(connection, before)
    shelves = [(await desk.new("Shelf", name=str(n)))["id"] for n in range(2)]
    thing = await desk.new("Thing", places=shelves)
    await desk.new("Thing", places=[])
    stray = await desk.new("Thing", places=[shelves[0], "00000000-0000-4000-8000-000000000000"])
    why = await refused(connection, after)
    assert f"{stray['id']}: 00000000-0000-4000-8000-000000000000 is not there" in why
    assert thing["id"] not in why
    await desk.drop("Thing", stray["id"])
    plan = await applied(connection, after)
    assert "make-table:shop_thing_places" in plan
    later = await opened(connection, after)
    referrers = await later.store.write(lambda tx: tx.referrers(after.by_name["Shelf"], shelves[1]))
    assert [referrer.id for referrer in referrers] == [thing["id"]]
    assert (await later.get("Thing", thing["id"]) or {})["places"] == shelves
    for store in (desk.store, later.store):
        await store.close()


async def test_items_that_become_unique(connection: str) -> None:
    before = shop("marks: {type: list, items: {type: string}}")
    after = shop("marks: {type: list, items: {type: string}, unique: true}", version="1.1")
    await applied(connection, before)
    desk = await opened(connection, before)
    first, second = await desk.new("Thing", marks=["a", "a", "b"]), await desk.new("Thing", marks=["b"])
    why = await refused(connection, after)
    assert first["id"] in why
    assert second["id"] in why
    await desk.change("Thing", second["id"], marks=["c"])
    await applied(connection, after)
    assert await planned(connection, after) == {}
    await desk.store.close()


async def test_what_is_no_longer_in_the_model(connection: str) -> None:
    before = shop(_CODE, "shelf_id: {type: Shelf}", "marks: {type: list, items: Shelf}", more=_SHELF)
    after = shop(_CODE, version="1.1")
    await applied(connection, before)
    desk = await opened(connection, before)
    shelf = await desk.new("Shelf", name="s")
    thing = await desk.new("Thing", code="x", shelf_id=shelf["id"], marks=[shelf["id"]])
    assert await applied(connection, after) == ["note-model:shop"]
    names = await kept(connection, after)
    assert set(names) == {
        "drop-column:shop_thing.shelf_id",
        "drop-column:shop_thing.marks",
        "drop-table:shop_thing_marks",
        "drop-table:shop_shelf",
    }
    assert (await desk.get("Thing", thing["id"]) or {})["shelf_id"] == shelf["id"]  # the older server works on
    await desk.store.close()
    assert "no such step" in await refused(connection, after, allow=["drop-table:shop_nothing"])
    await applied(connection, after, allow=names)
    later = await opened(connection, after)
    assert (await later.get("Thing", thing["id"]) or {})["code"] == "x"
    assert set(await described(connection)) & {"shop_shelf", "shop_thing_marks"} == set()
    await later.store.close()


async def test_rows_of_an_older_server_get_what_only_a_newer_one_gives(connection: str) -> None:
    before = shop(_CODE)
    after = shop(_CODE, "cookie: {type: uuid, required: true, generate: true}", version="1.1")
    await applied(connection, before)
    older = await opened(connection, before)
    await applied(connection, after)
    thing = await older.new("Thing", code="x")  # made once the tables are those of 1.1
    await older.store.close()
    assert await planned(connection, after) == {"fill:shop_thing.cookie": Grade.SLOW}
    assert await applied(connection, after) == ["fill:shop_thing.cookie"]
    newer = await opened(connection, after)
    assert (await newer.get("Thing", thing["id"]) or {})["cookie"]
    await newer.store.close()
    assert await planned(connection, after) == {}


async def test_tables_of_a_proton_that_only_other_servers_have_stay_out_of_it(connection: str) -> None:
    near = shop()
    far = compile_text(
        'file_version: "1.0"\nimports: base.yaml\ninfo: {name: shop-far, version: "1.0"}\nobjects:\n'
        "  Thing:\n    extends: BaseObject\n    api: {name: thing}\n"
    )
    await applied(connection, near, far)
    assert await kept(connection, near) == []


async def test_a_reference_that_may_point_elsewhere(connection: str) -> None:
    base = "  BaseShelf:\n    extends: BaseObject\n    attributes:\n      x: {type: string}\n"
    one = base + "  Shelf:\n    extends: BaseShelf\n    api: {name: shelf}\n"
    two = one + "  Drawer:\n    extends: BaseShelf\n    api: {name: drawer}\n"
    before, after = (
        shop("shelf_id: {type: BaseShelf}", more=one),
        shop("shelf_id: {type: BaseShelf}", more=two, version="1.1"),
    )
    await applied(connection, before)
    assert "drop-foreign-key:shop_thing.shelf_id" in await applied(connection, after)
    desk = await opened(connection, after)
    await desk.new("Thing", shelf_id=(await desk.new("Drawer"))["id"])
    # A server of the older model starts, and does not bring the foreign key back.
    assert await planned(connection, before) == {}
    older = await open_store(connection, [before])
    assert await planned(connection, after) == {}
    for store in (desk.store, older):
        await store.close()


async def test_a_server_does_not_start_on_what_lacks_something(connection: str) -> None:
    for model in (shop(_CODE), shop(_CODE, "size: {type: integer}", version="1.1")):
        with pytest.raises(SettingsError) as error:
            await open_store(connection, [model], auto_apply=False)
        assert "gluon db apply" in str(error.value)
        assert "shop_thing" in str(error.value)
        await (await open_store(connection, [model])).close()
        await (await open_store(connection, [model], auto_apply=False)).close()
    older = await open_store(connection, [shop(_CODE)], auto_apply=False)
    await older.close()


def test_who_applies_what_is_safe() -> None:
    assert applies(Database())
    assert not applies(Database(auto_apply="never"))
    assert not applies(Database(connection="postgresql://h/d"))
    assert applies(Database(connection="postgresql://h/d", auto_apply="safe"))


async def test_tables_of_someone_else_are_not_touched(connection: str) -> None:
    async with open_session(Database(connection=connection)) as session:
        await session.connection.fetch("CREATE TABLE shop_thing (id INTEGER PRIMARY KEY, colour VARCHAR(10))")
        await session.connection.fetch("CREATE TABLE shop_other (id INTEGER PRIMARY KEY)")
    assert "shop_thing is there, and Gluon did not make it" in await refused(connection, shop(_CODE))
    async with open_session(Database(connection=connection)) as session:
        await session.connection.fetch("DROP TABLE shop_thing")
    await applied(connection, shop(_CODE))
    assert await kept(connection, shop(_CODE)) == []
