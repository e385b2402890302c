# SPDX-License-Identifier: Apache-2.0
"""Each example on the page of the model language is what the compiler takes, and each message what it says."""

import re

import pytest

from gluon.cmd.check import summary
from gluon.model.catalogue import load_catalogue
from gluon.model.compile import compile_file, compile_text
from gluon.model.faults import ModelError
from gluon.model.imports import Library
from gluon.model.schema import UNSET, Role
from gluon.model.types import Format, Json, String
from tests.docs.model_page import BLOCKS, TEXT, compiled, marked, rows


@pytest.fixture(scope="module")
def library():
    """What the models here import is read once."""
    return Library()


def faults_of(call, *args, **kwargs):
    with pytest.raises(ModelError) as caught:
        call(*args, **kwargs)
    return caught.value.faults


def test_every_mark_is_known():
    known = ("", "in", "step", "refused", "file", "refused version")
    assert [mark for mark, _, _ in BLOCKS if mark.partition(":")[0] not in known] == []
    assert len(BLOCKS) == TEXT.count("```yaml")


@pytest.mark.parametrize("model", [code for mark, code, _ in BLOCKS if not mark])
def test_whole_models_compile(model):
    compile_text(model)


@pytest.mark.parametrize("where, fragment, after", marked("in"))
def test_fragments_compile(library, where, fragment, after):
    assert where in ("attributes", "objects")
    assert not after
    compiled(library, where, fragment)


@pytest.mark.parametrize("file, model, said", marked("step"))
def test_steps_are_summed_up(file, model, said):
    assert f"{file}: {summary(compile_text(model, file=file))}" in said.splitlines()


@pytest.mark.parametrize("file, model, said", marked("refused"))
def test_refusals_are_verbatim(file, model, said):
    assert [str(fault) for fault in faults_of(compile_text, model, file=file)] == said.splitlines()


@pytest.mark.parametrize(
    "where, cells", [(where, cells) for where in ("attributes", "objects") for cells in rows(f"faults: {where}")]
)
def test_single_faults_are_verbatim(library, where, cells):
    fragment, message = cells
    (fault,) = faults_of(compiled, library, where, fragment.strip("`") + "\n")
    assert str(fault) == f"{fault.place}: {message}"


def write_files(folder):
    """The files of a folder on the page."""
    for name, text, _ in marked("file"):
        if name.startswith(f"{folder.name}/"):
            (folder.parent / name).write_text(text)


def catalogue(folder):
    return load_catalogue((folder,), shipped=False, installed=False)


def test_versions_are_one_family(tmp_path):
    folder = tmp_path / "versions"
    folder.mkdir()
    write_files(folder)
    (family,) = catalogue(folder).values()
    assert list(family.versions) == ["1.0", "1.1"]


@pytest.mark.parametrize("name, text, said", marked("refused version"))
def test_versions_that_do_not_fit_are_refused(tmp_path, name, text, said):
    folder = tmp_path / "versions"
    folder.mkdir()
    write_files(folder)
    (folder / name).write_text(text)
    found = [str(fault).replace(f"{folder}/", "") for fault in faults_of(catalogue, folder)]
    assert found == said.splitlines()


def test_imported_base_files_give_roles(tmp_path):
    folder = tmp_path / "imports"
    folder.mkdir()
    write_files(folder)
    assert list(catalogue(folder)) == ["net-tree"]
    (tree,) = compile_file(folder / "tree.yaml").objects
    assert tree.role is Role.SERVICE
    assert tree.by_name["contract"].required


def test_classic_words_mean_what_the_page_says():
    (proton,) = [compile_text(code) for mark, code, _ in BLOCKS if not mark and "net-classic" in code]
    port, interface, vlan = proton.objects
    assert (port.api.parent, interface.api.parent_key) == (None, "port_id")
    assert port.by_name["profile"].type == Json()
    assert interface.by_name["port_id"].type.targets == ("Port",)
    assert (vlan.identifier.type.min, vlan.identifier.type.max) == (1, 4094)
    assert vlan.by_name["gateway_mac"].type == String(17, None, Format.MAC)
    assert (vlan.policies["get"], vlan.policies["list"]) == ("rule:regular_user", "rule:admin_only")


def test_a_map_of_roles_is_the_rule_that_the_page_says(library):
    (pool,) = [code for _, code, _ in marked("in") if code.startswith("Pool:")]
    said = re.search(r"list: .*# (.*)", pool)[1]
    assert compiled(library, "objects", pool).by_name["Pool"].policies["list"] == said


def test_nothing_of_a_port_must_be_given_but_its_tenant(library):
    port = compiled(library, "objects", "").port
    assert [a.name for a in port.attributes if a.required and a.default is UNSET and not a.generate] == ["tenant_id"]
