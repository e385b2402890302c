# SPDX-License-Identifier: Apache-2.0
"""Requests that bind a port: what they answer, when, and what ends their wait."""

import asyncio
import time
import uuid

import pytest

from gluon.model.schema import Role
from tests.server.conftest import TENANT
from tests.server.shims import BOUND, FAILED

PLACE = {"host_id": "compute-1", "device_id": "vm-1"}


@pytest.fixture(params=["net-l3vpn", "ietf-sfc", "renamed"])
def port(request, families):
    """The object that is bound, whatever it is called."""
    return families[request.param].newest.having(Role.PORT)[0]


@pytest.fixture
def ports(port, families):
    proton = families[port.proton].newest
    return f"/proton/{proton.name}/v{proton.version}/{port.api.plural_name}"


@pytest.fixture
async def made(call, ports):
    return (await call("POST", ports, {"tenant_id": TENANT})).json()


class Paused:
    """A store that lets something happen between a commit and its news."""

    def __init__(self, store):
        self._store = store
        self.after_commit = None

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def write(self, work):
        result = await self._store.write(work)
        if self.after_commit is not None:
            await self.after_commit()
        return result


async def bind(site, ports, id, values=PLACE, **more):
    """Start a request that binds, and return once it waits."""
    before = site.shims.awaiting
    task = asyncio.create_task(site.call("PATCH", f"{ports}/{id}", values, **more))
    await site.shims.until_waiting(before + 1)
    return task


async def test_a_bind_that_is_answered(site, port, ports, made):
    task = await bind(site, ports, made["id"])
    shown = (await site.call("GET", f"{ports}/{made['id']}")).json()
    assert (shown["binding_state"], shown["vif_type"]) == ("BINDING", None)
    await site.shims.answer(port, made["id"], BOUND)
    answer = await task
    bound = answer.json()
    assert answer.status == 200
    assert (bound["binding_state"], bound["vif_type"], bound["binding_controller"], bound["status"]) == (
        "BOUND",
        "ovs",
        "test",
        "ACTIVE",
    )
    assert answer.headers["etag"] == f'"{bound["revision"]}"'
    assert bound == (await site.call("GET", f"{ports}/{made['id']}")).json()
    assert "preference-applied" not in answer.headers
    again = await site.call("PATCH", f"{ports}/{made['id']}", PLACE)
    assert (again.status, again.json()) == (200, bound)


async def test_a_bind_that_fails_is_answered_too(site, port, ports, made):
    task = await bind(site, ports, made["id"])
    await site.shims.answer(port, made["id"], FAILED)
    answer = await task
    assert (answer.status, answer.json()["binding_state"], answer.json()["binding_reason"]) == (200, "FAILED", "no such bridge")
    repeated = await bind(site, ports, made["id"])
    await site.shims.answer(port, made["id"], BOUND)
    assert (await repeated).json()["binding_state"] == "BOUND"


async def test_a_port_that_is_created_bound(site, port, ports):
    for given in ({}, {"id": str(uuid.uuid4())}):
        task = asyncio.create_task(site.call("POST", ports, {"tenant_id": TENANT, **PLACE, **given}))
        await site.shims.until_waiting()
        listed = (await site.call("GET", ports)).json()[port.api.plural_name]
        id = next(p["id"] for p in listed if p["binding_state"] == "BINDING")
        await site.shims.answer(port, id, BOUND)
        answer = await task
        assert (answer.status, answer.json()["binding_state"]) == (201, "BOUND")
        assert answer.headers["location"] == f"{ports}/{id}"
        assert not given or id == given["id"]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_nobody_answers(served, ports, method):
    call = served(bind_timeout=0.05).call
    made = (await call("POST", ports, {"tenant_id": TENANT})).json()
    start = time.perf_counter()
    target = ports if method == "POST" else f"{ports}/{made['id']}"
    values = {"tenant_id": TENANT, **PLACE} if method == "POST" else PLACE
    answer = await call(method, target, values)
    assert answer.status == 202
    assert answer.json()["binding_state"] == "BINDING"
    assert "retry-after" not in answer.headers, "that was all the time there is"
    assert ("location" in answer.headers) == (method == "POST")
    assert time.perf_counter() - start >= 0.05
    renamed = await call("PATCH", f"{ports}/{answer.json()['id']}", {"name": "x"})
    assert (renamed.status, renamed.json()["binding_state"]) == (200, "BINDING")


@pytest.mark.parametrize(
    ("wait", "applied"), [("wait=0", "wait=0"), ("respond-async, wait=0", "wait=0"), ("wait=0.01", "wait=0.01")]
)
async def test_a_client_that_prefers_not_to_wait(site, ports, made, wait, applied):
    answer = await site.call("PATCH", f"{ports}/{made['id']}", PLACE, headers={"Prefer": wait})
    assert (answer.status, answer.headers["preference-applied"]) == (202, applied)


async def test_a_client_that_would_wait_longer_than_the_server(served, ports):
    call = served(bind_timeout=0.05).call
    answer = await call("POST", ports, {"tenant_id": TENANT, **PLACE}, headers={"Prefer": "wait=3600"})
    assert answer.status == 202


