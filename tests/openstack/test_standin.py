# SPDX-License-Identifier: Apache-2.0
"""The network that stands for Gluon in a real Neutron: tenants can use it, and meet it only where they ask for it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from gluon.parts.openstack import servers
from gluon.parts.openstack.users import ADMIN, NOVA, OWNER, STRANGER

from .stacks import Stack, refused


@pytest.fixture
def around(stack: Stack) -> Iterator[list[str]]:
    """The ids of three networks of the owner's, each with a subnet: before and behind the stand-in in the order of names."""
    api, made = stack.api(OWNER), list[str]()
    for name in ("a", "h", "i"):
        made.append(api.post("network", "/v2.0/networks", {"network": {"name": name}})["network"]["id"])
        subnet = {"network_id": made[-1], "ip_version": 4, "cidr": "10.1.0.0/24", "name": f"s-{name}"}
        api.post("network", "/v2.0/subnets", {"subnet": subnet})
    yield made
    for network in made:
        api.delete("network", f"/v2.0/networks/{network}")


def listed(stack: Stack, what: str, query: str = "", user: Any = OWNER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.api(user).get("network", f"/v2.0/{what}{query}")[what]
    return found


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in found]


def paged(stack: Stack, query: str, *, back: bool = False) -> list[list[str]]:
    """The names on each page, as the links lead from one to the next, or back from the end."""
    pages, path = [], f"/v2.0/{query}" + ("&page_reverse=True" if back else "")
    what = urlsplit(path).path.rsplit("/", 1)[-1]
    while path:
        answer = stack.api(OWNER).get("network", path)
        pages.append([item["name"] for item in answer[what]])
        links = {link["rel"]: urlsplit(link["href"]) for link in answer.get(f"{what}_links", ())}
        on = links.get("previous" if back else "next")
        path = f"/v2.0/{what}?{on.query}" if on and answer[what] else ""
    return pages


def test_a_tenant_meets_it_only_where_it_asks(stack: Stack, around: list[str]) -> None:
    assert set(ids(listed(stack, "networks"))) == set(around)
    assert listed(stack, "networks", user=STRANGER) == [] == listed(stack, "subnets", user=STRANGER)
    assert listed(stack, "networks", f"?tenant_id={stack.tenant}&shared=False&fields=name&sort_key=name&sort_dir=asc") == [
        {"name": name} for name in ("a", "h", "i")
    ]
    assert listed(stack, "networks", "?shared=True") == [], "what Nova chooses from"
    for asked in (f"id={stack.network}", f"id={around[0]}&id={stack.network}", "name=gluon"):
        assert stack.network in ids(listed(stack, "networks", f"?{asked}"))
    assert stack.api(OWNER).get("network", f"/v2.0/networks/{stack.network}")["network"]["shared"]
    assert {subnet["network_id"] for subnet in listed(stack, "subnets")} == set(around)
    subnets = ids(listed(stack, "subnets", f"?network_id={stack.network}"))
    assert len(subnets) == 4 and ids(listed(stack, "subnets", f"?id={subnets[0]}")) == subnets[:1]
    assert stack.api(OWNER).get("network", f"/v2.0/subnets/{subnets[0]}")["subnet"]["id"] == subnets[0]


def test_administrators_and_services_see_it(stack: Stack) -> None:
    for user in (ADMIN, NOVA):
        assert stack.network in ids(listed(stack, "networks", user=user))
        assert stack.network in {subnet["network_id"] for subnet in listed(stack, "subnets", user=user)}


def test_pages_are_as_full_as_without_it(stack: Stack, around: list[str]) -> None:
    by_name = "networks?sort_key=name&sort_dir=asc&limit="
    assert paged(stack, f"{by_name}1") == [["a"], ["h"], ["i"], []]
    assert paged(stack, f"{by_name}2") == [["a", "h"], ["i"]]
    assert paged(stack, f"{by_name}3") == [["a", "h", "i"], []]
    assert paged(stack, f"{by_name}2", back=True) == [["h", "i"], ["a"]]
    assert paged(stack, f"{by_name}1&shared=False", back=True) == [["i"], ["h"], ["a"], []]
    subnets = "subnets?sort_key=ip_version&sort_dir=desc&sort_key=name&sort_dir=asc&limit="
    assert paged(stack, f"{subnets}2") == [["s-a", "s-h"], ["s-i"]], "two of the stand-in's are before them"
    assert paged(stack, f"{subnets}1", back=True) == [["s-i"], ["s-h"], ["s-a"], []]


