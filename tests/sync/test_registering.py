# SPDX-License-Identifier: Apache-2.0
"""All databases on an etcd share ``/gluon/port/<id>``: what another service has there is neither overwritten nor deleted."""

from __future__ import annotations

import json
import uuid

import pytest

from gluon.sync.resync import check, repair

from .conftest import TENANT, Rig, until


async def listed(rig: Rig) -> list[tuple[str, str]]:
    return [(found.kind, found.key) async for found in check(rig.proton, rig.kv, rig.store)]


@pytest.mark.parametrize("service", ["another", "net-", "z-other", None])
async def test_a_registration_of_another_service_is_left_alone(rig: Rig, service: str | None) -> None:
    id = str(uuid.uuid4())
    key = f"/gluon/port/{id}"
    theirs = json.dumps(
        {"service": service, "tenant_id": TENANT, "binding_id": "b", "url": "http://other"} if service else "text"
    )
    await rig.kv.put(key, theirs.encode())

    async def drained() -> bool:
        return not (await rig.store.log.backlog()).rows

    async with rig.running():
        await until(rig.complete)
        await rig.create(rig.Port, id=id)
        other = await rig.create(rig.Port)
        await until(drained)
        found = await rig.kv.get(key)
        assert found is not None and (found.value.decode(), found.version) == (theirs, 1)
        assert rig.key(rig.Port, id) not in await rig.held() and rig.key(rig.Port, other["id"]) in await rig.held()
        (stuck,) = await rig.store.log.stuck()
        assert (stuck.object, stuck.id) == ("Port", id)
        assert key in stuck.reason and (service or "no port") in stuck.reason and "left as it is" in stuck.reason
        assert ("other", key) in await listed(rig)
        before = (await rig.value(rig.sync_key))["epoch"]
        await repair(rig.proton, rig.kv, rig.store, force=True)

        async def repaired() -> bool:
            return await rig.complete() and (await rig.value(rig.sync_key))["epoch"] != before

        await until(repaired)
        assert rig.key(rig.Port, id) not in await rig.held()
        await rig.delete(rig.Port, id)
        await until(drained)
        assert (await rig.kv.get(key)) == found
        assert await listed(rig) == [] and await rig.store.log.stuck() == []


async def test_a_port_is_written_once_the_other_one_is_gone(rig: Rig) -> None:
    id = str(uuid.uuid4())
    key = f"/gluon/port/{id}"
    await rig.kv.put(key, b'{"service":"another"}')
    async with rig.running():
        await rig.create(rig.Port, id=id)
        await until(rig.store.log.stuck)
        await rig.kv.delete(key)
        assert await rig.store.log.retry_stuck() == 1
        await until(rig.equal)
        assert (await rig.value(key))["service"] == rig.proton.name
        assert await rig.store.log.stuck() == []


async def test_two_protons_with_a_port_of_the_same_identifier(rig: Rig) -> None:
    """One of them has it, whichever came first; the other's is set aside."""
    ports = [await rig.create(rig.Port) for _ in range(150)]
    for port in ports[::2]:
        await rig.kv.put(f"/gluon/port/{port['id']}", b'{"service":"another"}')
    async with rig.running():

        async def drained() -> bool:
            return not (await rig.store.log.backlog()).rows

        await until(drained)
        assert {stuck.id for stuck in await rig.store.log.stuck()} == {port["id"] for port in ports[::2]}
        held = await rig.held()
        assert all((rig.key(rig.Port, port["id"]) in held) == bool(at % 2) for at, port in enumerate(ports))
