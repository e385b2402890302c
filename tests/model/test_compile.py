# SPDX-License-Identifier: Apache-2.0
"""What a right model becomes."""

import pytest

from gluon.model.compile import compile_file, compile_text
from gluon.model.imports import shipped
from gluon.model.schema import BINDING_ATTRIBUTES, UNSET, Role
from gluon.model.types import Boolean, Enum, Format, Integer, Json, List, Number, Reference, String, Structure, Uuid

HEAD = 'file_version: "1.0"\nimports: base.yaml\ninfo: {name: m, version: 1.10}\nobjects:\n'


def compiled(objects):
    return compile_text(HEAD + objects)


def attribute(text):
    return compiled(f"  A: {{api: {{name: a}}, attributes: {{x: {text}}}}}\n  B: {{api: {{name: b}}}}").objects[0].by_name["x"]


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("{type: integer}", Integer()),
        ("{type: integer, format: int64, min: -1}", Integer("int64", -1, 2**63 - 1)),
        ("{type: number, min: 0.5, max: 1}", Number(0.5, 1)),
        ("{type: string}", String(255)),
        ("{type: string, length: 3, pattern: '^a', format: cidr}", String(3, "^a", Format.CIDR)),
        ("{type: boolean}", Boolean()),
        ("{type: uuid}", Uuid()),
        ("{type: enum, values: [on, 12:30, 1.10, yes, ~x]}", Enum(("on", "12:30", "1.10", "yes", "~x"))),
        ("{type: B}", Reference(("B",), Uuid())),
        ("{type: list, items: integer, min_items: 1, max_items: 2}", List(Integer(), 1, 2)),
        ("{type: list, items: B}", List(Reference(("B",), Uuid()))),
        ("{type: list, items: {type: string, format: ip}, unique: true}", List(String(format=Format.IP), unique=True)),
        ("{type: list, items: {type: list, items: number}}", List(List(Number()))),
        ("{type: object}", Json()),
    ],
)
def test_types(text, type):
    assert attribute(text).type == type


def test_structures():
    members = "attributes: {b: {type: B, required: true, on_delete: cascade}, n: {type: integer, default: 3}}"
    for structure in (f"{{{members}}}", f"{{type: object, {members}}}"):
        items = attribute(f"{{type: list, items: {structure}}}").type.items
        assert isinstance(items, Structure)
        assert [(a.name, a.type, a.required, a.default, a.on_delete) for a in items.attributes] == [
            ("b", Reference(("B",), Uuid()), True, UNSET, "cascade"),
            ("n", Integer(), False, 3, "restrict"),
        ]


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("{type: string, default: 1.10}", "1.10"),
        ("{type: string, default: on}", "on"),
        ("{type: string, default: 12:30}", "12:30"),
        ("{type: string, default: null}", None),
        ("{type: string, default: 'null'}", "null"),
        ("{type: string, format: mac, default: 00-1B-44-11-3A-B7}", "00:1b:44:11:3a:b7"),
        ("{type: integer, default: 0x10}", 16),
        ("{type: number, default: 1}", 1.0),
        ("{type: boolean, default: 'True'}", True),
        ("{type: B, default: 7D0C1C1E-3A5C-4C6E-9A55-0123456789AB}", "7d0c1c1e-3a5c-4c6e-9a55-0123456789ab"),
        ("{type: list, items: string, default: [1, on]}", ["1", "on"]),
        ("{type: object, default: {a: 1, b: [on, true]}}", {"a": 1, "b": ["on", True]}),
        ("{type: object, attributes: {a: {type: string}, b: {type: integer, default: 2}}, default: {a: 1}}", {"a": "1", "b": 2}),
        ("{type: string}", UNSET),
    ],
)
def test_defaults_are_read_as_their_type_wants_them(text, default):
    assert attribute(text).default == default


def test_flags():
    flags = "required: true, allocate: true, immutable: true, readonly: true, write_only: true"
    x = attribute(f"{{type: integer, description: d, {flags}, renamed_from: y}}")
    assert (x.description, x.required, x.allocate, x.unique, x.immutable, x.readonly, x.write_only, x.renamed_from) == (
        ("d", True, True, True, True, True, True, "y")
    )
    assert str(x.place) == "model.yaml:5:36"


