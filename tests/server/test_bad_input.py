# SPDX-License-Identifier: Apache-2.0
"""What clients should not send: a 4xx problem that names what is wrong, and nothing half made."""

import json

import pytest

from tests.server.conftest import L3VPN, TENANT, THINGS

PORTS = f"{L3VPN}/ports"
INTERFACES = f"{L3VPN}/interfaces"
VPNS = f"{L3VPN}/vpns"
NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
async def port(call):
    return (await call("POST", PORTS, {"tenant_id": TENANT})).json()


async def refused(call, path, body, status=400, method="POST", **more):
    """The problem with which a body is refused; what was there before is there afterwards, and no more."""
    before = [(await call("GET", at)).body for at in (PORTS, INTERFACES, VPNS)]
    answer = await call(method, path, body=body if isinstance(body, bytes) else json.dumps(body).encode(), **more)
    problem = answer.problem(status)
    assert problem["detail"]
    assert [(await call("GET", at)).body for at in (PORTS, INTERFACES, VPNS)] == before
    return {error["pointer"] for error in problem["errors"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a":}',
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{} {}",
        b"\xff",
        b'{"name": "\xff"}',
        b"{'a': 1}",
        b"\x00",
        b"\xef\xbb\xbf{}",
    ],
)
async def test_what_is_not_a_json_object(call, port, body):
    assert await refused(call, PORTS, body) == {""}
    assert await refused(call, f"{PORTS}/{port['id']}", body, method="PATCH") == {""}


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=utf-16", ""])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_wrong_content_types(call, port, kind, method):
    path = PORTS if method == "POST" else f"{PORTS}/{port['id']}"
    await refused(call, path, {"tenant_id": TENANT}, 415, method, headers={"Content-Type": kind})


async def test_content_types_that_are_json(call, port):
    for kind in ("application/json; charset=UTF-8", "APPLICATION/JSON"):
        assert (await call("POST", PORTS, {"tenant_id": TENANT}, headers={"Content-Type": kind})).status == 201
    merge = {"Content-Type": "application/merge-patch+json"}
    assert (await call("PATCH", f"{PORTS}/{port['id']}", {"mtu": 1400}, headers=merge)).status == 200


@pytest.mark.parametrize("text", [r'"\u0000"', '"\0"', r'"a\u0000b"', r'"\ud800"', r'"\udc00x"', r'"\ud800\ud800"'])
async def test_nul_and_lone_surrogates(call, port, text):
    for name in ("name", "device_id"):
        body = f'{{"tenant_id": "{TENANT}", "{name}": {text}}}'.encode()
        assert await refused(call, PORTS, body) <= {f"/{name}", ""}
    await refused(call, PORTS, f'{{"tenant_id": "{TENANT}", {text}: 1}}'.encode())
    await refused(call, f"{PORTS}/{port['id']}", f'{{"profile": {{"a": [{text}]}}}}'.encode(), method="PATCH")


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1), "9" * 5000, "1e400", "NaN", "Infinity", "-Infinity"])
async def test_numbers_that_nothing_can_hold(call, number):
    for name, value in (("mtu", number), ("profile", f'{{"x": {number}}}')):
        pointers = await refused(call, PORTS, f'{{"tenant_id": "{TENANT}", "{name}": {value}}}'.encode())
        assert all(pointer.startswith(f"/{name}") or pointer == "" for pointer in pointers)
    (await call("POST", f"{THINGS}/things", body=f'{{"label": "x", "size": {number}}}'.encode())).problem(400)


@pytest.mark.parametrize("value", ["1.5", "2147483648", "true", '"1500"', "null", "[]", "{}", "67"])
async def test_values_of_another_type_or_out_of_range(call, value):
    body = f'{{"tenant_id": "{TENANT}", "mtu": {value}, "admin_state_up": 1}}'.encode()
    assert await refused(call, PORTS, body) >= {"/admin_state_up"}


async def test_names_given_twice(call):
    assert await refused(call, PORTS, f'{{"tenant_id": "{TENANT}", "name": "a", "name": "a"}}'.encode()) == {"/name"}
    twice = f'{{"tenant_id": "{TENANT}", "profile": {{"a": 1, "a": 2}}}}'.encode()
    assert await refused(call, PORTS, twice) == {"/profile/a"}


@pytest.mark.parametrize("declared", [True, False])
async def test_bodies_of_ten_megabytes(call, declared):
    big = json.dumps({"tenant_id": TENANT, "name": "x" * 10_000_000}).encode()
    if declared:
        await refused(call, PORTS, big, 413)
    else:
        chunks = [big[i : i + 65536] for i in range(0, len(big), 65536)]
        (await call("POST", PORTS, chunks=chunks)).problem(413)
    (await call("PATCH", f"{PORTS}/{NOBODY}", body=big)).problem(413)


async def test_a_value_over_a_mebibyte(call):
    big = {"tenant_id": TENANT, "profile": {"x": "y" * (2**20 + 1)}}
    assert await refused(call, PORTS, big, 413) == {"/profile"}