async def test_nova_chooses_the_one_network_that_a_tenant_has(stack: Stack, network: str) -> None:
    api = stack.api(OWNER)
    server = await servers.boot(api, "chosen", [])
    try:
        assert server["status"] == "ACTIVE", server
        (port,) = stack.api(ADMIN).get("network", f"/v2.0/ports?device_id={server['id']}")["ports"]
        assert port["network_id"] == network
    finally:
        await servers.delete(api, server["id"])


def test_it_gets_no_dhcp(stack: Stack) -> None:
    """Also where nothing is said, which to Neutron is yes, and before there are ports of Gluon's."""
    api = stack.api(ADMIN)
    subnet = {"network_id": stack.network, "ip_version": 4, "cidr": "10.9.0.0/24"}
    for dhcp in ({}, {"enable_dhcp": True}):
        refused(400, "--no-dhcp", lambda dhcp=dhcp: api.post("network", "/v2.0/subnets", {"subnet": {**subnet, **dhcp}}))
        refused(400, "--no-dhcp", lambda dhcp=dhcp: api.post("network", "/v2.0/subnets", {"subnets": [{**subnet, **dhcp}]}))
    (own, *_) = listed(stack, "subnets", f"?network_id={stack.network}", ADMIN)
    refused(400, "--no-dhcp", lambda: api.put("network", f"/v2.0/subnets/{own['id']}", {"subnet": {"enable_dhcp": True}}))
    renamed = api.put("network", f"/v2.0/subnets/{own['id']}", {"subnet": {"name": "", "enable_dhcp": False}})["subnet"]
    assert not renamed["enable_dhcp"]


def test_it_stays_shared_and_found_while_there_are_ports(stack: Stack, port: dict[str, Any]) -> None:
    api, path = stack.api(ADMIN), f"/v2.0/networks/{stack.network}"
    for change, words in (({"shared": False}, "stays shared"), ({"name": "other"}, "found by its name")):
        refused(409, words, lambda change=change: api.put("network", path, {"network": change}))
    (policy,) = api.get("network", f"/v2.0/rbac-policies?object_id={stack.network}")["rbac_policies"]
    rbac = f"/v2.0/rbac-policies/{policy['id']}"
    refused(409, "stays shared", lambda: api.delete("network", rbac))
    refused(409, "stays shared", lambda: api.put("network", rbac, {"rbac_policy": {"target_tenant": stack.tenant}}))
    kept = api.put("network", path, {"network": {"description": "stands for Gluon", "shared": True, "name": "gluon"}})["network"]
    assert kept["shared"] and stack.shown(port["id"])["network_id"] == stack.network


def test_another_network_is_shared_or_not_as_ever(stack: Stack, network: str, port: dict[str, Any]) -> None:
    api, path = stack.api(ADMIN), f"/v2.0/networks/{network}"
    for shared in (True, False, True):
        assert api.put("network", path, {"network": {"shared": shared, "name": "renamed"}})["network"]["shared"] is shared
    (policy,) = api.get("network", f"/v2.0/rbac-policies?object_id={network}")["rbac_policies"]
    api.delete("network", f"/v2.0/rbac-policies/{policy['id']}")
    (subnet,) = listed(stack, "subnets", f"?network_id={network}", ADMIN)
    off = api.put("network", f"/v2.0/subnets/{subnet['id']}", {"subnet": {"enable_dhcp": False}})["subnet"]
    assert not off["enable_dhcp"]
    assert api.put("network", f"/v2.0/subnets/{subnet['id']}", {"subnet": {"enable_dhcp": True}})["subnet"]["enable_dhcp"]