def test_an_object_without_a_primary_attribute_gets_an_id():
    obj = compiled("  A: {api: {name: a}, attributes: {x: {type: string}}}").objects[0]
    assert [a.name for a in obj.attributes] == ["id", "x"]
    assert (obj.identifier.type, obj.identifier.generate, obj.identifier.required) == (Uuid(), True, True)


def test_an_id_of_type_uuid_is_the_identifier_unsaid():
    obj = compiled("  A: {api: {name: a}, attributes: {x: {type: string}, id: {type: uuid}}}").objects[0]
    assert [a.name for a in obj.attributes] == ["x", "id"]
    assert obj.identifier is obj.by_name["id"]


def test_identifiers_of_other_types_must_be_given():
    obj = compiled("  A: {api: {name: a}, attributes: {x: {type: string, primary: true}}}").objects[0]
    assert (obj.identifier.name, obj.identifier.required, obj.identifier.generate) == ("x", True, False)


def test_keys_of_references_are_resolved_through_references():
    proton = compiled(
        "  A: {api: {name: a}, attributes: {b: {type: B, primary: true}}}\n"
        "  B: {api: {name: b}, attributes: {c: {type: C, primary: true}}}\n"
        "  C: {api: {name: c}, attributes: {n: {type: string, length: 9, primary: true}}}\n"
        "  D: {api: {name: d}, attributes: {a: {type: A}}}\n"
    )
    assert proton.by_name["D"].by_name["a"].type == Reference(("A",), String(9))


def test_a_reference_to_a_base_object_is_one_to_all_that_extend_it():
    proton = compiled(
        "  Base: {}\n  Deeper: {extends: Base}\n"
        "  Z: {api: {name: z}, extends: Deeper}\n  A: {api: {name: a}, extends: Base}\n"
        "  X: {api: {name: x}, attributes: {p: {type: Base}, q: {type: Deeper}}}\n"
    )
    x = proton.by_name["X"].by_name
    assert x["p"].type == Reference(("A", "Z"), Uuid())
    assert x["q"].type == Reference(("Z",), Uuid())


def test_several_services_can_be_bound():
    proton = compiled(
        "  P: {api: {name: p}, extends: BasePort}\n  I: {api: {name: i}, extends: BaseInterface}\n"
        "  T: {api: {name: t}, extends: BaseService}\n  S: {api: {name: s}, extends: BaseService}\n"
        "  B: {api: {name: b}, extends: BaseServiceBinding}\n"
    )
    assert proton.by_name["B"].by_name["service_id"].type == Reference(("S", "T"), Uuid())


def test_inheritance():
    obj = compiled(
        "  Base: {attributes: {x: {type: string, length: 9, default: abc, description: old}, y: {type: integer}},"
        " unique: [[x]], policies: {get: '@', create: '!'}}\n"
        "  A: {api: {name: a}, extends: Base, attributes: {z: {type: string}, x: {type: integer}, y: {min: 3}},"
        " unique: [[y, z]], policies: {get: '!'}}\n"
    ).objects[0]
    assert [a.name for a in obj.attributes] == ["id", "x", "y", "z"]
    x = obj.by_name["x"]
    assert (x.type, x.default, x.description) == (Integer(), UNSET, "old")
    assert obj.by_name["y"].type == Integer(min=3)
    assert obj.unique == (("x",), ("y", "z"))
    assert (obj.policies["get"], obj.policies["list"], obj.policies["create"]) == ("!", "!", "!")


def test_what_says_the_same_as_an_inherited_key_replaces_it():
    x = (
        compiled(
            "  Base: {attributes: {x: {type: string, validate: ipv4address, default: 192.0.2.1}}}\n"
            "  A: {api: {name: a}, extends: Base, attributes: {x: {format: mac, generate: true}}}\n"
        )
        .objects[0]
        .by_name["x"]
    )
    assert (x.type, x.default, x.generate) == (String(format=Format.MAC), UNSET, True)


def test_roles_come_through_bases_of_ones_own():
    proton = compiled("  MyPort: {extends: BasePort, attributes: {x: {type: string}}}\n  P: {api: {name: p}, extends: MyPort}")
    assert proton.objects[0].role is Role.PORT


