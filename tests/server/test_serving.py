# SPDX-License-Identifier: Apache-2.0
"""What holds for every request: ids, errors, logs, metrics, health, discovery."""

import asyncio
import io
import json
import logging
import sys

import pytest

from gluon.errors import RequestError, Unavailable
from gluon.server import logs, problems
from gluon.server.exchange import Request
from gluon.server.middleware import with_boundary
from tests.server.conftest import L3VPN, OLD_THINGS, TENANT, THINGS

PORTS = f"{L3VPN}/ports"


async def test_request_ids(call):
    for header in ("X-Request-Id", "X-Openstack-Request-Id"):
        answer = await call("GET", "/healthz", headers={header: "req-1.2_3"})
        assert answer.headers["x-request-id"] == answer.headers["x-openstack-request-id"] == "req-1.2_3"
    made = {(await call("GET", "/healthz")).headers["x-request-id"] for _ in range(5)}
    assert len(made) == 5


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a\tb", "é"])
async def test_request_ids_that_are_not_taken(call, given):
    assert (await call("GET", "/healthz", headers={"X-Request-Id": given})).headers["x-request-id"].startswith("req-")


def test_every_request_error_has_a_status():
    kinds = set(RequestError.__subclasses__())
    assert kinds == set(problems.STATUS_OF)


async def test_a_database_that_cannot_be_asked(site):
    await site.store.close()
    answer = await site.call("POST", PORTS, {"tenant_id": TENANT})
    answer.problem(503)
    assert answer.headers["retry-after"] == "1"
    ready = await site.call("GET", "/readyz")
    assert (ready.status, ready.json()["probes"]["database"]["ready"]) == (503, False)
    assert (await site.call("GET", "/healthz")).status == 200


def request(method="GET", path="/x"):
    made = Request({"method": method, "path": path, "query_string": b"secret=1", "headers": []}, None)  # type: ignore[arg-type]
    made.id = "req-7"
    return made


async def test_a_bug_is_a_500_that_tells_nothing(caplog):
    async def buggy(request):
        raise ZeroDivisionError("the password is hunter2")

    answer = await with_boundary(buggy)(request())
    document = json.loads(answer.body)
    assert (answer.status, document["status"], document["request_id"]) == (500, 500, "req-7")
    assert b"hunter2" not in answer.body and b"Zero" not in answer.body
    assert caplog.records[0].exc_info is not None


async def test_text_that_is_no_unicode_can_still_be_refused():
    async def refuses(request):
        raise RequestError("a lone \ud800")

    answer = await with_boundary(refuses)(request())
    assert (answer.status, json.loads(answer.body)["detail"]) == (400, "a lone \\ud800")


