# SPDX-License-Identifier: Apache-2.0
"""Every fault that a model can have: one message with its place, and all of a file's at once."""

from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.model.compile import compile_text
from gluon.model.faults import ModelError
from gluon.model.imports import shipped

HEAD = """\
imports: base.yaml
info: {name: m, version: 1.0}
objects:
"""
ATTRIBUTES = f"""\
{HEAD}  A:
    api: {{name: a}}
    attributes:
"""


def faults(text, **options):
    with pytest.raises(ModelError) as caught:
        compile_text(text, file="m.yaml", **options)
    return str(caught.value).splitlines()


def cases(name):
    """What a file of wrong models holds: pairs of a text and the faults (lines that begin with ``>``) that it must give."""
    found = []
    for block in (Path(__file__).parent / "wrong" / f"{name}.txt").read_text().strip().split("\n\n"):
        lines = block.splitlines()
        text = "\n".join(line for line in lines if not line.startswith(">"))
        found.append((text, [line.removeprefix("> ") for line in lines if line.startswith(">")]))
    return found


def short(lines):
    return [line.removeprefix("m.yaml:").replace(f"{shipped()}/", "…/") for line in lines]


@pytest.mark.parametrize(("text", "expected"), cases("files"))
def test_files(text, expected):
    assert short(faults(text)) == expected


@pytest.mark.parametrize(("objects", "expected"), cases("objects"))
def test_objects(objects, expected):
    assert short(faults(HEAD + indent(objects, "  "))) == expected


@pytest.mark.parametrize(("attribute", "expected"), cases("attributes"))
def test_attributes(attribute, expected):
    assert short(faults(ATTRIBUTES + indent(attribute, " " * 6))) == expected


@pytest.mark.parametrize("name", ["project_id", "binding_id", "binding_state", "binding_controller"])
def test_names_that_a_port_has_already(name):
    found = faults(f"{HEAD}  A: {{api: {{name: a}}, extends: BasePort, attributes: {{{name}: {{type: object}}}}}}")
    assert len(found) == 1 and found[0].startswith("m.yaml:4:55: ") and found[0].endswith("choose another name")


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("host_id: {type: integer}", "'host_id' of an object that extends BasePort must be of type string"),
        (
            "vif_details: {type: string}",
            "'vif_details' of an object that extends BasePort must be of type object without attributes",
        ),
        ("status: {values: [UP, DOWN], default: UP}", "the status of a port must have the values ACTIVE and DOWN"),
    ],
)
def test_what_a_role_needs_cannot_be_changed(attribute, message):
    objects = f"  A: {{api: {{name: a}}, extends: BasePort, attributes: {{{attribute}}}}}"
    assert faults(HEAD + objects) == [f"m.yaml:4:55: {message}"]


def test_a_base_file_of_ones_own_must_have_what_the_role_needs():
    objects = "  BasePort: {attributes: {name: {type: string}}}\n  P: {api: {name: p}, extends: BasePort}"
    text = f"info: {{name: m, version: 1}}\nobjects:\n{objects}"
    missing = ("tenant_id", "device_id", "host_id", "status", "vif_type", "vif_details")
    assert faults(text) == [f"m.yaml:4:3: 'P' extends BasePort, and so needs an attribute '{name}'" for name in missing]


def test_an_example_of_the_design():
    tap = "  Tap:\n    api: {name: tap}\n    attributes:\n      port_id: {type: Prot}\n"
    assert faults(f"{HEAD}  Port: {{api: {{name: port}}, extends: BasePort}}\n{tap}") == [
        "m.yaml:8:23: unknown type 'Prot': did you mean 'Port'?"
    ]


def test_all_faults_of_a_file_at_once_in_the_order_of_its_lines():
    attributes = "      x: {type: strin}\n      y: {type: enum}\n      y: !t {}\n"
    text = f"{ATTRIBUTES}{attributes}  B: {{api: {{name: a}}, extends: C, policies: {{get: 'rule:x'}}}}\n"
    assert [line.split(":")[1] for line in faults(text)] == ["7", "8", "9", "9", "10"]


