# SPDX-License-Identifier: Apache-2.0
"""Neutron's own tests of ML2's ports, with Gluon's plugin in place: ports of ML2's behave as without it.

``NEUTRON_TESTS=all`` has all tests of ML2's plugin run, of networks and subnets too, and once more with ML2 alone to compare.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from gluon.kv.etcd import connect
from gluon.kv.ports import free_ports
from gluon.kv.process import EtcdProcess
from gluon.parts.openstack.environments import environment
from gluon.parts.openstack.program import clean_environment
from gluon.settings import Etcd
from tests.backends.test_catalogue import put

from .conftest import RELEASE

ML2 = "neutron.tests.unit.plugins.ml2"
#: Those of ports.
CLASSES = (
    "TestMl2PortsV2",
    "TestMl2PortsV2WithRevisionPlugin",
    "TestMl2PortBinding",
    "TestMl2PortBindingHost",
    "TestMl2PortBindingVnicType",
    "TestMl2PortSecurity",
    "TestMl2AllowedAddressPairs",
    "TestTransactionGuard",
)
MODULES = (
    "test_plugin",
    "test_port_binding",
    "test_ext_portsecurity",
    "test_extension_driver_api",
    "test_security_group",
    "test_db",
)


async def outcome(core_plugin: str, etcd: str, names: list[str], processes: int, **variables: str) -> Mapping[str, int]:
    """How many tests came to what."""
    variables |= {"CORE_PLUGIN": core_plugin, "ETCD": etcd, "OS_LOG_CAPTURE": "0"}
    more = clean_environment(variables)
    more["PYTHONPATH"] += f":{Path(__file__).parent}"
    process = await asyncio.create_subprocess_exec(
        environment(RELEASE, "neutron").program("python"),
        *("-m", "pytest", "-c", os.devnull, "--noconftest", "-p", "in_neutron", "-p", "no:cacheprovider"),
        *("-q", f"-n{processes}", "--pyargs", *names),
        env=more,
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    counts = {
        word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|error)", said.strip().splitlines()[-1])
    }
    assert process.returncode == 0, said[-8000:]
    return counts


@pytest.mark.asyncio(loop_scope="function")
async def test_ports_of_ml2_behave_as_without_the_plugin(tmp_path: Path) -> None:
    every = os.environ.get("NEUTRON_TESTS") == "all"
    names = [f"{ML2}.{module}" for module in MODULES] if every else [f"{ML2}.test_plugin::{name}" for name in CLASSES]
    async with EtcdProcess(tmp_path / "etcd") as etcd:
        found = await outcome("gluon", etcd.endpoint, names, 2 if every else 1)
        print(found)
        if every:
            assert found == await outcome("ml2", etcd.endpoint, names, 2)
        else:
            assert found.keys() == {"passed"} and found["passed"] > 200


@pytest.mark.asyncio(loop_scope="function")
async def test_services_of_neutron_do_not_need_the_proton_servers(tmp_path: Path) -> None:
    async with EtcdProcess(tmp_path / "etcd") as etcd:
        kv = await connect(Etcd(endpoints=(etcd.endpoint,)))
        await put(kv, port := str(uuid4()), "net-l3vpn")
        await kv.close()
        nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
        found = await outcome("gluon", etcd.endpoint, ["in_neutron_services"], 0, PROTON=nobody, PORT=port)
        assert found.keys() == {"passed"} and found["passed"] > 5
