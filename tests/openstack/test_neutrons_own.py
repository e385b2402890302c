# SPDX-License-Identifier: Apache-2.0
"""Neutron's own tests of ML2's ports, with Gluon's plugin in place: ports of ML2's behave as without it."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gluon.kv.process import EtcdProcess
from gluon.parts.openstack.environments import RELEASES, environment
from gluon.parts.openstack.program import clean_environment

MODULE = "neutron.tests.unit.plugins.ml2.test_plugin"
CLASSES = (
    "TestMl2PortsV2",
    "TestMl2PortsV2WithRevisionPlugin",
    "TestMl2PortBinding",
    "TestMl2PortBindingHost",
    "TestMl2PortBindingVnicType",
    "TestMl2PortSecurity",
    "TestMl2AllowedAddressPairs",
)


async def outcome(core_plugin: str, etcd: str) -> Mapping[str, int]:
    """How many tests came to what."""
    variables = {"CORE_PLUGIN": core_plugin, "ETCD": etcd, "OS_LOG_CAPTURE": "0"}
    names = [f"{MODULE}::{name}" for name in CLASSES]
    more = clean_environment(variables)
    more["PYTHONPATH"] += f":{Path(__file__).parent}"
    process = await asyncio.create_subprocess_exec(
        environment(RELEASES[0], "neutron").program("python"),
        *("-m", "pytest", "-q", "-n2", "-p", "in_neutron", "-p", "no:cacheprovider", "--pyargs", *names),
        env=more,
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    last = said.strip().splitlines()[-1]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    assert process.returncode == 0, said[-8000:]
    return counts


@pytest.mark.asyncio(loop_scope="function")
async def test_ports_of_ml2_behave_as_without_the_plugin(tmp_path: Path) -> None:
    async with EtcdProcess(tmp_path / "etcd") as etcd:
        with_gluon = await outcome("gluon", etcd.endpoint)
        with_ml2 = await outcome("ml2", etcd.endpoint)
    assert with_gluon == with_ml2 and with_gluon["passed"] > 200
    print(with_gluon)
