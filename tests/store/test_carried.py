# SPDX-License-Identifier: Apache-2.0
"""The service bindings on the interfaces of ports, in one look-up on every database."""

from __future__ import annotations

from typing import Any

from gluon.store.contract import Reads, Tx

from .conftest import Desk


async def carried(desk: Desk, *ports: str) -> list[tuple[str, str]]:
    """Port and interface of each binding."""
    berth = desk.proton.by_name["Berth"]

    async def work(reads: Reads) -> list[tuple[Any, dict[str, Any]]]:
        return await reads.carried(berth, ports)

    found = await desk.store.read(work)
    for _, record in found:
        assert record == await desk.get("Berth", record["interface_id"])
    return sorted((port, record["interface_id"]) for port, record in found)


async def test_the_bindings_of_these_ports_and_no_others(desk: Desk) -> None:
    vpn = (await desk.new("Vpn"))["id"]
    ports = [(await desk.new("Harbour"))["id"] for _ in range(4)]
    first, second, bare, other = ports
    quay = (await desk.new("Quay", port_id=first))["id"]
    await desk.new("Quay", port_id=first)
    for interface in (first, quay, second, other):
        await desk.make("Berth", interface_id=interface, service_id=vpn)
    assert await carried(desk, *ports[:3]) == sorted([(first, first), (first, quay), (second, second)])
    assert await carried(desk, second, second, "no such port") == [(second, second)]
    assert await carried(desk, bare) == []
    assert await carried(desk) == []


async def test_what_a_unit_of_work_has_made_is_seen_by_it(desk: Desk) -> None:
    vpn = (await desk.new("Vpn"))["id"]
    by_name = desk.proton.by_name

    async def work(tx: Tx) -> list[Any]:
        port = (await desk.objects.create(tx, by_name["Harbour"], {"tenant_id": "t"}, binding_id="")).record["id"]
        values = {"tenant_id": "t", "interface_id": port, "service_id": vpn}
        made = (await desk.objects.create(tx, by_name["Berth"], values, binding_id="")).record
        assert await tx.carried(by_name["Berth"], [port]) == [(port, made)]
        return [port]

    (port,) = await desk.store.write(work)
    assert await carried(desk, port) == [(port, port)]