@pytest.fixture
def stream():
    """What is logged, as installed by the commands."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    captured = io.StringIO()
    logs.install(stream=captured)
    yield captured
    root.handlers[:], root.level = before[0], before[1]
    logging.captureWarnings(False)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_log_lines_have_the_request_id_and_no_values(served, stream):
    call = served(access_log=True).call
    secret = {"name": "x", "tenant_id": TENANT, "password": "hunter2"}
    await call("POST", f"{L3VPN}/bgppeerings?q=hunter2", secret, headers={"X-Request-Id": "mine"})
    (line,) = lines(stream)
    assert (line["request_id"], line["method"], line["path"], line["status"]) == ("mine", "POST", f"{L3VPN}/bgppeerings", 400)
    assert line["level"] == "info" and line["milliseconds"] >= 0
    assert "hunter2" not in stream.getvalue()


async def test_without_the_access_log_only_failures_are_logged(site, stream):
    await site.call("GET", PORTS)
    await site.call("GET", f"{PORTS}/x")
    assert lines(stream) == []
    await site.store.close()
    await site.call("POST", PORTS, {"tenant_id": TENANT}, headers={"X-Request-Id": "mine"})
    (line,) = lines(stream)
    assert (line["level"], line["request_id"], line["path"]) == ("warning", "mine", PORTS)


def test_log_lines_of_any_kind():
    try:
        raise ValueError("what \ud800 happened")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "a %s", ("line",), sys.exc_info())
    record.fields = {"n": 1}
    line = json.loads(logs.JsonLines().format(record))
    assert (line["message"], line["n"], line["logger"], line["level"]) == ("a line", 1, "x", "error")
    assert "ValueError: what \\ud800 happened" in line["exception"]
    assert "request_id" not in line


def test_debug_and_standard_output():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.install(debug=True)
        assert root.level == logging.DEBUG
        assert root.handlers[0].stream is sys.stdout  # type: ignore[attr-defined]
    finally:
        root.handlers[:], root.level = before[0], before[1]
        logging.captureWarnings(False)


async def test_metrics(call):
    await call("GET", PORTS)
    await call("GET", f"{PORTS}/x")
    await call("GET", f"{PORTS}/y")
    await call("GET", "/nowhere/1")
    await call("BREW", PORTS)
    answer = await call("GET", "/metrics", headers={"Accept": "text/plain"})
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.body.decode()
    for line in (
        f'gluon_api_requests_total{{method="GET",route="{PORTS}",status="200"}} 1.0',
        f'gluon_api_requests_total{{method="GET",route="{PORTS}/{{id}}",status="404"}} 2.0',
        'gluon_api_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        f'gluon_api_requests_total{{method="other",route="{PORTS}",status="405"}} 1.0',
        f'gluon_api_request_duration_seconds_count{{method="GET",route="{PORTS}/{{id}}"}} 2.0',
        "gluon_api_requests_in_flight 1.0",
    ):
        assert line in text, line


async def test_health_needs_no_header(call):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await call("GET", path, headers={"Accept": "image/png"})).status == 200


async def test_readiness_says_what_is_missing_and_why(served):
    async def well():
        return

    async def away():
        raise Unavailable("etcd: no member answers")

    async def hangs():
        await asyncio.Event().wait()

    async def remarks():
        return "things: not ours"

    answer = await served(probes={"database": well, "etcd": away}).call("GET", "/readyz")
    assert answer.status == 503
    assert answer.json()["probes"]["etcd"] == {"ready": False, "reason": "etcd: no member answers"}
    assert answer.json()["probes"]["database"] == {"ready": True}
    ready = await served(probes={"relay": remarks}).call("GET", "/readyz")
    assert (ready.status, ready.json()["probes"]["relay"]) == (200, {"ready": True, "reason": "things: not ours"})
    site = served(probes={"relay": hangs})
    site.app._health._patience = 0.01
    assert "0.01 s" in (await site.call("GET", "/readyz")).json()["probes"]["relay"]["reason"]


async def test_discovery(call, families):
    protons = (await call("GET", "/proton")).json()["protons"]
    assert [p["proton_service"] for p in protons] == sorted(families)
    versions = (await call("GET", "/proton/things")).json()
    assert versions["default_version"] == "2.0"
    assert {v["version"]: v["status"] for v in versions["versions"]} == {"1.0": "SUPPORTED", "2.0": "CURRENT"}
    for proton in protons:
        for version in (await call("GET", proton["links"][0]["href"])).json()["versions"]:
            found = (await call("GET", version["links"][0]["href"])).json()
            compiled = families[proton["proton_service"]].versions[version["version"]]
            assert [r["resource_name"] for r in found["resources"]] == [o.api.plural_name for o in compiled.objects]
            for link in [link for r in found["resources"] for link in r["links"]] + found["links"]:
                assert (await call("GET", link["href"])).status == 200
    (await call("GET", "/proton/nothing")).problem(404)
    (await call("GET", "/proton/things/v3.0")).problem(404)
    (await call("GET", "/proton/things/v1.0/sensors")).problem(404)


@pytest.mark.parametrize("path", ["/proton", "/proton/net-l3vpn", L3VPN, f"{L3VPN}/openapi.json", f"{L3VPN}/commands.json"])
async def test_documents_are_fetched_once(call, path):
    whole = await call("GET", path)
    same = await call("GET", path, headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", whole.headers["etag"])
    assert (await call("GET", path, headers={"If-None-Match": '"other"'})).body == whole.body


async def test_the_document_names_every_route(call, families):
    for family in families.values():
        for proton in family.versions.values():
            base = f"/proton/{proton.name}/v{proton.version}"
            for path, item in (await call("GET", f"{base}/openapi.json")).json()["paths"].items():
                allowed = (await call("OPTIONS", path.replace("{", "").replace("}", ""))).headers["allow"].lower().split(", ")
                assert set(item) - {"parameters"} == set(allowed) - {"head", "options"}


async def test_an_older_version_is_a_projection(call):
    made = await call("POST", f"{OLD_THINGS}/things", {"label": "x", "size": 1})
    assert (made.status, made.headers["location"]) == (201, f"{OLD_THINGS}/things/x")
    assert "colour" not in made.json()
    assert (await call("GET", f"{THINGS}/things/x")).json()["colour"] == "grey"
    assert (await call("PATCH", f"{THINGS}/things/x", {"colour": "red"})).json()["revision"] == 2
    old = await call("PATCH", f"{OLD_THINGS}/things/x", {"size": 2})
    assert (old.json()["size"], old.json()["revision"]) == (2, 3)
    assert (await call("GET", f"{THINGS}/things/x")).json()["colour"] == "red"
    assert (await call("PATCH", f"{OLD_THINGS}/things/x", {"colour": "blue"})).pointers(400) == {"/colour"}
    (await call("GET", f"{OLD_THINGS}/things?colour=red")).problem(400)
    assert len((await call("GET", f"{OLD_THINGS}/things?size=2")).json()["things"]) == 1
    assert (await call("DELETE", f"{OLD_THINGS}/things/x")).status == 204
    (await call("GET", f"{THINGS}/things/x")).problem(404)
    plug = await call(
        "POST", f"{OLD_THINGS}/plugs", {"tenant_id": TENANT, "host_id": "h", "device_id": "d"}, headers={"Prefer": "wait=0"}
    )
    assert (plug.status, plug.json()["binding_state"]) == (202, "BINDING")


async def test_a_client_that_is_gone_when_the_answer_is_sent(site):
    async def send(message):
        raise OSError("gone")

    async def receive():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/proton", "raw_path": b"/proton", "query_string": b"", "headers": []}
    await site.app(scope, receive, send)


async def test_the_other_protocols_of_asgi(site):
    sent = []

    async def send(message):
        sent.append(message["type"])

    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(messages)}

    await site.app({"type": "lifespan"}, receive, send)
    await site.app({"type": "websocket"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
    assert (await site.call("GET", "/readyz")).status == 503