def test_a_base_object_that_nothing_extends_is_looked_at_too():
    assert faults(f"{HEAD}  A: {{api: {{name: a}}}}\n  B: {{attributes: {{x: {{type: strin}}}}}}") == [
        "m.yaml:5:30: unknown type 'strin': did you mean 'string'?"
    ]


def test_a_fault_in_an_imported_file_has_its_place_there():
    text = "imports: [b.yaml, c.yaml]\ninfo: {name: m, version: 1}\nobjects: {A: {api: {name: a}, extends: B}}"
    imports = {"b.yaml": "objects:\n  B: {attributes: {x: {type: strin}}}", "c.yaml": "objects: ["}
    assert faults(text, imports=imports) == [
        "b.yaml:2:30: unknown type 'strin': did you mean 'string'?",
        "c.yaml:1:11: not YAML: while parsing a flow node, expected the node content, but found '<stream end>'",
    ]


def test_a_long_chain_of_identifiers_ends():
    objects = "\n".join(
        f"  A{i}: {{api: {{name: a{i}}}, attributes: {{x: {{type: A{i + 1}, primary: true}}}}}}" for i in range(300)
    )
    found = faults(f"{HEAD}{objects}\n  A300: {{api: {{name: a300}}}}")
    assert "the identifier of 'A0' refers through more than 16 objects: A0 → A1" in found[0]


def test_more_objects_than_anyone_models():
    objects = "\n".join(f"  A{i}: {{api: {{name: a{i}}}}}" for i in range(1001))
    assert faults(HEAD.replace("imports: base.yaml\n", "") + objects) == ["m.yaml:1003:3: more than 1000 objects"]


def test_more_attributes_than_a_table_has_columns():
    attributes = ", ".join(f"x{i}: {{type: string}}" for i in range(1001))
    assert faults(f"{HEAD}  A: {{api: {{name: a}}, attributes: {{{attributes}}}}}") == [
        "m.yaml:4:3: 'A' has 1001 attributes: at most 1000 are allowed"
    ]


def test_words_of_any_length_make_a_line():
    (line,) = faults(f"{ATTRIBUTES}      x: {{type: {'t' * 5000}}}")
    assert line == f"m.yaml:7:17: unknown type '{'t' * 486}…"
    (line,) = faults(f"info: {{name: m, version: 1}}\nimports: {'x' * 5000}\nobjects: {{A: {{api: {{name: a}}}}}}")
    assert line.startswith("m.yaml:2:10: cannot import 'xxx")


def test_a_file_with_too_many_faults_is_given_up():
    objects = "".join(
        f"  Obj{i}: {{api: {{name: a{i}}}, attributes: {{" + ", ".join(f"a{j}: {{type: Obk{j}x}}" for j in range(25)) + "}}\n"
        for i in range(200)
    )
    found = faults(HEAD + objects)
    assert len(found) == 1001
    assert found[-1].endswith("and so on: more than 1000 faults")


@pytest.mark.parametrize("values", [", ".join(f"v{i}" for i in range(20_000)), ", ".join(["v"] * 20_000)])
def test_many_words_and_names_are_read_in_time(values):
    found = faults(f"{ATTRIBUTES}      x: {{type: enum, values: [{values}], default: w}}\n    unique: [[{values}]]")
    assert len(found) in (2, 1001)


def test_what_is_shared_is_looked_at_once_for_suggestions():
    shared = ", ".join(f"a{i}: {{type: strin, lenght: 1}}" for i in range(100))
    objects = "".join(f"  B{i}: {{api: {{name: b{i}}}, attributes: *t}}\n" for i in range(100))
    assert len(faults(f"{HEAD}  A: {{api: {{name: a}}, attributes: &t {{{shared}}}}}\n{objects}")) == 200


SHIPPED = (shipped() / "net-l3vpn.yaml").read_text()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_damaged_model_is_compiled_or_refused(data):
    lines = SHIPPED.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        act = data.draw(st.sampled_from(["drop", "double", "indent", "cut", "swap"]))
        match act:
            case "drop":
                lines[at] = ""
            case "double":
                lines[at] *= 2
            case "indent":
                lines[at] = "  " + lines[at]
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))] + "\n"
            case _:
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
    try:
        compile_text("".join(lines))
    except ModelError as error:
        assert error.faults
