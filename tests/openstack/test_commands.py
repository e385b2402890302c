# SPDX-License-Identifier: Apache-2.0
"""``openstack port …`` on a port of Gluon's, by the real command, as an administrator, its owner and a stranger."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from gluon.parts.openstack.users import ADMIN, NOVA, OWNER, STRANGER, User

from .stacks import SERVED, UNSERVED, Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST = SERVED[0]
MACHINE = "5f0f7a3a-8c61-4c5e-9f5e-2f6f1d3b7a01"
BIND = ("--host", HOST, "--device", MACHINE, "--device-owner", "compute:nova")


async def say(stack: Stack, user: User, *commands: Sequence[str]) -> list[str]:
    """What each ``openstack port`` command says, in one line."""
    said = await asyncio.to_thread(stack.cloud.client(user).batch, *(("port", *words) for words in commands))
    return [" ".join(text.split()) for text in said]


async def show(stack: Stack, user: User, port: str) -> dict[str, Any]:
    (said,) = await say(stack, user, ("show", port, "-f", "json"))
    found: dict[str, Any] = json.loads(said)
    return found


async def lists(stack: Stack, user: User, *options: Sequence[str]) -> list[set[str]]:
    """The ids of the ports in each of these lists."""
    said = await say(stack, user, *(("list", *words, "-f", "json") for words in options))
    return [{row["ID"] for row in json.loads(text)} for text in said]


async def test_show(stack: Stack, port: dict[str, Any]) -> None:
    id = port["id"]
    assert await say(stack, ADMIN, ("set", *BIND, id)) == [""]
    of_admin, of_owner = await asyncio.gather(show(stack, ADMIN, id), show(stack, OWNER, "web"))
    assert await say(stack, STRANGER, ("show", id)) == [f"No Port found for {id}"]
    for seen in (of_admin, of_owner):
        assert (seen["id"], seen["name"], seen["status"]) == (id, "web", "ACTIVE")
        assert (seen["network_id"], seen["project_id"]) == (stack.network, stack.tenant)
        assert (seen["mac_address"], seen["device_id"]) == (port["mac_address"], MACHINE)
        assert [ip["ip_address"] for ip in seen["fixed_ips"]] == ["10.0.0.5"]
    assert (of_admin["binding_host_id"], of_admin["binding_vif_type"]) == (HOST, "ovs")
    assert (of_owner["binding_host_id"], of_owner["binding_vif_type"]) == (None, None), "policy keeps it from tenants"


@pytest.mark.parametrize("bound", [False, True])
async def test_list(stack: Stack, port: dict[str, Any], own: dict[str, Any], bound: bool) -> None:
    ours, theirs, held = {port["id"]}, {own["id"]}, {port["id"]} if bound else set[str]()
    if bound:
        assert await say(stack, ADMIN, ("set", *BIND, port["id"])) == [""]
    expected: dict[tuple[str, ...], set[str]] = {
        (): ours | theirs,
        ("--long",): ours | theirs,
        ("--name", "web"): ours,
        ("--name", "own"): theirs,
        ("--network", "gluon"): ours,
        ("--fixed-ip", "ip-address=10.0.0.5"): ours,
        ("--fixed-ip", "ip-substring=0.0.5"): ours,
        ("--mac-address", port["mac_address"]): ours,
        ("--device-id", MACHINE): held,
        ("--device-owner", "compute:nova"): held,
        ("--status", "ACTIVE"): held,
        ("--status", "DOWN"): (ours | theirs) - held,
    }
    assert dict(zip(expected, await lists(stack, OWNER, *expected), strict=True)) == expected
    assert await lists(stack, STRANGER, ()) == [set()]
    assert await lists(stack, ADMIN, ("--host", HOST), ("--project", "owners", "--network", "gluon")) == [held, ours]


async def test_set_and_unset(stack: Stack, port: dict[str, Any]) -> None:
    id = port["id"]
    profile = ["--binding-profile", "rack=r1", "--binding-profile", "pci=p1"]
    sets: dict[User, list[list[str]]] = {
        OWNER: [["--name", "db"], ["--disable"], ["--device", MACHINE]],
        ADMIN: [["--mac-address", "fa:16:3e:00:00:77"], ["--device-owner", "compute:nova"], ["--vnic-type", "direct"]],
        NOVA: [["--host", HOST], profile],
    }
    every = [words for of_user in sets.values() for words in of_user]
    assert set(await say(stack, STRANGER, *(("set", *words, id) for words in every))) == {f"No Port found for {id}"}
    for user, options in sets.items():
        assert await say(stack, user, *(("set", *words, id) for words in options)) == [""] * len(options)
    seen = await show(stack, ADMIN, id)
    assert (seen["name"], seen["admin_state_up"], seen["mac_address"]) == ("db", False, "fa:16:3e:00:00:77")
    assert (seen["device_id"], seen["device_owner"], seen["binding_host_id"]) == (MACHINE, "compute:nova", HOST)
    assert (seen["binding_vnic_type"], seen["binding_profile"]) == ("direct", {"rack": "r1", "pci": "p1"})
    assert (seen["binding_vif_type"], seen["status"]) == ("ovs", "ACTIVE")

    unsets = [["--binding-profile", "rack"], ["--host"], ["--device-owner"], ["--device"]]
    assert set(await say(stack, STRANGER, *(("unset", *words, id) for words in unsets))) == {f"No Port found for {id}"}
    assert await say(stack, NOVA, *(("unset", *words, id) for words in unsets)) == [""] * len(unsets)
    seen = await show(stack, ADMIN, id)
    assert (seen["binding_host_id"], seen["device_id"], seen["device_owner"], seen["status"]) == ("", "", "", "DOWN")
    assert (seen["binding_profile"], seen["binding_vif_type"]) == ({"pci": "p1"}, "unbound")


async def test_a_bind_that_nobody_answers(stack: Stack, port: dict[str, Any]) -> None:
    """The command gets no error, as from ML2; what the port is shows that it is not bound."""
    assert await say(stack, ADMIN, ("set", "--host", UNSERVED, "--device", MACHINE, port["id"])) == [""]
    seen = await show(stack, ADMIN, port["id"])
    assert (seen["binding_vif_type"], seen["binding_host_id"], seen["status"]) == ("unbound", "", "DOWN")


async def test_what_is_refused(stack: Stack, port: dict[str, Any]) -> None:
    refusals: dict[User, dict[tuple[str, ...], str]] = {
        ADMIN: {
            ("set", "--description", "x"): "description: cannot be set on a port of Gluon's",
            ("set", "--fixed-ip", "ip-address=10.0.0.9"): "fixed_ips: cannot be set",
            ("set", "--enable-port-security"): "port_security_enabled: cannot be set",
            ("set", "--tag", "red"): "is a port of Gluon's",
            ("delete",): "deleted where it was made, in the API of its service",
        },
        OWNER: {
            ("set", "--description", "x"): "description: cannot be set on a port of Gluon's",
            ("set", "--security-group", "default"): "security_groups: cannot be set",
            ("set", "--host", HOST): "disallowed by policy",
            ("delete",): "deleted where it was made, in the API of its service",
        },
        STRANGER: {("delete",): "No Port found"},
    }
    before = stack.proton("GET", f"/ports/{port['id']}")
    for user, expected in refusals.items():
        said = await say(stack, user, *((*words, port["id"]) for words in expected))
        assert [why for why, text in zip(expected.values(), said, strict=True) if why not in text] == [], said
    assert stack.proton("GET", f"/ports/{port['id']}") == before