async def test_what_asks_for_no_bind_does_not_wait(site, ports, made):
    for values in ({"host_id": "a"}, {"host_id": ""}, {"device_id": "b"}, {"host_id": None, "name": "x"}, {"device_id": ""}):
        answer = await site.call("PATCH", f"{ports}/{made['id']}", values, headers={"Prefer": "wait=60"})
        assert (answer.status, answer.json()["binding_state"]) == (200, "UNBOUND")
        assert "preference-applied" not in answer.headers


async def test_repeating_a_bind_that_runs_waits_for_the_same_answer(site, port, ports, made):
    first = await bind(site, ports, made["id"])
    second = await bind(site, ports, made["id"])
    third = await bind(site, ports, made["id"], {"host_id": PLACE["host_id"]})
    await site.shims.answer(port, made["id"], BOUND)
    answers = [await task for task in (first, second, third)]
    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.body for answer in answers}) == 1


async def test_an_answer_that_comes_between_the_commit_and_the_second_wait(served, store, port, ports):
    site = served(store=Paused(store))
    made = (await site.call("POST", ports, {"tenant_id": TENANT})).json()
    assert (await site.call("PATCH", f"{ports}/{made['id']}", PLACE, headers={"Prefer": "wait=0"})).status == 202

    async def answered():
        site.store.after_commit = None
        await site.shims.answer(port, made["id"], BOUND)

    site.store.after_commit = answered
    answer = await site.call("PATCH", f"{ports}/{made['id']}", PLACE)
    assert (answer.status, answer.json()["binding_state"]) == (200, "BOUND")
    assert site.store.after_commit is None


async def test_another_bind_overtakes(site, port, ports, made):
    first = await bind(site, ports, made["id"])
    old = (await site.store.get(port, made["id"]))["binding_id"]
    second = await bind(site, ports, made["id"], {"host_id": "compute-2"})
    await site.shims.overtake(made["id"], old)
    (await first).problem(409)
    await site.shims.answer(port, made["id"], BOUND, old)
    assert (await site.call("GET", f"{ports}/{made['id']}")).json()["binding_state"] == "BINDING"
    await site.shims.answer(port, made["id"], BOUND)
    assert (await second).json()["host_id"] == "compute-2"


@pytest.mark.parametrize("end", ["unbind", "delete", "rebind"])
async def test_what_happened_to_the_port_is_seen_when_the_time_is_up(site, ports, made, end):
    task = await bind(site, ports, made["id"])
    match end:
        case "unbind":
            await site.call("PATCH", f"{ports}/{made['id']}", {"host_id": None})
        case "delete":
            assert (await site.call("DELETE", f"{ports}/{made['id']}")).status == 204
        case "rebind":
            await site.call("PATCH", f"{ports}/{made['id']}", {"host_id": "b"}, headers={"Prefer": "wait=0"})
    site.shims.run_out()
    (await task).problem(409)


async def test_an_answer_that_nobody_was_told_of_is_seen_when_the_time_is_up(site, port, ports, made):
    task = await bind(site, ports, made["id"])
    await site.shims.answer(port, made["id"], BOUND, tell=False)
    site.shims.run_out()
    answer = await task
    assert (answer.status, answer.json()["binding_state"]) == (200, "BOUND")


async def test_a_stop_answers_whoever_waits(site, ports):
    ids = [(await site.call("POST", ports, {"tenant_id": TENANT})).json()["id"] for _ in range(3)]
    tasks = [await bind(site, ports, id) for id in ids]
    start = time.perf_counter()
    site.app.drain()
    answers = await asyncio.gather(*tasks)
    late = await site.call("POST", ports, {"tenant_id": TENANT, **PLACE})
    for answer in (*answers, late):
        assert (answer.status, answer.json()["binding_state"]) == (202, "BINDING")
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("0", "close"), "the wait was cut short"
    impatient = await site.call("POST", ports, {"tenant_id": TENANT, **PLACE}, headers={"Prefer": "wait=0"})
    assert impatient.status == 202 and "retry-after" not in impatient.headers
    assert time.perf_counter() - start < 30, "half of what they would have waited"
    assert (await site.call("GET", "/readyz")).status == 503
    assert (await site.call("GET", "/healthz")).status == 200
    assert site.shims.awaiting == 0


async def test_gets_do_not_notice_binds_that_wait(site, ports):
    ids = [(await site.call("POST", ports, {"tenant_id": TENANT})).json()["id"] for _ in range(50)]
    tasks = [await bind(site, ports, id) for id in ids]
    assert (await site.call("GET", f"{ports}/{ids[0]}")).status == 200
    assert b"gluon_api_binds_waiting 50.0" in (await site.call("GET", "/metrics")).body
    site.app.drain()
    await asyncio.gather(*tasks)
    assert b"gluon_api_binds_waiting 0.0" in (await site.call("GET", "/metrics")).body


async def test_a_server_that_is_cancelled_forgets_its_waits(site, ports, made):
    task = await bind(site, ports, made["id"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(site.shims.waiters.values())
    assert b"gluon_api_binds_waiting 0.0" in (await site.call("GET", "/metrics")).body
