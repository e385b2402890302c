# SPDX-License-Identifier: Apache-2.0
"""A change that is meant for one revision of a port, on a real server: whatever comes between, nothing else is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gluon.backends.driver import Driver
from gluon.backends.drivers import Drivers
from gluon.backends.errors import NotFound, Refused
from gluon.backends.ports import Port
from gluon.backends.servers import ProtonServers
from gluon.parts.site import Site

MANY = 16


async def test_a_change_of_one_revision(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        server = await site.start_server()

        def story() -> None:
            with ProtonServers([server.url]) as servers:
                made = servers.json("POST", "/proton/net-l3vpn/v1.0/ports", values={"tenant_id": "t", "device_id": "vm"})
                driver = Drivers(servers).of("net-l3vpn")
                a_stale_one_is_refused_and_changes_nothing(driver, made["id"])
                of_many_at_once_one_is_carried_out(driver, made["id"])

        await asyncio.to_thread(story)


def a_stale_one_is_refused_and_changes_nothing(driver: Driver, id: str) -> None:
    before = driver.port(id)
    now = driver.update(id, {"name": "web"}, revision=before.revision)
    assert now.name == "web" and now.revision > before.revision
    stale: list[Callable[[], object]] = [
        lambda: driver.update(id, {"name": "db"}, revision=before.revision),
        lambda: driver.update(id, {"host_id": "compute-1"}, revision=before.revision),
        lambda: driver.unbind(id, revision=before.revision),
        lambda: driver.delete(id, revision=before.revision),
        lambda: driver.delete(id, revision=now.revision + 1),
    ]
    for change in stale:
        with pytest.raises(Refused, match=f"at revision {now.revision}, not ") as raised:
            change()
        assert raised.value.status == 412
    assert driver.port(id) == now
    assert driver.unbind(id, revision=now.revision).device_id == ""


def of_many_at_once_one_is_carried_out(driver: Driver, id: str) -> None:
    for _ in range(10):
        before = driver.port(id)

        def change(n: int, revision: int = before.revision) -> Port | int:
            try:
                return driver.update(id, {"name": f"{revision}-{n}"}, revision=revision)
            except Refused as refusal:
                return refusal.status

        with ThreadPoolExecutor(MANY) as threads:
            answers = list(threads.map(change, range(MANY)))
        (done,) = (answer for answer in answers if isinstance(answer, Port))
        assert answers.count(412) == MANY - 1
        assert driver.port(id) == done
    driver.delete(id, revision=driver.port(id).revision)
    with pytest.raises(NotFound):
        driver.delete(id, revision=1)
