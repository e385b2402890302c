# SPDX-License-Identifier: Apache-2.0
"""Three versions of one Proton over the same tables: what each shows and takes, and that none loses what another knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gluon.model.catalogue import load_catalogue
from gluon.store.opening import open_store
from tests.server.conftest import TENANT

FIRST, SECOND, THIRD = (f"/proton/line/v1.{n}" for n in range(3))
LINE = {"tenant_id": TENANT, "label": "a"}
KNOWN = {
    FIRST: {"bandwidth", "label", "place", "ends"},
    SECOND: {"speed", "label", "protected", "place", "ends"},
    THIRD: {"rate", "label", "protected", "colour", "place", "ends"},
}
COMMON = {"id", "tenant_id", "name", "description", "created_at", "updated_at", "revision"}


@pytest.fixture(scope="module")
def families():
    return load_catalogue([Path(__file__).parent / "versions"], shipped=False)


@pytest.fixture
async def store(tmp_path, families):
    opened = await open_store(f"sqlite:///{tmp_path}/gluon.sqlite", [family.newest for family in families.values()])
    yield opened
    await opened.close()


async def test_each_version_shows_what_it_knows(call):
    made = await call("POST", f"{FIRST}/lines", {**LINE, "bandwidth": 7, "pin": "1234"})
    assert (made.status, made.json()["bandwidth"]) == (201, 7)
    line = made.headers["location"].rpartition("/")[2]
    for version, known in KNOWN.items():
        shown = await call("GET", f"{version}/lines/{line}")
        assert shown.json().keys() == COMMON | known
        assert shown.headers["etag"] == made.headers["etag"]
        assert (await call("GET", f"{version}/lines")).json() == {"lines": [shown.json()]}
    newest = (await call("GET", f"{THIRD}/lines/{line}")).json()
    assert (newest["rate"], newest["protected"], newest["colour"]) == (7, False, None)


async def test_a_change_through_an_older_version_keeps_what_it_does_not_know(call):
    made = (await call("POST", f"{THIRD}/lines", {**LINE, "rate": 9, "protected": True, "colour": "red", "secret": "s"})).json()
    path = f"lines/{made['id']}"
    changed = await call("PATCH", f"{FIRST}/{path}", {"bandwidth": 5, "label": "b"})
    assert (changed.json()["bandwidth"], changed.json()["label"], changed.json()["revision"]) == (5, "b", 2)
    changed = await call("PUT", f"{SECOND}/{path}", {"speed": 6})
    assert changed.json()["speed"] == 6
    now = (await call("GET", f"{THIRD}/{path}")).json()
    assert (now["rate"], now["protected"], now["colour"], now["label"]) == (6, True, "red", "b")
    assert (await call("PATCH", f"{THIRD}/{path}", {"rate": 8})).json()["rate"] == 8
    assert (await call("GET", f"{FIRST}/{path}")).json()["bandwidth"] == 8


async def test_what_is_read_through_an_older_version_can_be_sent_back(call):
    ends = [{"site": "x", "vlan": 1}, {"site": "x", "vlan": 2}, {"site": "y", "vlan": 3}]
    values = {**LINE, "rate": 9, "place": {"street": "s", "floor": 4}, "ends": ends}
    path = f"lines/{(await call('POST', f'{THIRD}/lines', values)).json()['id']}"
    shown = (await call("GET", f"{FIRST}/{path}")).json()
    assert (shown["place"], shown["ends"]) == ({"street": "s"}, [{"site": "x"}, {"site": "x"}, {"site": "y"}])
    assert (await call("PUT", f"{FIRST}/{path}", shown)).json() == shown
    changed = {"place": {"street": "t"}, "ends": [{"site": "y"}, {"site": "z"}, {"site": "x"}]}
    await call("PATCH", f"{FIRST}/{path}", changed)
    now = (await call("GET", f"{THIRD}/{path}")).json()
    assert now["place"] == {"street": "t", "floor": 4}
    assert now["ends"] == [{"site": "y", "vlan": 3}, {"site": "z", "vlan": None}, {"site": "x", "vlan": 1}]


async def test_what_is_created_through_an_older_version_is_whole(call):
    made = await call("POST", f"{FIRST}/lines", {**LINE, "bandwidth": 1, "place": {"street": "s"}, "ends": [{"site": "x"}]})
    assert made.json()["place"] == {"street": "s"}
    now = (await call("GET", f"{THIRD}/lines/{made.json()['id']}")).json()
    assert (now["place"], now["ends"]) == ({"street": "s", "floor": 1}, [{"site": "x", "vlan": None}])


async def test_a_wider_type(call):
    made = (await call("POST", f"{SECOND}/lines", {"tenant_id": TENANT, "speed": 300_000, "label": "x" * 20})).json()
    path = f"lines/{made['id']}"
    assert (await call("GET", f"{FIRST}/{path}")).json()["bandwidth"] == 300_000
    assert (await call("PATCH", f"{FIRST}/{path}", {"bandwidth": 20_000})).pointers(400) == {"/bandwidth"}
    assert (await call("PATCH", f"{FIRST}/{path}", {"bandwidth": 2})).status == 200


async def test_lists_are_filtered_by_each_versions_names(call):
    for label, rate in (("a", 1), ("b", 2), ("c", 2)):
        await call("POST", f"{THIRD}/lines", {**LINE, "label": label, "rate": rate})
    for version, name in ((FIRST, "bandwidth"), (SECOND, "speed"), (THIRD, "rate")):
        page = (await call("GET", f"{version}/lines?{name}=2&limit=1")).json()
        rest = (await call("GET", page["links"][0]["href"])).json()
        assert [len(page["lines"]), len(rest["lines"])] == [1, 1]
        assert {line["label"] for line in (*page["lines"], *rest["lines"])} == {"b", "c"}
    (await call("GET", f"{FIRST}/lines?rate=2")).problem(400)


async def test_a_nested_route_whose_reference_was_renamed(call):
    line = (await call("POST", f"{FIRST}/lines", {**LINE, "bandwidth": 1})).json()["id"]
    note = await call("POST", f"{FIRST}/lines/{line}/notes", {"tenant_id": TENANT, "text": "x"})
    assert (note.status, note.json()["line"]) == (201, line)
    id = note.json()["id"]
    for version, name in ((FIRST, "line"), (THIRD, "about")):
        assert (await call("GET", f"{version}/lines/{line}/notes/{id}")).json()[name] == line
        assert len((await call("GET", f"{version}/lines/{line}/notes?{name}={line}")).json()["notes"]) == 1
        assert (await call("PATCH", f"{version}/lines/{line}/notes/{id}", {"text": version})).status == 200
    (await call("DELETE", f"{SECOND}/lines/{line}")).problem(409)
    assert (await call("DELETE", f"{FIRST}/lines/{line}/notes/{id}")).status == 204


async def test_preconditions_hold_over_versions(call):
    made = await call("POST", f"{FIRST}/lines", {**LINE, "bandwidth": 1})
    path, tag = f"lines/{made.json()['id']}", made.headers["etag"]
    assert (await call("GET", f"{THIRD}/{path}", headers={"If-None-Match": tag})).status == 304
    assert (await call("PATCH", f"{THIRD}/{path}", {"colour": "red"}, headers={"If-Match": tag})).status == 200
    (await call("PATCH", f"{FIRST}/{path}", {"bandwidth": 2}, headers={"If-Match": tag})).problem(412)
    (await call("DELETE", f"{SECOND}/{path}", headers={"If-Match": tag})).problem(412)


async def test_faults_are_told_in_the_versions_own_names(call):
    missing = "00000000-0000-0000-0000-000000000000"
    refused = await call("POST", f"{FIRST}/notes", {"tenant_id": TENANT, "line": missing})
    assert refused.pointers(400) == {"/line"}
    line = (await call("POST", f"{FIRST}/lines", {**LINE, "bandwidth": 1})).json()["id"]
    assert (await call("PATCH", f"{FIRST}/lines/{line}", {"bandwidth": None})).pointers(400) == {"/bandwidth"}
    assert (await call("POST", f"{FIRST}/lines", LINE)).pointers(400) == {"/bandwidth"}
    assert (await call("POST", f"{FIRST}/lines", {**LINE, "bandwidth": 1})).pointers(409) == {"/label"}
    note = (await call("POST", f"{FIRST}/notes", {"tenant_id": TENANT, "line": line})).json()["id"]
    refused = (await call("PATCH", f"{FIRST}/notes/{note}", {"line": missing})).problem(400)
    assert refused["detail"].startswith("line: ")


async def test_each_version_has_its_documents(call, families):
    for version in (FIRST, SECOND, THIRD):
        document = (await call("GET", f"{version}/openapi.json")).json()
        schema = document["components"]["schemas"]["Line"]["properties"]
        assert set(schema) >= KNOWN[version] and not set(schema) & (set.union(*KNOWN.values()) - KNOWN[version])
        assert (await call("GET", f"{version}/commands.json")).json()["version"] == version.rpartition("v")[2]
    versions = (await call("GET", "/proton/line")).json()
    assert versions["default_version"] == "1.2" and len(versions["versions"]) == 3
