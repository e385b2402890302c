# SPDX-License-Identifier: Apache-2.0
"""The reference of the model language is complete, and each example on it is what the compiler takes or says.

A comment before a block tells what it is:

    <!-- in: attributes -->             attributes of an object           <!-- in: objects -->        objects of a model
    <!-- step: line.yaml -->            a model; what ``gluon check`` says of it follows
    <!-- refused: mesh.yaml -->         a model; the compiler's message follows
    <!-- file: folder/name.yaml -->     one of the files of a folder, which is a catalogue
    <!-- refused version: name.yaml --> instead of that file of the folder versions; the message follows
    <!-- faults: objects -->            a table of fragments and messages

A block without one is a whole model.
"""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from gluon.cmd.check import summary
from gluon.model import declarations, formats, grammar, info, objects, references, rules, source, typereader, values
from gluon.model.catalogue import load_catalogue
from gluon.model.compile import compile_file, compile_node, compile_text
from gluon.model.faults import Faults, ModelError
from gluon.model.imports import Library, shipped
from gluon.model.nodes import Map
from gluon.model.roles import BASE_OF_ROLE
from gluon.model.schema import ACTIONS, BINDING_ATTRIBUTES, BINDING_ID, BOOKKEEPING, UNSET, Role
from gluon.model.types import Format, Json, String

TEXT = (Path(__file__).resolve().parents[2] / "docs/model-language.md").read_text()
BLOCKS = re.findall(r"^(?:<!-- ([^\n]*) -->\n)?```yaml\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", TEXT, re.MULTILINE | re.DOTALL)

HEAD = 'file_version: "1.0"\nimports: base.yaml\ninfo: {name: net-try, version: "1.0"}\nobjects:\n'
#: The objects that fragments may refer to.
AROUND = """\
Port: {extends: BasePort, api: {name: port}}
Interface: {extends: BaseInterface, api: {name: interface, parent: Port}}
Ring: {extends: BaseService, api: {name: ring}}
Membership: {extends: BaseServiceBinding, api: {name: membership}}
"""


def marked(kind):
    """The blocks of a kind: (what the mark says of it, YAML, the text that follows)."""
    found = [(mark.removeprefix(f"{kind}: "), code, after) for mark, code, after in BLOCKS if mark.startswith(f"{kind}: ")]
    assert found, f"no example is marked '{kind}'"
    return found


def indented(text, by):
    return re.sub(r"^(?=.)", " " * by, text, flags=re.MULTILINE)


def whole(where, fragment):
    """A model around a fragment."""
    text = HEAD + indented(AROUND, 2)
    if where == "attributes":
        return text + "  Try:\n    api: {name: try, plural_name: tries}\n    attributes:\n" + indented(fragment, 6)
    return text + indented(fragment, 2)


@pytest.fixture(scope="module")
def library():
    """What the models here import is read once."""
    return Library()


def compiled(library, where, fragment):
    faults = Faults()
    return compile_node(source.parse(whole(where, fragment), "model.yaml", faults), "model.yaml", library, faults)


def rows(mark):
    """The cells of the table after a mark."""
    lines = TEXT.partition(f"<!-- {mark} -->\n")[2].splitlines()
    table = list(takewhile(lambda line: line.startswith("|"), lines))
    assert len(table) > 2, f"no table is marked '{mark}'"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


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


def test_the_types_have_the_keys_that_fit_them():
    said = {cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[1])) for cells in rows("types") if cells[0].startswith("`")}
    assert said == {name: set(keys) for name, keys in typereader.FITTING.items()}


def test_the_formats_are_all_there_and_keep_what_the_page_says():
    said = {cells[0].strip("`"): (cells[2].strip("`"), cells[3].strip("`")) for cells in rows("formats")}
    assert said.keys() == {format.value for format in Format}
    assert {name: formats.canonical(Format(name))(given) for name, (given, _) in said.items()} == {
        name: kept for name, (_, kept) in said.items()
    }


@pytest.mark.parametrize("base", ["BaseObject", *BASE_OF_ROLE.values()])
def test_the_base_objects_have_the_attributes_that_the_page_lists(base):
    tree = source.read(shipped() / "base.yaml").entries["objects"].value.entries
    own = tree[base].value.entries
    inherited = tree["BaseObject"].value.entries["attributes"].value.entries if "extends" in own else {}
    listed = [cells[0].strip("`") for cells in rows(f"base: {base}")]
    assert listed == [name for name in own["attributes"].value.entries if name not in inherited]


def test_the_base_objects_have_the_values_that_the_page_lists():
    attributes = source.read(shipped() / "base.yaml").entries["objects"].value.entries
    for base in BASE_OF_ROLE.values():
        declared = attributes[base].value.entries["attributes"].value.entries
        for name, type, filled in rows(f"base: {base}"):
            keys = declared[name.strip("`")].value.entries
            for key in ("default", "length", "min", "max"):
                if key in keys and not (key == "length" and "format" in keys):
                    assert keys[key].value.text in f"{type} {filled}"
            if "values" in keys:
                assert type == ", ".join(word.text for word in keys["values"].value.items)
            assert ("null" in filled) is not ({"required", "primary"} & keys.keys() != set())


def test_nothing_of_a_port_must_be_given_but_its_tenant(library):
    port = compiled(library, "objects", "").port
    assert [a.name for a in port.attributes if a.required and a.default is UNSET and not a.generate] == ["tenant_id"]


KEYS = {
    "file": grammar.FILE,
    "info": grammar.INFO,
    "author": grammar.AUTHOR,
    "object": grammar.OBJECT,
    "api": grammar.API,
    "parent": {"parent": None},
    "attribute": grammar.ATTRIBUTE,
    "type": grammar.TYPE,
    "member": grammar.MEMBER,
    "policies": grammar.POLICIES,
    "actions": ACTIONS,
    "validate": typereader.VALIDATE,
    "bookkeeping": (*BOOKKEEPING, *BINDING_ATTRIBUTES, BINDING_ID),
    "base rules": rules.BASE_RULES,
    "base objects": ("BaseObject", *BASE_OF_ROLE.values()),
    "reactions": ("restrict", "cascade", "set_null"),
}


@pytest.mark.parametrize("words", KEYS.values(), ids=KEYS)
def test_every_word_of_the_language_is_on_the_page(words):
    assert [word for word in words if f"`{word}`" not in TEXT] == []


def test_no_more_words_have_come_to_parent():
    assert set(grammar.PARENT) == {"type", "attribute"}
    assert "`parent: {type: …, attribute: …}`" in TEXT


def test_the_limits_are_the_compilers():
    limits = TEXT.partition("## Limits")[2]
    known = {
        source.MAX_BYTES,
        source.MAX_DEPTH,
        source.MAX_NODES,
        declarations.MAX_OBJECTS,
        declarations.MAX_NAME,
        objects.MAX_API_NAME,
        info.MAX_NAME,
        typereader.MAX_LENGTH,
        references.MAX_KEY_LENGTH,
        values.MAX_DEPTH,
    }
    assert {int(number) for number in re.findall(r"\d+", limits)} == known


def test_the_shipped_models_are_named():
    models = [
        path.stem for path in shipped().glob("*.yaml") if isinstance(node := source.read(path), Map) and "info" in node.entries
    ]
    assert models
    assert [name for name in models if f"`{name}`" not in TEXT] == []


def test_sections_that_are_linked_exist():
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
