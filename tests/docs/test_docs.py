# SPDX-License-Identifier: Apache-2.0
"""The docs are true: links lead somewhere, models in them compile, every setting and backend call is named."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from gluon.model.compile import compile_text
from gluon.plugin import options
from gluon.settings import ServerSettings, ShimSettings
from gluon.shim.backend import Backend
from gluon.shim.reconciling import Pace

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def models(page):
    """The whole models among a page's YAML examples. One under a comment is for another test (``test_model_examples``)."""
    blocks = re.findall(r"(?<!-->\n)^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if block.startswith("file_version")]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [t for t in targets if not t.startswith("http") and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_models_compile(page):
    for text in models(page):
        compile_text(text)


def test_the_readme_holds_a_whole_service():
    assert len(models(ROOT / "README.md")) == 1


def test_every_setting_is_on_the_settings_page():
    page = (ROOT / "docs/settings.md").read_text()
    for kind in (ServerSettings, ShimSettings):
        for group in dataclasses.fields(kind()):
            for setting in dataclasses.fields(getattr(kind(), group.name)):
                assert f"`{setting.name}`" in page


def test_every_option_of_the_plugin_is_on_the_settings_page():
    page = (ROOT / "docs/settings.md").read_text().partition("## neutron.conf")[2]
    assert [option.name for option in options.OPTIONS if f"| `{option.name}` |" not in page] == []


def test_every_backend_call_is_in_the_guide():
    page = (ROOT / "docs/writing-a-backend.md").read_text()
    calls = [name for name in vars(Backend) if not name.startswith("_")]
    assert len(calls) == 12
    assert [call for call in calls if call not in page] == []


def test_the_unit_of_the_shim_leaves_its_calls_the_time_that_they_may_take():
    unit = (ROOT / "etc/systemd/shimserver.service").read_text()
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1]) > Pace().patience


@pytest.mark.parametrize("page", ["architecture", "contributing"])
def test_files_of_the_code_that_are_named_exist(page):
    named = re.findall(r"`([\w/.-]+/[\w.-]+\.(?:py|yaml))`", (ROOT / f"docs/{page}.md").read_text())
    assert [name for name in named if not (ROOT / "src/gluon" / name).exists()] == []


def imported():
    """What is imported where: the outermost packages, by module."""
    for path in (ROOT / "src/gluon").rglob("*.py"):
        words = re.findall(r"^\s*(?:import|from) (\w+)", path.read_text(), re.MULTILINE)
        yield path.relative_to(ROOT / "src/gluon"), set(words)


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("ruamel", ["model/source.py"]),
        (
            "sqlalchemy",
            [
                *(
                    "store/*",
                    "store/*/*",
                    "particle/columns.py",
                    "particle/quoting.py",
                    "particle/tables.py",
                    "particle/systables.py",
                ),
                "plugin/plugin.py",  # what befalls a look into Neutron's database
            ],
        ),
        ("asyncpg", ["store/postgresql/*"]),
        ("asyncmy", ["store/mariadb/*"]),
        ("grpc", ["kv/*"]),
        ("oslo_config", ["cmd/config.py", "plugin/options.py"]),
        ("uvicorn", ["cmd/proton_server.py"]),
        ("keystoneauth1", ["cmd/openstack.py", "plugin/options.py"]),
    ],
)
def test_each_library_has_one_door(library, doors):
    beside = [path for path, words in imported() if library in words and not any(map(path.match, doors))]
    assert beside == []


def test_every_contract_of_the_linter_is_explained():
    page = (ROOT / "docs/contributing.md").read_text()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert [contract["name"] for contract in contracts if f"**{contract['name']}**" not in page] == []


def test_every_room_of_the_code_is_in_the_architecture():
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = [path.name for path in (ROOT / "src/gluon").iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if f"`{room}`" not in page] == []
