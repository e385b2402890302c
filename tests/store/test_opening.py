# SPDX-License-Identifier: Apache-2.0
"""Opening a database: made where it is empty, refused with a reason where it cannot be used."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from gluon.errors import SettingsError, Unavailable
from gluon.model.schema import Info, Object, Proton, Role
from gluon.model.types import String
from gluon.store.contract import Query
from gluon.store.opening import open_store
from gluon.store.sqlite.engine import SqliteStore

from .conftest import Desk
from .models import attribute, base, network, obj, plain


def url(path: Path) -> str:
    return f"sqlite:///{path}"


async def refused(connection: str, *protons: Proton, auto_apply: bool = True) -> str:
    with pytest.raises(SettingsError) as error:
        await open_store(connection, protons, auto_apply=auto_apply)
    return str(error.value)


async def test_what_was_stored_is_there_after_opening_again(tmp_path: Path) -> None:
    proton = network()
    store = await open_store(url(tmp_path / "a.sqlite"), [proton])
    desk, id = Desk(store, proton), await store.log.database_id()
    port = await desk.new("Harbour")
    await store.close()
    again = await open_store(url(tmp_path / "a.sqlite"), [proton], auto_apply=False)
    assert await again.get(proton.by_name["Harbour"], port["id"]) == port
    assert await again.log.database_id() == id
    assert (await again.log.backlog()).rows == 2
    await again.close()


async def test_another_model_on_the_same_database(tmp_path: Path) -> None:
    first, second = network(), plain()
    await (await open_store(url(tmp_path / "a.sqlite"), [first])).close()
    text = await refused(url(tmp_path / "a.sqlite"), first, second, auto_apply=False)
    assert "plain_thing" in text
    assert "gluon db apply" in text
    store = await open_store(url(tmp_path / "a.sqlite"), [first, second])
    desk = Desk(store, second)
    await desk.make("Thing", number=1)
    assert [c.id for c in (await store.log.take("plain", 10)).changes] == [1]
    assert (await store.log.take("net-test", 10)).rows == ()
    await store.close()


async def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    assert "does not exist" in await refused(url(tmp_path / "no" / "a.sqlite"), plain())
    assert "is a folder" in await refused(url(tmp_path), plain())
    assert "/proc/gluon.sqlite" in await refused("sqlite:////proc/gluon.sqlite", plain())
    (tmp_path / "text").write_text("this is not a database, whatever its name says" * 100)
    assert "not an SQLite database" in await refused(url(tmp_path / "text"), plain())


async def test_tables_of_someone_else(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE plain_thing (number INTEGER PRIMARY KEY, tenant_id TEXT, colour TEXT)")
    other.close()
    text = await refused(url(path), plain())
    assert "plain_thing is there, and Gluon did not make it" in text
    left = sqlite3.connect(path)
    assert left.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    left.close()


async def test_a_model_that_grew(tmp_path: Path) -> None:
    await (await open_store(url(tmp_path / "a.sqlite"), [plain()])).close()
    thing: Object = plain().objects[0]
    grown_thing = dataclasses.replace(thing, attributes=(*thing.attributes, attribute("colour", String())))
    grown = dataclasses.replace(plain(), objects=(grown_thing,), order=(grown_thing,))
    assert "add the column colour to plain_thing" in await refused(url(tmp_path / "a.sqlite"), grown, auto_apply=False)
    await (await open_store(url(tmp_path / "a.sqlite"), [grown])).close()
    await (await open_store(url(tmp_path / "a.sqlite"), [plain()], auto_apply=False)).close()


async def test_a_file_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    await (await open_store(url(path), [plain()])).close()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE gluon_meta SET value = '99' WHERE name = 'layout'")
    other.close()
    assert "layout 99" in await refused(url(path), plain())


async def test_a_locked_file(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    await (await open_store(url(path), [plain()])).close()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SettingsError, match="locked by another process"):
            SqliteStore(path, [plain()], busy=0.1)
        other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("connection", ["oracle://u:secret@h/d", "secret", "sqlite://"])
async def test_what_is_no_database_of_ours(connection: str) -> None:
    text = await refused(connection, plain())
    assert "[database] connection" in text
    assert "sqlite:///" in text
    assert "secret" not in text


async def test_a_server_that_is_not_there() -> None:
    text = await refused("postgresql://u:secret@127.0.0.1:1/d", plain())
    assert "postgresql://u@127.0.0.1:1/d: cannot be reached" in text
    assert "refused" in text
    assert "secret" not in text


async def test_two_protons_that_need_one_table(tmp_path: Path) -> None:
    thing = obj("Thing", Role.PLAIN, base(), proton="a-b")
    other = obj("BThing", Role.PLAIN, base(), proton="a")
    protons = [Proton(o.proton, "1.0", Info(o.proton, "1.0"), (o,), (o,)) for o in (thing, other)]
    text = await refused(url(tmp_path / "a.sqlite"), *protons)
    assert "a_b_thing" in text
    assert "'a-b' and 'a'" in text


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    proton = network()
    store = await open_store(url(tmp_path / "a.sqlite"), [proton])
    peer = proton.by_name["Peer"]
    await store.close()
    await store.close()
    for call in (
        lambda: store.get(peer, "x"),
        lambda: store.page(peer, Query({}, 1)),
        lambda: store.write(lambda tx: tx.get(peer, "x")),
        lambda: store.log.take(proton.name, 1),
        store.log.backlog,
        store.ready,
    ):
        with pytest.raises(Unavailable, match="closed, for the server is stopping"):
            await call()