@pytest.mark.parametrize("depth", [101, 1000, 100_000])
async def test_deep_nesting(call, port, depth):
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        value = opening * depth + "1" + closing * depth
        body = f'{{"tenant_id": "{TENANT}", "profile": {value}}}'.encode()
        for where in (
            *await refused(call, PORTS, body),
            *await refused(call, f"{PORTS}/{port['id']}", body, method="PATCH"),
        ):
            assert where.startswith("/profile")
        await refused(call, PORTS, value.encode())


async def test_every_fault_is_named_at_once(call):
    values = {"nmae": "x", "mac_address": "zz", "mtu": "1500", "status": "UP", "profile": [], "id": "1", "binding_state": 7}
    found = await refused(call, PORTS, values)
    assert found == {*(f"/{name}" for name in values), "/tenant_id"}


async def test_unknown_attributes_with_a_hint(call, port):
    problem = (await call("POST", PORTS, {"tenant_id": TENANT, "nmae": "x"})).problem(400)
    assert "name" in problem["errors"][0]["detail"]
    for name in ("generation", "incarnation", "binding_id"):
        assert await refused(call, f"{PORTS}/{port['id']}", {name: 1}, method="PATCH") == {f"/{name}"}


async def test_what_the_server_keeps_may_be_repeated_and_not_changed(call, port):
    at = f"{PORTS}/{port['id']}"
    changed = await call("PUT", at, {**port, "name": "other"})
    assert (changed.status, changed.json()["name"], changed.json()["revision"]) == (200, "other", 2)
    assert (await call("PUT", at, changed.json())).json() == changed.json()
    kept = {name: changed.json()[name] for name in ("created_at", "updated_at", "revision", "binding_state", "binding_reason")}
    for spelling in ("created_at", "updated_at"):
        kept[spelling] = kept[spelling].replace("Z", "+00:00")
    assert (await call("PATCH", at, kept)).status == 200
    others = {
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": None,
        "revision": 1,
        "binding_state": "BOUND",
        "binding_reason": "because",
        "binding_controller": "mine",
    }
    assert await refused(call, at, {**changed.json(), **others}, method="PUT") == {f"/{name}" for name in others}
    for name, wrong in (("revision", "2"), ("revision", 2**63), ("created_at", "today"), ("updated_at", 7)):
        assert await refused(call, at, {name: wrong}, method="PATCH") == {f"/{name}"}
    assert (await call("GET", at)).json() == changed.json()


async def test_what_the_server_keeps_is_not_given_at_creation(call):
    given = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "revision": 1, "binding_state": "BOUND"}
    assert await refused(call, PORTS, {"tenant_id": TENANT, **given}) == {f"/{name}" for name in given}
    made = await call("POST", PORTS, {"tenant_id": TENANT, **dict.fromkeys(given), "binding_state": "UNBOUND"})
    assert made.status == 201 and made.json()["revision"] == 1 and made.json()["created_at"]


SECRETS = ["hunter2" * 100, 7, ["hunter2"], {"hunter2": "hunter2"}, "hunter2\0", "hunter2\ud800", 1.5, True]


@pytest.mark.parametrize("secret", SECRETS)
async def test_a_secret_is_never_repeated(call, secret, caplog, capfd):
    """Not where it is wrong, not where something else is, not in the log."""
    body = json.dumps({"tenant_id": TENANT, "password": secret, "as_number": "hunter2"}).encode()
    for broken in (body, body + b"x", body.replace(b'"tenant_id"', b'"password"')):
        answer = await call("POST", f"{L3VPN}/bgppeerings", body=broken)
        assert answer.status == 400 and b"hunter2" not in answer.body
    assert "hunter2" not in caplog.text and "hunter2" not in "".join(capfd.readouterr())


async def test_a_secret_that_is_taken_already_is_not_repeated(call):
    key = {"label": "a", "secret": "hunter2"}
    assert (await call("POST", f"{THINGS}/keys", key)).status == 201
    answer = await call("POST", f"{THINGS}/keys", {**key, "label": "b"})
    assert b"hunter2" not in answer.body and answer.pointers(409) == {"/secret"}
    for name, secret in (
        ("network", "10.1.2.3/8"),
        ("kind", "hunter2"),
        ("document", {"hunter2": "\0"}),
        ("document", "hunter2"),
    ):
        answer = await call("POST", f"{THINGS}/keys", {"label": "c", name: secret})
        assert answer.pointers(400) == {f"/{name}"}
        assert not any(text in answer.body for text in (b"hunter2", b"10.0.0.0"))


@pytest.mark.parametrize("id", ["x", "1", "%00", "%20", "..", "0" * 36, "%ED%A0%80", "%FF", "a%2Fb", "x" * 5000, "%F0%9F%98%80"])
async def test_identifiers_in_the_wrong_form(call, id):
    for method, values in (("GET", None), ("PATCH", {"name": "x"}), ("PUT", {}), ("DELETE", None)):
        (await call(method, f"{PORTS}/{id}", values)).problem(404)


