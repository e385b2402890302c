# SPDX-License-Identifier: Apache-2.0
"""Create, show, list, change and delete, as a client sees it."""

import uuid

import pytest

from tests.server.conftest import L3VPN, TENANT, THINGS

PORTS = f"{L3VPN}/ports"


@pytest.fixture
async def port(call):
    made = await call("POST", PORTS, {"tenant_id": TENANT, "name": "web"})
    assert made.status == 201
    return made.json()


async def test_create_says_where_and_at_which_revision(call):
    made = await call("POST", PORTS, {"tenant_id": TENANT, "mac_address": "FA-16-3E-00-00-01"})
    port = made.json()
    assert made.status == 201
    assert made.headers["location"] == f"{PORTS}/{port['id']}"
    assert made.headers["etag"] == '"1"'
    assert port["mac_address"] == "fa:16:3e:00:00:01"
    shown = await call("GET", made.headers["location"])
    assert (shown.status, shown.json(), shown.headers["etag"]) == (200, port, '"1"')
    assert shown.headers["content-type"] == "application/json"
    assert not {"generation", "incarnation", "binding_id"} & port.keys()


async def test_an_id_may_be_given_once(call):
    id = str(uuid.uuid4())
    assert (await call("POST", PORTS, {"tenant_id": TENANT, "id": id})).json()["id"] == id
    problem = (await call("POST", PORTS, {"tenant_id": TENANT, "id": id})).problem(409)
    assert id in problem["detail"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_change_what_is_named(call, port, method):
    at = f"{PORTS}/{port['id']}"
    changed = await call(method, at, {"name": "db", "mtu": 9000})
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert changed.json() == {**port, "name": "db", "mtu": 9000, "revision": 2, "updated_at": changed.json()["updated_at"]}
    assert (await call(method, at, {"name": None})).json()["name"] is None


async def test_delete(call, port):
    at = f"{PORTS}/{port['id']}"
    gone = await call("DELETE", at)
    assert (gone.status, gone.body) == (204, b"")
    assert "content-length" not in gone.headers and "content-type" not in gone.headers
    for method in ("GET", "DELETE", "HEAD"):
        assert (await call(method, at)).status == 404
    assert (await call("PATCH", at, {"name": "x"})).status == 404


async def test_head_is_get_without_a_body(call, port):
    at = f"{PORTS}/{port['id']}"
    got, head = await call("GET", at), await call("HEAD", at)
    kept = ("etag", "content-type", "content-length")
    assert (head.status, head.body) == (200, b"")
    assert [head.headers[name] for name in kept] == [got.headers[name] for name in kept]


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        (PORTS, "GET, HEAD, OPTIONS, POST"),
        (f"{PORTS}/1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        (f"{PORTS}/1/interfaces", "GET, HEAD, OPTIONS, POST"),
        (L3VPN, "GET, HEAD, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ],
)
async def test_methods(call, path, allow):
    options = await call("OPTIONS", path)
    assert (options.status, options.headers["allow"]) == (204, allow)
    refused = await call("TRACE", path)
    refused.problem(405)
    assert refused.headers["allow"] == allow


async def test_a_slash_at_the_end_is_not_seen(call, port):
    assert (await call("GET", f"{PORTS}/")).json() == {"ports": [port]}
    assert (await call("GET", f"{PORTS}/{port['id']}/")).json() == port


@pytest.mark.parametrize("label", ["a/b", "100% é", "..", ".", "x?y#z", "a b", "{id}", "%2F", "x;y=1,2", "+"])
async def test_identifiers_of_any_text(call, label):
    made = await call("POST", f"{THINGS}/things", {"label": label})
    at = made.headers["location"]
    assert made.status == 201 and at.count("/") == f"{THINGS}/things/x".count("/")
    assert (await call("GET", at)).json()["label"] == label
    assert (await call("PATCH", at, {"size": 3})).json()["size"] == 3
    assert (await call("DELETE", at)).status == 204


async def test_identifiers_that_are_numbers(call):
    await call("POST", f"{THINGS}/things", {"label": "x"})
    made = await call("POST", f"{THINGS}/sensors", {"number": -7, "thing": "x"})
    assert made.headers["location"] == f"{THINGS}/sensors/-7"
    assert (await call("GET", f"{THINGS}/sensors/-7")).json()["number"] == -7
    for text in ("x", "-07", "7.0", "9" * 30, "%2B7", "-7%20"):
        (await call("GET", f"{THINGS}/sensors/{text}")).problem(404)


async def test_conditional_reads(call, port):
    at = f"{PORTS}/{port['id']}"
    for known in ('"1"', 'W/"1"', "*", '"7", "1"'):
        same = await call("GET", at, headers={"If-None-Match": known})
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", '"1"')
    assert (await call("GET", at, headers={"If-None-Match": '"2"'})).status == 200
    assert (await call("GET", at, headers={"If-Match": '"1"'})).status == 200
    (await call("GET", at, headers={"If-Match": '"2"'})).problem(412)


async def test_conditional_changes(call, port):
    at = f"{PORTS}/{port['id']}"
    for stale in ('"2"', 'W/"1"', "1", '"2", "3"', '"0"', '"x"'):
        for method, values in (("PUT", {"mtu": 1400}), ("PATCH", {"mtu": 1400}), ("DELETE", None)):
            (await call(method, at, values, headers={"If-Match": stale})).problem(412)
    assert (await call("PATCH", at, {"mtu": 1400}, headers={"If-Match": '"1"'})).status == 200
    assert (await call("PATCH", at, {"mtu": 1401}, headers={"If-Match": '"9", "2"'})).status == 200
    assert (await call("PATCH", at, {"mtu": 1402}, headers={"If-Match": "*"})).json()["revision"] == 4
    assert (await call("DELETE", at, headers={"If-Match": '"4"'})).status == 204
    for known in ("*", '"4"', '"4", "5"'):
        (await call("DELETE", at, headers={"If-Match": known})).problem(404)


async def test_project_id_is_tenant_id(call):
    made = (await call("POST", PORTS, {"project_id": TENANT})).json()
    assert made["tenant_id"] == TENANT and "project_id" not in made
    assert len((await call("GET", f"{PORTS}?project_id={TENANT}")).json()["ports"]) == 1
    assert (await call("GET", f"{PORTS}?project_id=other")).json() == {"ports": []}
    (await call("GET", f"{PORTS}?project_id={TENANT}&tenant_id={TENANT}")).problem(400)


async def test_what_is_written_only_is_never_shown(call):
    values = {
        "name": "edge",
        "tenant_id": TENANT,
        "local_ip_address": "10.0.0.1",
        "peer_ip_address": "10.0.0.2",
        "as_number": 65000,
        "password": "hunter2",
    }
    made = await call("POST", f"{L3VPN}/bgppeerings", values)
    assert made.status == 201
    listed = await call("GET", f"{L3VPN}/bgppeerings")
    shown = await call("GET", made.headers["location"])
    changed = await call("PATCH", made.headers["location"], {"password": "hunter3"})
    for answer in (made, listed, shown, changed):
        assert b"hunter" not in answer.body and b"password" not in answer.body
    (await call("GET", f"{L3VPN}/bgppeerings?password=hunter3")).problem(400)
