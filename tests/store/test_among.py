# SPDX-License-Identifier: Apache-2.0
"""Pages of objects whose attributes are each one of several values: the same on every database, and with the help of indexes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from gluon.errors import Invalid
from gluon.model.schema import Info, Proton, Role
from gluon.model.types import Boolean, Enum, Integer, List, Number, Reference, String, Type, Uuid
from gluon.settings import Database
from gluon.store.conditions import packed
from gluon.store.contract import Query, Store, Tx
from gluon.store.mariadb.literals import literal
from gluon.store.opening import database_url, driver_of, open_session, open_store
from gluon.store.plans import Plans

from .conftest import Desk
from .models import attribute, obj

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_UUID = st.uuids().map(str)
#: For each attribute its type and the values that it may have beside null.
_KINDS: dict[str, tuple[Type, st.SearchStrategy[Any]]] = {
    "text": (String(16), st.sampled_from(["", "a", "A", "a ", "%", "\\", "'", '"', "é", "😀"]) | _TEXT),
    "small": (Integer(), st.integers(-(2**31), 2**31 - 1)),
    "large": (Integer("int64", -(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1)),
    "weight": (Number(), st.floats(allow_nan=False, allow_infinity=False)),
    "yes": (Boolean(), st.booleans()),
    "word": (Enum(("on", "off")), st.sampled_from(["on", "off"])),
    "peer": (Reference(("Thing",), Integer("int64", -(2**63), 2**63 - 1)), st.none()),
    "key": (Uuid(), _UUID),
    "parts": (List(String(8)), st.lists(_TEXT, max_size=2)),
}
_RECORDS = st.lists(st.fixed_dictionaries({name: st.none() | kind[1] for name, kind in _KINDS.items()}), max_size=8)


def things() -> Proton:
    attributes = [
        attribute("number", Integer("int64", -(2**63), 2**63 - 1), required=True),
        *(attribute(name, type) for name, (type, _) in _KINDS.items()),
    ]
    thing = obj("Thing", Role.PLAIN, attributes, proton="any-of", identifier="number")
    return Proton("any-of", "1.0", Info("any-of", "1.0"), (thing,), (thing,))


@st.composite
def _cases(draw: Any) -> tuple[list[dict[str, Any]], Query]:
    """Some records, and a page of them that asks for values of theirs and for others."""
    records = draw(_RECORDS)
    where, among = {}, {}
    for name in draw(st.lists(st.sampled_from(sorted(_KINDS)), max_size=3, unique=True)):
        values = st.sampled_from([None, *(r[name] for r in records)]) | st.none() | _KINDS[name][1]
        if draw(st.booleans()):
            among[name] = draw(st.lists(values, max_size=20))
        if draw(st.integers(0, 3)) == 0:
            where[name] = draw(values)
    if draw(st.booleans()):
        among["number"] = draw(st.lists(st.none() | st.integers(-1, 10), max_size=20))
    return records, Query(where, draw(st.integers(1, 9)), draw(st.none() | st.integers(-1, 9)), among)


def _expected(records: list[dict[str, Any]], query: Query) -> list[int]:
    """The numbers that the page holds."""
    found = [
        number
        for number, record in enumerate(records)
        if all(record[name] == value for name, value in query.where.items())
        and all({**record, "number": number}[name] in values for name, values in query.among.items())
        and (query.after is None or number > query.after)
    ]
    return found[: query.limit]


def test_a_page_holds_what_equals_one_of_the_values(connection: str) -> None:
    proton = things()
    thing = proton.by_name["Thing"]
    with asyncio.Runner() as runner:
        store = runner.run(open_store(connection, [proton], auto_apply=True))
        desk = Desk(store, proton)

        async def numbers(records: list[dict[str, Any]], query: Query) -> list[int]:
            """What a unit of work reads after it has written the records, none of which stays."""

            async def work(tx: Tx) -> None:
                for number, record in enumerate(records):
                    await desk.objects.create(tx, thing, {"number": number, **record}, binding_id="")
                    # Null at creation means the default, of which there is none here.
                raise _Read([record["number"] for record in await tx.page(thing, query)])

            with pytest.raises(_Read) as read:
                await store.write(work)
            return read.value.numbers

        @given(_cases())
        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        def check(case: tuple[list[dict[str, Any]], Query]) -> None:
            assert runner.run(numbers(*case)) == _expected(*case)

        check()
        runner.run(store.close())


class _Read(Exception):
    def __init__(self, numbers: list[int]) -> None:
        super().__init__()
        self.numbers = numbers


async def test_pages_of_several_values_follow_one_another(desk: Desk) -> None:
    peer = desk.proton.by_name["Peer"]
    made = sorted([(await desk.new("Peer", as_number=n % 3 + 1))["id"] for n in range(30)])
    wanted = [*made[::2], "00000000-0000-4000-8000-000000000000"]
    seen: list[str] = []
    after = None
    while page := await desk.store.page(peer, Query({}, 4, after, {"id": wanted, "as_number": [1, 2, 3, None]})):
        seen += [record["id"] for record in page]
        after = seen[-1]
    assert seen == made[::2]


async def test_values_that_no_database_holds_among_others(store: Store, proton: Proton) -> None:
    for kind, name, value in (("Mark", "note", "\ud800"), ("Harbour", "mtu", 2**70)):
        with pytest.raises(Invalid):
            await store.page(proton.by_name[kind], Query({}, 1, among={name: [value, None]}))


async def test_statements_do_not_grow_with_the_values(connection: str, proton: Proton) -> None:
    plans = Plans([proton], _dialect(connection))
    plan = plans.of[proton.by_name["Harbour"]]
    made = {plan.paged(Query({}, 1, among={"id": list("abcdefghij")[:n], "name": ["x"] * n}))[0].sql for n in range(10)}
    assert len(made) == 1
    with_null = plan.paged(Query({}, 1, among={"id": ["a", None], "name": ["x", None]}))[0]
    assert " OR " in with_null.sql and with_null.sql.count("IS NULL") == 1


async def test_many_identifiers_are_looked_up_in_the_index(connection: str, desk: Desk) -> None:
    mark = desk.proton.by_name["Mark"]
    names = [f"mark-{n:05}" for n in range(3000)]
    await asyncio.gather(*(desk.make("Mark", value=name, group="both") for name in names))
    wanted = names[::3]
    assert [r["value"] for r in await desk.store.page(mark, Query({}, 2000, among={"value": wanted}))] == wanted
    dialect = _dialect(connection)
    statement, values = Plans([desk.proton], dialect).of[mark].paged(Query({}, 50, among={"value": names[::100]}))
    async with open_session(Database(connection=connection)) as session:
        if session.name != "sqlite":
            await session.connection.fetch({"postgresql": "ANALYZE", "mariadb": "ANALYZE TABLE net_test_mark"}[session.name])
        explain = "EXPLAIN QUERY PLAN " if session.name == "sqlite" else "EXPLAIN "
        found = await session.connection.fetch(explain + statement.sql, statement.bind(values))
    text = "\n".join(" ".join(map(str, row)) for row in found)
    assert {
        "sqlite": "SEARCH net_test_mark USING INDEX",
        "postgresql": "Index Scan using net_test_mark_pkey",
        "mariadb": "range PRIMARY",
    }[session.name] in text, text


def _dialect(connection: str) -> sa.Dialect:
    if connection.startswith("sqlite"):
        return sqlite.dialect(paramstyle="qmark")
    return driver_of(database_url(connection), Database()).dialect


def test_no_value_at_all_is_a_statement_too() -> None:
    assert literal(()) == "(NULL)"
    assert literal(("a'b", 1, True, 0.5)) == "('a''b',1,1,0.5e0)"
    assert packed([], sqlite.dialect()) == "[]"
