# SPDX-License-Identifier: Apache-2.0
"""``include=service_bindings``: ports with what their interfaces are bound to, by role, in each version's own words."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from gluon.model.catalogue import load_catalogue
from gluon.particle.openapi import openapi
from gluon.store.opening import open_store
from tests.particle.validation import errors
from tests.server.conftest import TENANT

MINE = {"tenant_id": TENANT}
INCLUDE = "include=service_bindings"
#: For each Proton: where it is, its ports, interfaces, services and bindings.
WORDS = {
    "net-l3vpn": ("/proton/net-l3vpn/v1.0", "ports", "interfaces", "vpns", "vpnbindings"),
    "renamed": ("/proton/renamed/v2.10", "sockets", "attachments", "overlays", "memberships"),
}
OLD, NEW = "/proton/ship/v1.0", "/proton/ship/v1.1"
CLASH = "/proton/clash/v1.0"


@pytest.fixture(scope="module")
def families():
    here = Path(__file__).parent
    return load_catalogue([here.parent / "models", here / "models", here / "included"])


@pytest.fixture
async def store(tmp_path, families):
    opened = await open_store(f"sqlite:///{tmp_path}/gluon.sqlite", [family.newest for family in families.values()])
    yield opened
    await opened.close()


class Site:
    """Makes and reads the objects of one Proton by their roles."""

    def __init__(self, call, base, ports, interfaces, services, bindings):
        self.call = call
        self.ports, self.interfaces, self.services, self.bindings = (
            f"{base}/{plural}" for plural in (ports, interfaces, services, bindings)
        )
        self.plural = ports

    async def make(self, path, **values):
        made = await self.call("POST", path, {**MINE, **values})
        assert made.status == 201, made.body
        return made.json()

    async def port(self, **values):
        return (await self.make(self.ports, **values))["id"]

    async def interface(self, port, **values):
        return (await self.make(self.interfaces, port_id=port, **values))["id"]

    async def bind(self, interface, service):
        return await self.make(self.bindings, interface_id=interface, service_id=service)

    async def page(self, query):
        return (await self.call("GET", f"{self.ports}?{query}")).json()


@pytest.fixture(params=WORDS)
def there(request, call):
    return Site(call, *WORDS[request.param])


async def test_each_port_has_the_bindings_of_its_interfaces(there):
    service = (await there.make(there.services))["id"]
    bare, port, other = sorted([await there.port() for _ in range(3)])
    first, last = str(uuid.UUID(int=1)), "ffffffff-ffff-4fff-8fff-ffffffffffff"
    for id in (last, first):
        await there.interface(port, id=id)
    await there.interface(bare)
    made = {interface: await there.bind(interface, service) for interface in (last, port, first, other)}
    expected = {bare: [], port: [made[port], made[first], made[last]], other: [made[other]]}

    plain = (await there.page(""))[there.plural]
    assert not any("service_bindings" in record for record in plain)
    whole = [{**record, "service_bindings": expected[record["id"]]} for record in plain]
    assert await there.page(INCLUDE) == {there.plural: whole}
    for record in whole:
        answer = await there.call("GET", f"{there.ports}/{record['id']}?{INCLUDE}")
        assert (answer.status, answer.json()) == (200, record)
    some = await there.page(f"{INCLUDE}&id={bare}&id={other}")
    assert [record["service_bindings"] for record in some[there.plural]] == [[], [made[other]]]


async def test_pages_that_follow_include_the_same(there):
    service = (await there.make(there.services))["id"]
    ports = sorted([await there.port() for _ in range(5)])
    for port in ports:
        await there.bind(port, service)
    seen, target = [], f"{there.ports}?{INCLUDE}&limit=2"
    while target:
        page = (await there.call("GET", target)).json()
        seen += [binding["interface_id"] for record in page[there.plural] for binding in record["service_bindings"]]
        target = page.get("links", [{"href": None}])[0]["href"]
    assert seen == ports


async def test_a_page_costs_one_look_up_more(there, store):
    """However many ports are on it. (The statements are counted where SQLite runs them.)"""
    service = (await there.make(there.services))["id"]
    for _ in range(20):
        await there.bind(await there.port(), service)
    ran = []
    reader = store._readers[0]
    reader._connection.set_trace_callback(ran.append)
    await there.page("limit=20")
    plain = len(ran)
    ran.clear()
    await there.page(f"{INCLUDE}&limit=20")
    assert len(ran) == plain + 1
    reader._connection.set_trace_callback(None)


async def test_a_port_with_its_bindings_has_no_etag(there):
    port = await there.port()
    target = f"{there.ports}/{port}"
    etag = (await there.call("GET", target)).headers["etag"]
    answer = await there.call("GET", f"{target}?{INCLUDE}", headers={"If-None-Match": etag})
    assert answer.status == 200 and "etag" not in answer.headers
    (await there.call("GET", f"{target}?{INCLUDE}", headers={"If-Match": '"9"'})).problem(412)
    assert (await there.call("GET", f"{target}?{INCLUDE}", headers={"If-Match": etag})).status == 200
    assert (await there.call("GET", f"{target}?other=x", headers={"If-None-Match": etag})).status == 304


@pytest.mark.parametrize(
    "query", ["include=", "include=ports", "include=service_bindings&include=x", "include=service_bindings,x"]
)
async def test_what_cannot_be_included(there, query):
    port = await there.port()
    for target in (there.ports, f"{there.ports}/{port}"):
        detail = (await there.call("GET", f"{target}?{query}")).problem(400)["detail"]
        assert detail.startswith("include: ") and detail.endswith("cannot be included; there is: service_bindings")


async def test_the_answer_to_a_change_includes_them(there):
    service = (await there.make(there.services))["id"]
    made = await there.call("POST", f"{there.ports}?{INCLUDE}", MINE)
    id = made.json()["id"]
    plain = await there.call("GET", f"{there.ports}/{id}")
    assert (made.status, made.headers["location"]) == (201, f"{there.ports}/{id}") and "etag" not in made.headers
    assert made.json() == {**plain.json(), "service_bindings": []}
    binding = await there.bind(id, service)
    for method in ("PATCH", "PUT"):
        changed = await there.call(method, f"{there.ports}/{id}?{INCLUDE}", {"name": method})
        plain = (await there.call("GET", f"{there.ports}/{id}")).json()
        assert (changed.status, changed.json()) == (200, {**plain, "service_bindings": [binding]})
        assert plain["name"] == method and "etag" not in changed.headers
    stale = await there.call("PATCH", f"{there.ports}/{id}?{INCLUDE}", {"name": "x"}, headers={"If-Match": '"1"'})
    stale.problem(412)
    await there.call("DELETE", f"{there.bindings}/{id}")
    where = {"host_id": "h", "device_id": "d"}
    asked = await there.call("PATCH", f"{there.ports}/{id}?{INCLUDE}", where, headers={"Prefer": "wait=0"})
    assert (asked.status, asked.json()["binding_state"], asked.json()["service_bindings"]) == (202, "BINDING", [])


@pytest.mark.parametrize("query", ["include=", "include=ports"])
async def test_a_change_that_includes_what_there_is_not_is_not_made(there, query):
    id = await there.port(name="before")
    before = await there.page("")
    for method, target in (("POST", there.ports), ("PATCH", f"{there.ports}/{id}"), ("PUT", f"{there.ports}/{id}")):
        detail = (await there.call(method, f"{target}?{query}", {**MINE, "name": "after"})).problem(400)["detail"]
        assert detail.endswith("cannot be included; there is: service_bindings")
    assert await there.page("") == before


async def test_only_ports_include_anything(there):
    for path in (there.interfaces, there.services, there.bindings):
        detail = (await there.call("GET", f"{path}?{INCLUDE}")).problem(400)["detail"]
        assert "cannot be filtered by 'include'" in detail
    (await there.call("GET", f"{there.ports}/{uuid.uuid4()}?{INCLUDE}")).problem(404)


async def test_a_proton_without_such_objects(call):
    plugs = "/proton/things/v2.0/plugs"
    made = (await call("POST", plugs, MINE)).json()
    whole = {**made, "service_bindings": []}
    assert (await call("GET", f"{plugs}?{INCLUDE}")).json() == {"plugs": [whole]}
    assert (await call("GET", f"{plugs}/{made['id']}?{INCLUDE}&{INCLUDE}")).json() == whole


async def test_each_version_includes_what_it_knows_in_its_own_words(call):
    new = Site(call, NEW, "ships", "ropes", "harbours", "knots")
    harbour = (await new.make(new.services))["id"]
    ship = await new.port()
    rope = await new.interface(ship)
    await new.make(f"{NEW}/knots", interface_id=ship, service_id=harbour, windings=3, word="heave")
    await new.make(f"{NEW}/chains", interface_id=rope, service_id=harbour, links=9)
    kinds = ("knots", ship), ("chains", rope)
    knot, chain = [(await call("GET", f"{NEW}/{plural}/{id}")).json() for plural, id in kinds]
    assert (await new.page(INCLUDE))["ships"][0]["service_bindings"] == [knot, chain]
    assert (knot["windings"], chain["links"], "word" in knot) == (3, 9, False)
    old = (await call("GET", f"{OLD}/ships/{ship}?{INCLUDE}")).json()["service_bindings"]
    assert old == [(await call("GET", f"{OLD}/knots/{ship}")).json()]
    assert old[0]["turns"] == 3


async def test_a_model_that_calls_something_else_so(call):
    made = (await call("POST", f"{CLASH}/ports", {**MINE, "service_bindings": 7, "include": "x"})).json()
    assert (await call("GET", f"{CLASH}/ports?service_bindings=7")).json() == {"ports": [made]}
    for target in (f"{CLASH}/ports", f"{CLASH}/ports/{made['id']}"):
        detail = (await call("GET", f"{target}?{INCLUDE}")).problem(400)["detail"]
        assert detail.endswith("service_bindings is an attribute of its own here, so nothing can be included")
    other = (await call("POST", f"{CLASH}/others", {**MINE, "include": "x"})).json()
    assert (await call("GET", f"{CLASH}/others?include=x")).json() == {"others": [other]}


async def test_what_is_sent_back_is_refused_with_the_member(there):
    port = await there.port()
    whole = (await there.call("GET", f"{there.ports}/{port}?{INCLUDE}")).json()
    assert (await there.call("PUT", f"{there.ports}/{port}", whole)).pointers(400) == {"/service_bindings"}
    del whole["service_bindings"]
    assert (await there.call("PUT", f"{there.ports}/{port}", whole)).status == 200


async def test_the_document_describes_it(there, families, call):
    service = (await there.make(there.services))["id"]
    await there.bind(await there.port(), service)
    for name, version, plural in (("net-l3vpn", "1.0", "ports"), ("renamed", "2.10", "sockets"), ("things", "2.0", "plugs")):
        proton = families[name].versions[version]
        document = openapi(proton)
        base = f"/proton/{name}/v{version}/{plural}"
        for path in (base, f"{base}/{{id}}"):
            for operation in (o for method, o in document["paths"][path].items() if method in ("get", "post", "put", "patch")):
                (include,) = [p for p in operation["parameters"] if p.get("name") == "include"]
                assert include["schema"]["items"]["enum"] == ["service_bindings"] and include["explode"]
        schema = document["components"]["schemas"][f"{proton.port.name}.Page"]
        page = (await call("GET", f"{base}?{INCLUDE}")).json()
        assert list(errors(schema, page, document)) == []
    clash = openapi(families["clash"].newest)["paths"][f"{CLASH}/ports"]["get"]["parameters"]
    assert "include" not in [p.get("name") for p in clash]