async def test_identifiers_in_another_spelling(call, port):
    for spelling in (port["id"].upper(), port["id"].replace("-", "")):
        answer = await call("GET", f"{PORTS}/{spelling}")
        assert answer.status in (200, 404)
        assert answer.status == 404 or answer.json() == port


@pytest.mark.parametrize("id", ["x", 7, None, True, [], {}, "", "0" * 32 + "-"])
async def test_identifiers_of_another_type_in_a_body(call, id):
    if id is None:
        assert (await call("POST", PORTS, {"tenant_id": TENANT, "id": None})).status in (201, 400)
    else:
        assert await refused(call, PORTS, {"tenant_id": TENANT, "id": id}) == {"/id"}


async def test_a_duplicate_says_of_what(call, port):
    assert await refused(call, PORTS, {"tenant_id": TENANT, "id": port["id"]}, 409) == {"/id"}
    vpn = (await call("POST", VPNS, {"tenant_id": TENANT, "vni": 77})).json()
    problem = (await call("POST", VPNS, {"tenant_id": TENANT, "vni": 77})).problem(409)
    assert vpn["id"] in problem["detail"] and problem["errors"][0]["pointer"] == "/vni"


async def test_references_to_what_is_not_there(call, port):
    assert await refused(call, INTERFACES, {"tenant_id": TENANT, "port_id": NOBODY}) == {"/port_id"}
    assert await refused(call, VPNS, {"tenant_id": TENANT, "ipv4_family": ["1:1"]}) == {"/ipv4_family/0"}
    binding = {"tenant_id": TENANT, "interface_id": NOBODY, "service_id": NOBODY}
    assert await refused(call, f"{L3VPN}/vpnbindings", binding) == {"/interface_id", "/service_id"}
    vpn = (await call("POST", VPNS, {"tenant_id": TENANT})).json()
    bad = {"interface_id": port["id"], "service_id": vpn["id"], "prefixes": ["10.0.0.0/33"]}
    assert "/prefixes/0" in await refused(call, f"{L3VPN}/vpnbindings", bad)


async def test_a_child_under_the_wrong_parent(call, port):
    other = (await call("POST", PORTS, {"tenant_id": TENANT})).json()
    path = f"{PORTS}/{other['id']}/interfaces"
    assert await refused(call, path, {"tenant_id": TENANT, "port_id": port["id"]}) == {"/port_id"}
    assert (await call("DELETE", f"{path}/{port['id']}")).problem(404)


async def test_what_may_not_change(call, port):
    at = f"{PORTS}/{port['id']}"
    values = {"id": NOBODY, "tenant_id": "other", "binding_state": "BOUND"}
    assert await refused(call, at, values, method="PATCH") == {"/id", "/tenant_id", "/binding_state"}
    same = {"id": port["id"], "tenant_id": TENANT, "binding_state": "UNBOUND"}
    assert (await call("PATCH", at, same)).json() == port
    assert await refused(call, PORTS, {"tenant_id": TENANT, "binding_state": "BOUND"}) == {"/binding_state"}


async def test_what_stands_in_the_way_of_a_deletion(call, port):
    vpn = (await call("POST", VPNS, {"tenant_id": TENANT})).json()
    binding = {"tenant_id": TENANT, "interface_id": port["id"], "service_id": vpn["id"]}
    assert (await call("POST", f"{L3VPN}/vpnbindings", binding)).status == 201
    for at in (f"{PORTS}/{port['id']}", f"{VPNS}/{vpn['id']}", f"{INTERFACES}/{port['id']}"):
        assert port["id"] in (await call("DELETE", at)).problem(409)["detail"]
    assert (await call("DELETE", f"{L3VPN}/vpnbindings/{port['id']}")).status == 204
    (await call("DELETE", f"{INTERFACES}/{port['id']}")).problem(409)
    assert (await call("DELETE", f"{PORTS}/{port['id']}")).status == 204
    (await call("GET", f"{INTERFACES}/{port['id']}")).problem(404)


async def test_a_client_that_leaves_while_it_sends(site):
    answer = await site.call("POST", PORTS, chunks=[b'{"tenant_id": "x"}'], hang_up=True)
    assert answer.status == 499
    assert (await site.call("GET", PORTS)).json() == {"ports": []}


async def test_an_object_that_is_too_large_as_a_whole(call):
    """Each value is within its limit; together they would never get into etcd."""
    large = {"x": "x" * 1_000_000}
    problem = (await call("POST", PORTS, {"tenant_id": TENANT, "profile": large, "vif_details": large})).problem(413)
    assert "the most is" in problem["detail"]
    assert (await call("GET", PORTS)).json() == {"ports": []}
    port = (await call("POST", PORTS, {"tenant_id": TENANT, "profile": large})).json()
    at = f"{PORTS}/{port['id']}"
    (await call("PATCH", at, {"vif_details": large})).problem(413)
    assert (await call("GET", at)).json() == port
    assert (await call("PATCH", at, {"vif_details": large, "profile": None})).status == 200
