# SPDX-License-Identifier: Apache-2.0
"""Several processes of one Neutron API, as every real one has: what one has done or heard of, the others do not miss."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from gluon.parts.openstack.users import ADMIN, OWNER

from .stacks import Stack, refused, succeeds, until

#: How often what may go wrong by chance is done.
TIMES = 15


@pytest.fixture
def service(stack: Stack) -> Iterator[str]:
    service = stack.service()
    yield service
    stack.proton("DELETE", f"/vpns/{service}")


def test_a_port_that_one_has_heard_of_is_known_to_all(stack: Stack) -> None:
    for _ in range(TIMES):
        port = stack.proton("POST", "/ports", {"tenant_id": stack.tenant})["id"]
        until(lambda port=port: succeeds(lambda: stack.shown(port)))
        assert [answer["port"]["id"] for answer in stack.by_each("GET", f"/v2.0/ports/{port}", OWNER)] == [port, port]
        changed = stack.by_each("PUT", f"/v2.0/ports/{port}", OWNER, {"port": {"name": "web"}})
        assert {answer["port"]["name"] for answer in changed} == {"web"}
        stack.proton("DELETE", f"/ports/{port}")
        for _ in range(4):
            refused(404, "PortNotFound", lambda port=port: stack.shown(port))


def test_what_one_has_plugged_in_is_in_the_machines_list_of_all(stack: Stack, port: dict[str, Any], own: dict[str, Any]) -> None:
    """Nova asks for that list as soon as the port is bound; whatever is missing there, the machine loses."""
    for _ in range(TIMES):
        machine = str(uuid.uuid4())
        stack.api(ADMIN).put("network", f"/v2.0/ports/{own['id']}", {"port": {"device_id": machine}})
        stack.bind(port["id"], machine)
        for answer in stack.by_each("GET", f"/v2.0/ports?tenant_id={stack.tenant}&device_id={machine}"):
            assert {found["id"] for found in answer["ports"]} == {port["id"], own["id"]}
        stack.unbind(port["id"])
        for answer in stack.by_each("GET", f"/v2.0/ports?device_id={machine}", OWNER):
            assert [found["id"] for found in answer["ports"]] == [own["id"]]


def test_an_id_in_both_worlds_is_free_for_all_once_neutrons_port_has_gone(stack: Stack, own: dict[str, Any]) -> None:
    stack.proton("POST", "/ports", {"id": own["id"], "tenant_id": stack.tenant, "name": "of gluon"})
    behind = stack.proton("POST", "/ports", {"tenant_id": stack.tenant})["id"]
    stack.until_known(behind)  # and so is what was made before it
    path = f"/v2.0/ports/{own['id']}"
    assert {answer["port"]["name"] for answer in stack.by_each("GET", path, OWNER)} == {"own"}
    stack.api(OWNER).delete("network", path)
    assert {answer["port"]["name"] for answer in stack.by_each("GET", path, OWNER)} == {"of gluon"}
    for port in (own["id"], behind):
        stack.proton("DELETE", f"/ports/{port}")


@pytest.fixture
def halved(stack: Stack) -> Iterator[dict[str, Any]]:
    """A subnet of the stand-in's that is missing, as it is to be made again."""
    api = stack.api(ADMIN)
    there = api.get("network", f"/v2.0/subnets?network_id={stack.network}&cidr=128.0.0.0/1")["subnets"][0]
    until(lambda: succeeds(lambda: api.delete("network", f"/v2.0/subnets/{there['id']}")))
    again = {name: there[name] for name in ("network_id", "ip_version", "cidr", "enable_dhcp", "gateway_ip")}
    yield again
    if not api.get("network", f"/v2.0/subnets?network_id={stack.network}&cidr=128.0.0.0/1")["subnets"]:
        api.post("network", "/v2.0/subnets", {"subnet": again})


def test_a_subnet_that_is_added_to_the_stand_in_gives_addresses_to_all(
    stack: Stack, halved: dict[str, Any], service: str
) -> None:
    port = stack.port(service, "172.16.0.5")["id"]
    path = f"/v2.0/ports/{port}"
    until(lambda: all(answer["port"]["fixed_ips"] == [] for answer in stack.by_each("GET", path)))
    added = stack.api(ADMIN).post("network", "/v2.0/subnets", {"subnet": halved})["subnet"]["id"]
    shown = [{"subnet_id": added, "ip_address": "172.16.0.5"}]
    until(lambda: all(answer["port"]["fixed_ips"] == shown for answer in stack.by_each("GET", path)))
    stack.remove(port)
