# SPDX-License-Identifier: Apache-2.0
"""The guide for authors of backends is true: its code is the example's, or runs; the example installs, and passes its tests."""

import asyncio
import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gluon.cmd import config
from gluon.model.catalogue import load_catalogue
from gluon.settings import ShimSettings
from gluon.shim import backend, loading
from gluon.testing import conformance, scenarios, stack

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/vrf_files"
GUIDE = (ROOT / "docs/writing-a-backend.md").read_text()


def load(name):
    """A module of the example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The example's tests run as they stand there.
VrfFiles = load("vrf_files").VrfFiles
tests = load("test_vrf_files")
TestConformance = tests.TestConformance
test_a_port_gets_into_a_vpn = tests.test_a_port_gets_into_a_vpn
test_what_it_cannot_bind_is_refused = tests.test_what_it_cannot_bind_is_refused


def blocks(marker):
    """The code under comments that match: what the comment says, and the code."""
    return re.findall(rf"<!-- ({marker}) -->\n```\w+\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_example_is_in_the_guide_as_it_is():
    shown = dict(blocks(r"examples/\S+"))
    assert len(shown) == 4
    for name, code in shown.items():
        assert code == (ROOT / name).read_text(), f"{name} is not in the guide as it is"


def test_every_call_has_its_heading():
    headings = " ".join(line for line in GUIDE.splitlines() if line.startswith("### "))
    assert [name for name in vars(backend.Backend) if not name.startswith("_") and name not in headings] == []


def test_the_stacks_calls_are_named():
    page = GUIDE[GUIDE.index("### Stack") :]
    for name in ("settled", "restart_shim", "restart_server", "start_shim", "shim", "api", "kv", *("create", "get", "list")):
        assert hasattr(stack.Stack, name)
        assert f"`{name}" in page


def executed():
    """What the guide's other code defines."""
    names = {}
    for _, code in blocks("run"):
        exec(compile(code, "writing-a-backend.md", "exec"), names)
    return SimpleNamespace(**names)


def test_the_async_backend_conforms():
    proton = load_catalogue()["net-l3vpn"].newest
    for scenario in (scenarios.life, scenarios.duplicate_calls, scenarios.created_again):
        asyncio.run(conformance.run(scenario, proton, executed().Remote))


async def test_the_test_of_a_move_passes(tmp_path):
    await executed().test_a_port_moves(tmp_path)


def test_the_example_is_found_once_installed(tmp_path, monkeypatch):
    points = (EXAMPLE / "setup.cfg").read_text().partition("[options.entry_points]\n")[2]
    group, _, lines = points.partition(" =\n")
    made = tmp_path / "vrf_files-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: vrf-files\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    monkeypatch.syspath_prepend(tmp_path)
    handlers = config.load(ShimSettings, [str(EXAMPLE / "shim.conf")], {}).shim.handlers
    assert handlers == ("net-l3vpn:vrf-files",)
    assert isinstance(loading.load_backend("vrf-files"), VrfFiles)


@pytest.mark.parametrize("function", ["vrf", "route", "plug"])
def test_the_functions_that_the_guide_speaks_of_are_there(function):
    assert callable(getattr(sys.modules["vrf_files"], function))
