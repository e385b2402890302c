# SPDX-License-Identifier: Apache-2.0
"""``gluon neutron setup`` and ``gluon shim hosts`` as administrators call them, against a real Neutron and Nova."""

from collections.abc import Callable, Iterator

import pytest

from gluon.cmd.gluon import main
from gluon.cmd.standin import WIDE
from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.users import ADMIN, OWNER, User

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Words of a ``gluon`` command ─► exit status, standard output, standard error.
Gluon = Callable[..., tuple[int, str, str]]
NAME = "stands-for-gluon"


@pytest.fixture
def gluon(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Gluon]:
    """Calls the command as an administrator, or as another; removes the network that was made."""

    def call(*words: str, user: User = ADMIN) -> tuple[int, str, str]:
        for name, value in user.environment(cloud.auth_url).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        return main(words), *capsys.readouterr()

    yield call
    api = cloud.api(ADMIN)
    for network in api.get("network", f"/v2.0/networks?name={NAME}")["networks"]:
        api.delete("network", f"/v2.0/networks/{network['id']}")


async def test_the_network_is_made_and_found_again(cloud: Cloud, gluon: Gluon) -> None:
    status, out, said = gluon("neutron", "setup", "--network", NAME, "--provider-network-type", "local")
    assert status == 0, said
    (network,) = cloud.api(OWNER).get("network", f"/v2.0/networks?name={NAME}")["networks"]
    assert out == f"[gluon]\n# {NAME}\nnetwork = {network['id']}\n"
    assert network["shared"] and network["admin_state_up"]
    subnets = cloud.api(OWNER).get("network", f"/v2.0/subnets?network_id={network['id']}")["subnets"]
    assert {subnet["cidr"] for subnet in subnets} == set(WIDE)
    assert not any(subnet["enable_dhcp"] or subnet["gateway_ip"] for subnet in subnets)

    assert gluon("neutron", "setup", "--network", NAME, user=OWNER) == (0, out, said.replace(": made\n", ": is there\n"))
    assert gluon("neutron", "setup", "--network", network["id"])[:2] == (0, out)


async def test_what_neutron_refuses_is_said_and_made_the_next_time(cloud: Cloud, gluon: Gluon) -> None:
    status, out, said = gluon("neutron", "setup", "--network", NAME, user=OWNER)
    assert (status, out) == (1, "") and "with 403" in said and "create_network:shared" in said
    status, out, said = gluon("neutron", "setup", "--network", NAME, "--provider-network-type", "carrier-pigeon")
    assert (status, out) == (1, "") and "carrier-pigeon" in said
    assert cloud.api(ADMIN).get("network", f"/v2.0/networks?name={NAME}")["networks"] == []
    assert gluon("neutron", "setup", "--network", NAME, "--subnet", "10.0.0.0/8")[0] == 0
    assert gluon("neutron", "setup", "--network", NAME, "--subnet", "10.0.0.0/8", "--subnet", "fc00::/7")[0] == 0


async def test_a_tenants_networks_of_that_name_are_left_alone(cloud: Cloud, gluon: Gluon) -> None:
    """Two of them: neither is found, and the administrator is told to share none of them."""
    tenants = [cloud.api(OWNER).post("network", "/v2.0/networks", {"network": {"name": NAME}})["network"] for _ in range(2)]
    words = ("neutron", "setup", "--network", NAME, "--subnet", "10.0.0.0/8")
    status, out, said = gluon(*words)
    assert status == 0, said
    (shared,) = cloud.api(ADMIN).get("network", f"/v2.0/networks?name={NAME}&shared=true")["networks"]
    assert out == f"[gluon]\n# {NAME}\nnetwork = {shared['id']}\n"
    assert gluon(*words) == (0, out, said.replace(": made\n", ": is there\n"))
    for tenant in tenants:
        after = cloud.api(ADMIN).get("network", f"/v2.0/networks/{tenant['id']}")["network"]
        assert (after["shared"], after["subnets"], after["revision_number"]) == (False, [], tenant["revision_number"])


async def test_the_command_that_is_named_puts_right_what_is_wrong(cloud: Cloud, gluon: Gluon) -> None:
    admin = cloud.client(ADMIN)
    network = admin.read("network", "create", NAME)["id"]
    admin.run("subnet", "create", "--network", network, "--subnet-range", "10.0.0.0/8", "s")
    words = ("neutron", "setup", "--network", network, "--subnet", "10.0.0.0/8")
    status, out, said = gluon(*words)
    assert (status, out, len(said.splitlines())) == (1, "", 3)
    for line in said.splitlines():
        admin.run(*line.partition(": openstack ")[2].split())
    assert gluon(*words)[0] == 0


async def test_the_hosts_are_those_of_nova(cloud: Cloud, gluon: Gluon) -> None:
    assert gluon("shim", "hosts") == (0, f"host_list = {', '.join(cloud.computes)}\n", "")
