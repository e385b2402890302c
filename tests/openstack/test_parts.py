# SPDX-License-Identifier: Apache-2.0
"""The parts of the lab alone: they start without the rest, leave nothing running, and end with whoever started them."""

import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gluon.errors import GluonError
from gluon.parts.account import NotInstalled
from gluon.parts.openstack import glance, neutron
from gluon.parts.openstack.cloud import Cloud, Extent
from gluon.parts.openstack.environments import RELEASES, Environment, cache, environment
from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import ini, merged
from gluon.parts.openstack.rabbitmq import RabbitmqBroker
from gluon.parts.openstack.users import ADMIN, OWNER

ROOT = Path(__file__).resolve().parents[2]


def descendants(parent):
    """The ids of all living processes below this one. Not by their names: several rename themselves."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, above = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state not in "ZX":
                parents[int(folder.name)] = int(above)
    found, waiting = set(), {parent}
    while waiting:
        waiting = {pid for pid, above in parents.items() if above in waiting}
        found |= waiting
    return found


@pytest.fixture
def open_folder():
    """A folder that a database server's own user can reach; what a killed process leaves in it is removed."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_neutron_without_nova_binds_a_port_of_ml2(tmp_path):
    before = descendants(os.getpid())
    async with Cloud(tmp_path, extent=Extent.NEUTRON, neutron={"quotas": {"quota_port": 1}}) as cloud:
        owner = cloud.api(OWNER)
        network = owner.post("network", "/v2.0/networks", {"network": {"name": "blue"}})["network"]["id"]
        port = owner.post("network", "/v2.0/ports", {"port": {"network_id": network}})["port"]["id"]
        with pytest.raises(GluonError, match="Quota exceeded"):
            owner.post("network", "/v2.0/ports", {"port": {"network_id": network}})
        for host, vif_type in (("compute-1", "ovs"), ("nowhere", "binding_failed")):
            body = {"port": {"binding:host_id": host, "device_id": "a-server"}}
            assert cloud.api(ADMIN).put("network", f"/v2.0/ports/{port}", body)["port"]["binding:vif_type"] == vif_type
        assert len(descendants(os.getpid()) - before) >= 5  # MariaDB, a master and a worker of each service
    assert descendants(os.getpid()) <= before


async def test_a_broker_keeps_to_its_own_ports_and_leaves_no_process(tmp_path):
    before = descendants(os.getpid())
    async with RabbitmqBroker(tmp_path / "one") as one, RabbitmqBroker(tmp_path / "two") as two:
        assert one.port != two.port
        assert len(descendants(os.getpid()) - before) >= 4  # a node and its epmd, twice
    assert descendants(os.getpid()) <= before


def test_a_cloud_ends_with_the_process_that_started_it(tmp_path, open_folder):
    script = (
        "import asyncio, sys, pathlib\n"
        "from gluon.parts.openstack.cloud import Cloud, Extent\n"
        "async def main():\n"
        "    async with Cloud(pathlib.Path(sys.argv[1]), extent=Extent.NEUTRON):\n"
        "        print('up', flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    command = (sys.executable, "-c", script, str(tmp_path / "cloud"))
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(open_folder)})
    with starter:
        assert starter.stdout.readline() == "up\n"
        left = descendants(starter.pid)
        starter.kill()
    assert len(left) >= 5
    end = time.monotonic() + 30  # a worker of gunicorn looks for its parent every now and then
    while (left := left & descendants(1)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == set()


def test_an_interrupted_installation_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lock = tmp_path / "openstack-2026.2-nothing.txt"
    lock.write_text("")
    wanted = Environment("nothing", lock)
    assert wanted.path.parent == cache()
    (wanted.path / "bin").mkdir(parents=True)
    with pytest.raises(NotInstalled, match="scripts/openstack-setup"):
        wanted.program("python")
    assert wanted.install()
    assert subprocess.run((wanted.python, "-c", ""), check=True).returncode == 0
    assert not wanted.install()
    lock.write_text("# another\n")
    assert not wanted.installed


@pytest.mark.parametrize("release", RELEASES)
def test_what_gluon_needs_is_locked_with_neutron(release):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / f"requirements/openstack-{release}-neutron.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    for text in (*project["dependencies"], *project["optional-dependencies"]["neutron"]):
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), f"{text}: run scripts/openstack-lock {release}"


def test_an_unknown_release_is_named():
    with pytest.raises(GluonError, match=r"openstack-1999\.1-nova\.txt.*2026\.2"):
        _ = environment("1999.1", "nova").path


def test_options_of_the_test_win_over_those_of_the_lab(tmp_path):
    layout = Layout.choose(tmp_path, "2026.2", 3306)
    neutron.configure(layout, "gluon", {"quotas": {"quota_port": 7}, "gluon": {"url": "http://127.0.0.1:2705"}})
    text = layout.settings("neutron").read_text()
    assert "core_plugin = gluon\n" in text
    assert "quota_port = 7\n" in text
    assert "[gluon]\nurl = http://127.0.0.1:2705\n" in text


def test_settings_are_merged_option_by_option():
    groups = merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": {"z": 4}})
    assert ini(groups) == "[a]\nx = 1\ny = 3\n[b]\nz = 4\n"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 300), ("/v2/images", 200), (f"/v2/images/{glance.IMAGE_ID}", 200), ("/v2/schemas/image", 200), ("/v2/images/x", 404)],
)
def test_the_stub_of_glance_knows_one_image(path, status):
    assert glance.Images().answer("GET", path, "http://127.0.0.1")[0] == status


def test_the_stub_of_glance_keeps_images_of_machines():
    images, place = glance.Images(), "http://127.0.0.1"
    status, made = images.answer("POST", "/v2/images", place, b'{"name": "web-shelved"}')
    assert status == 201 and images.answer("GET", made["self"], place) == (200, made) and made["name"] == "web-shelved"
    assert images.answer("DELETE", made["self"], place)[0] == 204 and images.answer("GET", made["self"], place)[0] == 404
    assert images.answer("DELETE", f"/v2/images/{glance.IMAGE_ID}", place)[0] == 404
