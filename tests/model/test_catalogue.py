# SPDX-License-Identifier: Apache-2.0
"""Where models are found, and that their versions and tables go together."""

import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from gluon.errors import SettingsError
from gluon.model import catalogue
from gluon.model.catalogue import load_catalogue
from gluon.model.faults import ModelError

MODEL = "info: {{name: {name}, version: {version}}}\nobjects: {{A: {{api: {{name: a}}, attributes: {{x: {{type: {type}}}}}}}}}"


def write(folder, file, name="m", version="1.0", type="string"):
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(MODEL.format(name=name, version=version, type=type))
    return folder


def faults(*folders):
    with pytest.raises(ModelError) as caught:
        load_catalogue(folders, shipped=False)
    return [str(fault) for fault in caught.value.faults]


def test_the_shipped_models():
    families = load_catalogue()
    assert set(families) == {"net-l3vpn", "ietf-sfc"}
    assert families["net-l3vpn"].newest.version == "1.0"
    with pytest.raises(TypeError):
        families["x"] = families["ietf-sfc"]  # type: ignore[index]


def test_folders_have_models_and_base_files(tmp_path):
    write(tmp_path, "m.yaml")
    write(tmp_path / "below", "n.yaml", name="n")
    (tmp_path / "base.yaml").write_text("objects: {Mine: {attributes: {x: {type: string}}}}")
    (tmp_path / "notes.txt").write_text("not a model")
    assert set(load_catalogue([tmp_path], shipped=False)) == {"m"}
    assert set(load_catalogue([str(tmp_path), tmp_path / "below", tmp_path])) == {"m", "n", "net-l3vpn", "ietf-sfc"}


def test_versions_are_ordered_by_number(tmp_path):
    for version in ("1.10", "1.9", "1.2.1"):
        write(tmp_path, f"m-{version}.yaml", version=version)
    family = load_catalogue([tmp_path], shipped=False)["m"]
    assert list(family.versions) == ["1.2.1", "1.9", "1.10"]
    assert family.newest is family.versions["1.10"]


def test_one_version_in_two_files(tmp_path):
    write(tmp_path, "a.yaml", version="1.0")
    write(tmp_path, "b.yaml", version="1")
    assert faults(tmp_path) == [f"{tmp_path}/b.yaml:1:1: 'm' 1 again: it is in {tmp_path}/a.yaml already"]


def test_faults_of_all_files_at_once(tmp_path):
    write(tmp_path, "a.yaml", type="strin")
    write(tmp_path, "b.yaml", name="n", type="boolea")
    assert faults(tmp_path, tmp_path / "gone") == [
        f"{tmp_path}/a.yaml:2:54: unknown type 'strin': did you mean 'string'?",
        f"{tmp_path}/b.yaml:2:54: unknown type 'boolea': did you mean 'boolean'?",
        f"{tmp_path}/gone:1:1: no such folder (model_path)",
    ]


def test_tables_that_would_have_one_name(tmp_path):
    write(tmp_path, "a.yaml", name="net-a")
    write(tmp_path, "b.yaml", name="net.a")
    (tmp_path / "c.yaml").write_text("info: {name: net, version: 1}\nobjects: {AA: {api: {name: a}}}")
    assert faults(tmp_path) == [
        f"{tmp_path}/a.yaml:2:11: the table of 'A' would be named as that of 'AA' of 'net'",
        f"{tmp_path}/b.yaml:1:1: the tables of 'net.a' would be named as those of 'net-a'",
    ]


def test_only_those_that_are_wanted(tmp_path):
    write(tmp_path, "m.yaml")
    write(tmp_path, "m-2.yaml", version="2.0")
    write(tmp_path, "n.yaml", name="n")
    families = load_catalogue([tmp_path], ["m", "ietf-sfc"])
    assert set(families) == {"m", "ietf-sfc"}
    assert set(families["m"].versions) == {"1.0", "2.0"}


def test_what_is_not_wanted_need_not_go_together_but_must_be_right(tmp_path):
    write(tmp_path, "a.yaml", name="net-a")
    write(tmp_path, "b.yaml", name="net.a")
    write(tmp_path, "n.yaml", name="n")
    write(tmp_path, "n-2.yaml", name="n", version="2.0", type="integer")
    assert len(faults(tmp_path)) == 2
    assert set(load_catalogue([tmp_path], ["net.a"])) == {"net.a"}
    write(tmp_path, "c.yaml", name="c", type="strin")
    with pytest.raises(ModelError, match=r"c\.yaml:2:54: unknown type 'strin'"):
        load_catalogue([tmp_path], ["net.a"])


def test_every_name_that_has_no_model(tmp_path):
    write(tmp_path, "m.yaml")
    with pytest.raises(SettingsError) as caught:
        load_catalogue([tmp_path], ["net-l3vpm", "m", "blue"])
    assert str(caught.value).splitlines() == [
        "[DEFAULT] protons: there is no Proton 'net-l3vpm': did you mean 'net-l3vpn'? (there are ietf-sfc, m, net-l3vpn)",
        "[DEFAULT] protons: there is no Proton 'blue' (there are ietf-sfc, m, net-l3vpn)",
    ]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Two packages as if installed: a package with models, a module with a path; and what can be wrong."""
    write(tmp_path / "packaged", "m.yaml", name="packaged")
    (tmp_path / "packaged" / "__init__.py").touch()
    write(tmp_path / "elsewhere", "n.yaml", name="pointed")
    lines = [
        "from pathlib import Path",
        "FOLDER = Path(__file__).parent / 'elsewhere'",
        "FILE = str(FOLDER / 'n.yaml')",
        "GONE = '/nonexistent'",
        "NUMBER = 5",
    ]
    (tmp_path / "pointing.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)

    def install(*values):
        points = EntryPoints(EntryPoint(f"e{i}", value, catalogue.ENTRY_POINTS) for i, value in enumerate(values))
        monkeypatch.setattr(catalogue, "entry_points", lambda group: points.select(group=group))

    yield install
    for name in ("packaged", "pointing"):
        sys.modules.pop(name, None)


def test_installed_models(installed):
    installed("packaged", "pointing:FOLDER", "pointing:FILE")
    assert set(load_catalogue(shipped=False)) == {"packaged", "pointed"}
    assert set(load_catalogue(shipped=False, installed=False)) == set()


def test_entry_points_that_lead_nowhere(installed):
    installed("nothing_there", "pointing:NOTHING", "pointing:GONE", "pointing:NUMBER")
    assert [line.split(": ", 1)[1] for line in faults()] == [
        "cannot be loaded: No module named 'nothing_there'",
        "cannot be loaded: module 'pointing' has no attribute 'NOTHING'",
        "no such file or folder: /nonexistent",
        "must be a path, a module or a package, not int",
    ]
