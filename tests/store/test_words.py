# SPDX-License-Identifier: Apache-2.0
"""Attributes may have names that a database keeps for itself, or that statements have for their own parameters."""

from __future__ import annotations

import pytest

from gluon.model.schema import Info, Proton, Role
from gluon.model.types import Enum, List, Reference, String, Uuid
from gluon.particle.quoting import RESERVED
from gluon.particle.tables import sql, tables
from gluon.store.contract import Query
from gluon.store.opening import open_store

from .conftest import Desk
from .models import attribute, base, obj

_COMMON = ("order", "group", "select", "user", "table", "index", "desc", "default", "Key", "KEY")
_PARAMETERS = ("key", "c0", "c1", "c2", "id0", "after", "limit", "owner", "position", "value", "target", "least", "most")
_WORDS = tuple(dict.fromkeys((*_COMMON, *_PARAMETERS, *sorted(frozenset().union(*RESERVED.values())))))


def words() -> Proton:
    """An object with an attribute of each of these names; one is unique, some are lists that have tables of their own."""
    first, *others = _WORDS
    attributes = [
        attribute(first, String(64), unique=True),
        *(attribute(word, Enum(("one", "two"))) for word in others),
        attribute("offsets", List(String(20), unique=True)),
        attribute("lateral_of", Reference(("Order",), Uuid())),
    ]
    order = obj("Order", Role.PLAIN, [*base(), *attributes])
    return Proton(order.proton, "1.0", Info(order.proton, "1.0"), (order,), (order,))


async def test_any_word_names_an_attribute(connection: str) -> None:
    proton = words()
    store = await open_store(connection, [proton], auto_apply=True)
    desk = Desk(store, proton)
    given = dict.fromkeys(_WORDS, "one")
    id = (await desk.new("Order", **given, offsets=["a"]))["id"]
    assert (await desk.get("Order", id) or {}).items() >= given.items()
    changed = {**dict.fromkeys(_WORDS, "two"), "lateral_of": id, "offsets": ["b"]}
    await desk.change("Order", id, **changed)
    assert (await desk.get("Order", id) or {}).items() >= changed.items()
    for word in _WORDS:
        query = Query({word: "two"}, 10, after="0")
        assert [found["id"] for found in await store.page(proton.by_name["Order"], query)] == [id], word
    await store.close()
    await (await open_store(connection, [proton], auto_apply=False)).close()


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"])
def test_statements_that_are_printed_have_quotes(database: str) -> None:
    printed = "\n".join(sql(tables(words()), database))
    for word in RESERVED[database]:
        assert f'"{word}" ' in printed or f"`{word}` " in printed