def test_a_port_says_how_its_binding_stands():
    port = compiled("  P: {api: {name: p}, extends: BasePort}").objects[0]
    assert tuple(a.name for a in port.attributes[-3:]) == BINDING_ATTRIBUTES
    assert all(a.readonly for a in port.attributes[-3:])
    assert port.by_name["binding_state"].default == "UNBOUND"


def test_words_of_sql_are_names_like_others():
    obj = compiled(
        "  Select: {api: {name: table}, attributes: {order: {type: string}, group: {type: integer}, from: {type: uuid}}}"
    ).objects[0]
    assert [a.name for a in obj.attributes] == ["id", "order", "group", "from"]


def test_parents():
    proton = compiled(
        "  P: {api: {name: p}}\n"
        "  A: {api: {name: a, parent: P}, attributes: {up: {type: P}, all: {type: list, items: P}}}\n"
        "  B: {api: {name: b, parent: A, parent_key: y}, attributes: {x: {type: A}, y: {type: A}}}\n"
        "  C: {api: {name: c, parent: P}, attributes: {up: {type: P}}}\n"
        "  R: {api: {name: r, parent: root}}\n"
    )
    assert [(o.api.parent, o.api.parent_key) for o in proton.objects] == [
        (None, None), ("P", "up"), ("A", "y"), ("P", "up"), (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "order"),
    [
        ({"A": ["B"], "B": ["C"], "C": []}, "CBA"),
        ({"A": [], "B": [], "C": []}, "ABC"),
        ({"A": ["B"], "B": ["A"], "C": []}, "ABC"),
        ({"X": ["B"], "A": ["B"], "B": ["A"], "C": ["X"]}, "ABXC"),
        ({"A": ["A", "B"], "B": []}, "BA"),
        ({"D": ["A"], "A": ["B"], "B": ["C"], "C": ["A", "E"], "E": []}, "EABCD"),
    ],
)
def test_the_order_of_references(objects, order):
    text = "".join(
        f"  {name}: {{api: {{name: {name}}}, attributes: {{u: {{type: string}},"
        + ", ".join(f"to{i}: {{type: list, items: {target}}}" for i, target in enumerate(targets))
        + "}}\n"
        for name, targets in objects.items()
    )
    proton = compiled(text)
    assert "".join(o.name for o in proton.order) == order
    assert [o.name for o in proton.objects] == list(objects)


def test_imports_beside_the_model_come_before_shared_and_shipped_ones(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "shared").mkdir()
    base = "objects: {%s: {attributes: {x: {type: %s}}}}"
    (tmp_path / "models" / "one.yaml").write_text(f"imports: two.yaml\n{base % ('One', 'integer')}")
    (tmp_path / "shared" / "one.yaml").write_text("not read")
    (tmp_path / "shared" / "two.yaml").write_text(f"imports: [one.yaml, base/base.yaml]\n{base % ('Two', 'string')}")
    model = tmp_path / "models" / "m.yaml"
    model.write_text(
        "imports: [one.yaml]\ninfo: {name: m, version: 1}\n"
        "objects: {A: {api: {name: a}, extends: One}, B: {api: {name: b}, extends: Two},"
        " C: {api: {name: c}, extends: BaseObject}}"
    )
    proton = compile_file(model, shared=[tmp_path / "shared"])
    assert [o.by_name["x"].type for o in proton.objects[:2]] == [Integer(), String()]
    assert [o.name for o in proton.objects] == ["A", "B", "C"]


def test_objects_of_an_imported_file_are_part_of_the_model():
    text = "imports: more.yaml\ninfo: {name: m, version: 1}\nobjects: {A: {api: {name: a}, attributes: {b: {type: B}}}}"
    proton = compile_text(text, imports={"more.yaml": "objects: {B: {api: {name: b}}}"})
    assert [o.name for o in proton.order] == ["B", "A"]


def test_nothing_of_a_shipped_port_must_be_given_but_its_tenant():
    port = compile_file(shipped() / "net-l3vpn.yaml").port
    assert port is not None
    filled = [a.name for a in port.attributes if a.default is not UNSET or a.generate or a.allocate or a.default_from]
    assert [a.name for a in port.attributes if a.required and a.name not in filled] == ["tenant_id"]
    wanted = {"admin_state_up": True, "status": "DOWN", "vnic_type": "normal", "mtu": 1500, "vlan_transparency": False}
    assert {name: port.by_name[name].default for name in wanted} == wanted
    assert port.by_name["mac_address"].generate
