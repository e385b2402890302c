# SPDX-License-Identifier: Apache-2.0
"""Whatever a client sends is answered, never with a 500, and what was accepted can be read back."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gluon.server.app import build
from gluon.settings import Api
from gluon.store.opening import open_store
from tests.server.conftest import L3VPN, TENANT, THINGS
from tests.server.driver import Driver
from tests.server.shims import Shims

CALM = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def ask(families):
    """Talks to one application for the whole module, on a loop of its own: examples share what they made."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:

        async def start():
            store = await open_store(f"sqlite:///{Path(folder)}/gluon.sqlite", [f.newest for f in families.values()])
            api = Api(bind_timeout=0.0, max_body=4096)
            app = build(api, families, store, Shims(store), probes={}, registry=CollectorRegistry())
            return store, Driver(app)

        store, driver = runner.run(start())

        def ask(method, target, values=None, **more):
            answer = runner.run(driver(method, target, values, **more))
            assert answer.status < 500, answer.body
            if answer.status >= 400 and method != "HEAD":
                answer.problem(answer.status)
            return answer

        yield ask
        runner.run(store.close())


def paths(families):
    for family in families.values():
        for proton in family.versions.values():
            for obj in proton.objects:
                yield obj, f"/proton/{proton.name}/v{proton.version}/{obj.api.plural_name}"


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(
        ["10.0.0.1/24", "::1", "fa:16:3e:00:00:01", "65000:1", TENANT, "normal", "00000000-0000-0000-0000-000000000001"]
    )
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=10
)


@CALM
@given(data=st.data())
def test_bodies(ask, families, data):
    obj, path = data.draw(st.sampled_from(list(paths(families))))
    names = st.sampled_from([a.name for a in obj.attributes]) | st.text(max_size=8)
    body = data.draw(st.dictionaries(names, values, max_size=8))
    if data.draw(st.booleans()):
        body = {"tenant_id": TENANT, **body}
    change = data.draw(st.dictionaries(names, values, max_size=4))
    made = ask("POST", path, body=_json(body))
    if made.status in (201, 202):
        at = made.headers["location"]
        assert ask("GET", at).json() == made.json()
        changed = ask("PATCH", at, body=_json(change))
        assert ask("GET", at).json() == (changed if changed.status in (200, 202) else made).json()


def _json(value):
    """JSON as careless clients make it, with NaN and lone surrogates."""
    return json.dumps(value).encode()


@CALM
@given(body=st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0d8 aein1.', max_size=60).map(str.encode))
@example(body=b'{"tenant_id":"x"}' * 400)
def test_bytes_that_mean_nothing(ask, body):
    for method, path in (("POST", f"{L3VPN}/ports"), ("PATCH", f"{THINGS}/things/x")):
        ask(method, path, body=body)


@CALM
@given(data=st.data())
def test_paths_and_queries(ask, families, data):
    obj, path = data.draw(st.sampled_from(list(paths(families))))
    segment = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: quote(text, safe="")) | st.sampled_from(
        ["", "%", "%zz", "%ff", "%ED%A0%80", "..", "%00", "openapi.json", "ports", "x/interfaces", "1/readings"]
    )
    text = st.text(st.characters(codec="utf-8"), max_size=12).map(quote)
    names = st.sampled_from([a.name for a in obj.attributes] + ["limit", "marker", "include", "project_id"]) | text
    query = "&".join(
        f"{n}={v}"
        for n, v in data.draw(
            st.lists(st.tuples(names, text | st.sampled_from(["%ff", "+", "1", "true", "service_bindings", ""])), max_size=6)
        )
    )
    target = path + data.draw(st.sampled_from(["", "/"]) | segment.map("/".__add__)) + data.draw(st.sampled_from(["", "/"]))
    method = data.draw(st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "OPTIONS", "TRACE"]))
    body = {"method": method} if method in ("PUT", "PATCH", "POST") else None
    ask(method, f"{target}?{query}" if query else target, body)


@CALM
@given(
    headers=st.dictionaries(
        st.sampled_from(["accept", "content-type", "if-match", "if-none-match", "prefer", "x-request-id", "content-length"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
        | st.sampled_from(["*", '"1"', "wait=0", "wait=1e3", "application/json;q=x", "a/b;;=,", "9" * 5000]),
    )
)
def test_headers(ask, headers):
    for method, path in (
        ("GET", f"{L3VPN}/ports"),
        ("POST", f"{L3VPN}/ports"),
        ("PATCH", f"{THINGS}/things/x"),
        ("GET", "/proton"),
    ):
        ask(method, path, body=None if method == "GET" else b"{}", headers=headers)


@CALM
@given(label=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
@example(label="/")
@example(label="../..")
def test_an_object_has_its_own_path_whatever_its_identifier(ask, label):
    made = ask("POST", f"{THINGS}/things", {"label": label})
    assert made.status in (201, 409)
    at = made.headers.get("location", f"{THINGS}/things/{quote(label, safe='')}")
    assert ask("GET", at).json()["label"] == label
    assert msgspec.json.decode(ask("GET", f"{THINGS}/things?label={quote(label)}").body)["things"][0]["label"] == label
    assert ask("DELETE", at).status == 204
