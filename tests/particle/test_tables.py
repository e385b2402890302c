# SPDX-License-Identifier: Apache-2.0
"""The SQL tables of a Proton."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.model.schema import Info, Object, Proton, Role
from gluon.model.types import Integer, List, String, Uuid
from gluon.particle.naming import Names, bound, snake
from gluon.particle.systables import system_tables
from gluon.particle.tables import SYSTEM_TABLES, sql, tables

from ..store.models import attribute, network, obj, plain, reference

DIALECTS = ("sqlite", "postgresql", "mariadb")


def proton(*objects: Object, name: str = "net-test") -> Proton:
    return Proton(name, "1.0", Info(name, "1.0"), objects, objects)


def thing(name: str, *attributes: Any, **more: Any) -> Object:
    return obj(name, Role.PLAIN, [attribute("id", Uuid(), generate=True), *attributes], **more)


def indexes(table: sa.Table, *, unique: bool) -> set[tuple[str, ...]]:
    return {tuple(c.key for c in i.columns) for i in table.indexes if bool(i.unique) is unique}


def pointed(table: sa.Table) -> dict[str, str]:
    return {fk.parent.key: fk.target_fullname for fk in table.foreign_keys}


@pytest.mark.parametrize(
    ("name", "snaked"),
    [("VPNPort", "vpn_port"), ("BGPPeering", "bgp_peering"), ("net-l3vpn", "net_l3vpn"), ("VpnAfConfig", "vpn_af_config")],
)
def test_snake(name: str, snaked: str) -> None:
    assert snake(name) == snaked


def test_one_table_an_object_with_bookkeeping() -> None:
    made = tables(network()).tables
    port = made["net_test_harbour"]
    assert [c.key for c in port.columns][-6:] == [
        "revision",
        "generation",
        "incarnation",
        "created_at",
        "updated_at",
        "binding_id",
    ]
    assert [c.key for c in port.primary_key] == ["id"]
    assert {c.key for c in port.columns if not c.nullable} == {
        "id",
        "revision",
        "generation",
        "incarnation",
        "created_at",
        "updated_at",
    }
    assert "binding_id" not in made["net_test_quay"].c


def test_keys() -> None:
    made = tables(network()).tables
    assert indexes(made["net_test_harbour"], unique=True) == {("mac_address",)}
    assert indexes(made["net_test_harbour"], unique=False) == {("tenant_id", "id")}
    assert indexes(made["net_test_vpn"], unique=True) == {("vni",)}
    assert indexes(made["net_test_berth"], unique=True) == {("service_id", "ipaddress")}
    assert indexes(made["net_test_berth"], unique=False) == {("tenant_id", "interface_id")}
    assert indexes(made["net_test_peer"], unique=False) == {("tenant_id", "id"), ("vpn_id",), ("spare_id",), ("next_id",)}


def test_references() -> None:
    made = tables(network()).tables
    assert pointed(made["net_test_quay"]) == {"port_id": "net_test_harbour.id"}
    assert pointed(made["net_test_berth"]) == {"interface_id": "net_test_quay.id"}
    assert pointed(made["net_test_vpn_imports"]) == {"owner": "net_test_vpn.id", "value": "net_test_mark.value"}
    assert pointed(made["net_test_chain_hops_via_id"]) == {"owner": "net_test_chain.id", "value": "net_test_peer.id"}


def test_unique_items() -> None:
    made = tables(network()).tables["net_test_vpn_distinguishers"]
    assert indexes(made, unique=True) == {("value",)}
    assert pointed(made) == {"owner": "net_test_vpn.id"}
    linked = thing("Ring", attribute("others", List(reference("Ring"), unique=True)))
    table = tables(proton(linked)).tables["net_test_ring_others"]
    assert indexes(table, unique=True) == {("value",)}
    assert pointed(table)["value"] == "net_test_ring.id"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_takes_them(dialect: str) -> None:
    for metadata in (tables(network()), tables(plain(ports=True)), system_tables()):
        printed = sql(metadata, dialect)
        assert sum(s.startswith("CREATE TABLE") for s in printed) == len(metadata.tables)
        assert printed == sql(metadata, dialect)
        assert "CHECK" not in "".join(printed)


def test_text_compares_alike_everywhere() -> None:
    printed = "\n".join(sql(tables(network()), "mariadb"))
    assert "utf8mb4_nopad_bin" in printed
    assert "LONGTEXT" in printed
    assert "`order`" in printed


def test_sqlite_makes_them() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in [*sql(tables(network())), *sql(system_tables())]:
        connection.execute(statement)
    connection.close()


def test_circles_of_references() -> None:
    hen = thing("Hen", attribute("egg_id", reference("Egg")))
    egg = thing("Egg", attribute("hen_id", reference("Hen")))
    for dialect in DIALECTS:
        assert "".join(sql(tables(proton(hen, egg)), dialect)).count("FOREIGN KEY") == 2


def test_system_tables_are_what_they_are_called() -> None:
    assert set(system_tables().tables) == set(SYSTEM_TABLES)
    assert "gluon_changes" not in tables(proton(thing("Changes", proton="gluon"), name="gluon")).tables


def test_names_that_would_meet() -> None:
    first = thing("Vpn", attribute("hops", List(reference("Vpn"))), attribute("Hops", String()), attribute("hops_", String()))
    second = thing("VpnHops", attribute("Revision", Integer()))
    third = thing("Vpn_hops")
    made = tables(proton(first, second, third)).tables
    assert len(made) == 4
    assert len({n.lower() for n in made}) == 4
    columns = {c.name.lower() for c in made["net_test_vpn"].columns}
    assert len(columns) == len(made["net_test_vpn"].columns)
    assert "Hops" in made["net_test_vpn"].c


_NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,120}", fullmatch=True)


@given(
    names=st.lists(_NAME, min_size=1, max_size=6, unique=True), attributes=st.lists(_NAME, min_size=1, max_size=6, unique=True)
)
@settings(max_examples=60, deadline=None)
def test_any_names(names: list[str], attributes: list[str]) -> None:
    attributes = [a for a in attributes if a not in ("id", "revision", "generation", "incarnation", "created_at", "updated_at")]
    objects = [
        thing(
            n,
            *(
                attribute(a, List(reference(names[0]))) if i % 2 else attribute(a, reference(names[0]))
                for i, a in enumerate(attributes)
            ),
        )
        for n in names
    ]
    metadata = tables(proton(*objects))
    assert len(metadata.tables) == len(names) * (1 + len(attributes) // 2)
    connection = sqlite3.connect(":memory:")
    for statement in sql(metadata):
        connection.execute(statement)
    connection.close()
    made = [t.name for t in metadata.tables.values()]
    made += [i.name for t in metadata.tables.values() for i in t.indexes]
    made += [c.name for t in metadata.tables.values() for c in (*t.columns, *t.foreign_key_constraints)]
    assert all(len(str(name)) <= 60 for name in made)


@given(st.lists(st.text("aAbB", min_size=1, max_size=80), max_size=20, unique=True))
@settings(max_examples=100, deadline=None)
def test_no_two_names_alike(names: list[str]) -> None:
    allocator = Names(["a"])
    taken = [allocator.take(name) for name in names]
    assert len({name.lower() for name in taken} | {"a"}) == len(names) + 1
    assert all(bound(name) == name for name in taken)


def test_keys_fit_an_index_of_mariadb() -> None:
    limit = 3072
    for metadata in (tables(network()), system_tables()):
        for table in metadata.tables.values():
            for columns in [list(table.primary_key.columns), *(list(i.columns) for i in table.indexes)]:
                assert sum(4 * getattr(c.type, "length", 2) for c in columns) <= limit, (table.name, columns)
