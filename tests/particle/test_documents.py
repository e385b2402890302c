# SPDX-License-Identifier: Apache-2.0
"""What the API takes and shows of an object, and that the fast way and the slow way through a body are one."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluon.errors import Invalid, TooLarge
from gluon.model.schema import BOOKKEEPING
from gluon.model.types import Boolean, Enum, Format, Integer, Json, List, Number, Reference, String, Structure, Uuid
from gluon.particle import schemas
from gluon.particle.decoding import MAX_VALUE
from gluon.particle.documents import documents

ID = "0d0e8a2e-5f7c-4b8e-9f61-0e6f6f0c9a11"
TENANT = {"tenant_id": "6b8e2a0f3c5d4e7f8a9b0c1d2e3f4a5b"}


@pytest.fixture(scope="session")
def small_documents(small):
    return documents(small)


@pytest.fixture(scope="session")
def port(small_documents):
    return small_documents["Port"]


@pytest.fixture(scope="session")
def peering(small_documents):
    return small_documents["Peering"]


def body(*values, **named) -> bytes:
    return json.dumps({k: v for value in (*values, named) for k, v in value.items()}).encode()


def faults(decode, text) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        decode(text)
    assert len({fault.pointer for fault in raised.value.faults}) == len(raised.value.faults)
    return {fault.pointer: fault.detail for fault in raised.value.faults}


def test_a_body_says_what_it_names_and_no_more(port):
    assert port.decode_create(body(TENANT, name="p", mtu=9000, profile={"a": [1, "b"]})) == {
        **TENANT,
        "name": "p",
        "mtu": 9000,
        "profile": {"a": [1, "b"]},
    }
    assert port.decode_update(b"{}") == {}
    assert port.decode_update(body(name=None)) == {"name": None}


def test_values_come_in_canonical_form(port, peering):
    assert port.decode_create(body(TENANT, id=ID.upper(), mac_address="52-54-00-AB-CD-EF")) == {
        **TENANT,
        "id": ID,
        "mac_address": "52:54:00:ab:cd:ef",
    }
    given = {"networks": ["2001:DB8:0::/32"], "order": 3, "hop": {"address": "2001:DB8::0:1"}, "interface_id": ID.upper()}
    assert peering.decode_update(body(given)) == {
        "networks": ["2001:db8::/32"],
        "order": 3.0,
        "hop": {"address": "2001:db8::1", "weight": None},
        "interface_id": ID,
    }


def test_an_attribute_may_have_any_name(peering):
    values = {"class": "word", "__init__": -(2**63)}
    assert peering.decode_create(body(TENANT, values)) == {**TENANT, **values}


def test_all_that_is_wrong_is_said_at_once(port):
    text = b"""{"name": 7, "mtu": 1, "mac_adress": "52:54:00:12:34:56", "status": "UP", "admin_state_up": null,
        "profile": {"a": 9223372036854775808}, "vif_details": {"b\\u0000": "\\ud800"}, "device_id": "a\\u0000",
        "host_id": "\\udc00", "id": "12", "name": "x"}"""
    found = faults(port.decode_create, text)
    assert found["/mac_adress"] == "unknown attribute: did you mean 'mac_address'?"
    assert found["/admin_state_up"] == "must not be null"
    assert found["/tenant_id"] == "must be given"
    assert found["/name"] == "given more than once"
    assert found.keys() == {
        "/mac_adress",
        "/admin_state_up",
        "/tenant_id",
        "/name",
        "/mtu",
        "/status",
        "/profile/a",
        "/vif_details",
        "/device_id",
        "/host_id",
        "/id",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"name": "a", "name": "a"}',
        b'{"name":"a","n\\u0061me":"a"}',
        b'{"profile": {"a": 1, "a": 1}}',
        b'{"profile": {"a": "b:c", "b":"","a": "b:c"}}',
        b'{"name": "\xff"}',
        b'{"name": "a"} {}',
        b'{"mtu": NaN}',
        b'{"mtu": 1500.0}',
        b'{"mtu": 1e3}',
        b'{"mtu": true}',
        b'{"mtu": "1500"}',
        b'{"mtu": ' + b"9" * 30 + b"}",
        b'{"mtu": ' + b"9" * 5000 + b"}",
        b'{"profile": ' + b'{"a":' * 1000 + b"1" + b"}" * 1001,
        b'{"profile": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
        b'{"profile": {"a": ' + b"[" * 100_000,
        b'{"profile": {"a": -9223372036854775809}}',
        b'{"profile": {"a": ' + b"9" * 5000 + b"}}",
        b'{"profile": {"a": 1e400}}',
        b'{"profile": {"a": NaN}}',
        b'{"profile": []}',
        b'{"admin_state_up": 1}',
        b'{"admin_state_up": null}',
        b'{"id": null}',
        b'{"tenant_id": null}',
        b'{"project_id": null}',
        b'{"binding_id": "x"}',
        b'{"": 1}',
        b'{"tenant_id": "' + b"a" * 65 + b'"}',
    ],
)
def test_bad_bodies_are_refused(port, text):
    assert faults(port.decode_update, text)
    assert faults(port.decode_create, text)


def test_a_tenant_has_two_names(port):
    assert port.decode_create(body(project_id="t")) == {"tenant_id": "t"}
    assert port.decode_create(body(project_id="t", tenant_id="t")) == {"tenant_id": "t"}
    assert port.decode_update(body(project_id="t")) == {"tenant_id": "t"}
    assert faults(port.decode_create, body(project_id="t", tenant_id="u")).keys() == {"/project_id"}
    assert faults(port.decode_create, body(project_id="a" * 65)).keys() == {"/project_id"}


def test_objects_without_a_tenant_have_no_project(small_documents):
    assert faults(small_documents["Counter"].decode_create, body(number=1, project_id="t")).keys() == {"/project_id"}


def test_readonly_values_are_passed_on(port):
    assert port.decode_update(body(binding_state="BOUND")) == {"binding_state": "BOUND"}


def test_what_the_path_gives_the_body_may_leave_out(small_documents):
    interface = small_documents["Interface"]
    assert faults(interface.decode_create, body(TENANT)) == {"/port_id": "must be given"}
    assert interface.decode_create(body(TENANT), ("port_id",)) == TENANT
    assert interface.decode_create(body(TENANT, port_id=ID), ("port_id",)) == {**TENANT, "port_id": ID}
    assert faults(
        interface.decode_create,
        b"{}",
    ) == {"/tenant_id": "must be given", "/port_id": "must be given"}


def test_identifiers_that_no_one_makes_must_be_given(small_documents):
    assert faults(small_documents["Counter"].decode_create, b"{}") == {"/number": "must be given"}


def test_an_identifier_is_not_empty(small_documents):
    assert faults(small_documents["Word"].decode_create, b'{"word": ""}') == {"/word": "must not be empty"}
    assert small_documents["Word"].decode_create(b'{"word": "w"}') == {"word": "w"}


def test_values_may_be_large_but_not_without_limit(port):
    near = {"a": "x" * (MAX_VALUE - len('{"a":""}'))}
    assert port.decode_update(body(profile=near)) == {"profile": near}
    assert port.decode_update(body(profile=near, vif_details=near)) == {"profile": near, "vif_details": near}
    near["a"] += "x"
    with pytest.raises(TooLarge) as raised:
        port.decode_update(body(profile=near))
    assert [fault.pointer for fault in raised.value.faults] == ["/profile"]


@pytest.mark.parametrize("text", ["x" * MAX_VALUE, "\\ud800" + "é" * (MAX_VALUE // 2)])
def test_a_large_value_is_too_large_whatever_else_it_is(port, text):
    with pytest.raises(TooLarge):
        port.decode_create(b'{"name": "%s", "mtu": 1}' % text.encode())


@pytest.mark.parametrize(
    "value",
    [
        b'{"a":' * 700 + b'"' + b"x" * MAX_VALUE + b'"' + b"}" * 700,
        b"[" * 700 + b"]" * 700 + b" " * MAX_VALUE,
        b'"\\ud800"' + b" " * MAX_VALUE,
        b"9" * 400 + b" " * MAX_VALUE,
        b"1e999" + b" " * MAX_VALUE,
    ],
)
def test_a_large_body_is_refused_for_what_is_wrong_in_it(port, value):
    with pytest.raises((Invalid, TooLarge)):
        port.decode_create(b'{"tenant_id": "t", "profile": ' + value + b"}")


def test_masses_of_unknown_names_are_cheap_to_refuse(port):
    text = body({f"n{i}me": i for i in range(50_000)})
    assert len(faults(port.decode_create, text)) == 100


def test_answers_hold_everything_but_secrets(peering, port):
    record = dict.fromkeys(peering.object.by_name) | {"password": "s3cret", "class": "a", "__init__": 2**63 - 1}
    record |= dict.fromkeys(BOOKKEEPING, 3)
    shown = json.loads(peering.encode(record))
    assert list(shown) == [n for n in peering.object.by_name if n != "password"] + ["created_at", "updated_at", "revision"]
    assert shown["class"] == "a" and shown["__init__"] == 2**63 - 1
    full = dict.fromkeys((*port.object.by_name, *BOOKKEEPING, "binding_id"), 1)
    assert "binding_id" not in json.loads(port.encode(full))


def test_pages_say_where_the_list_goes_on(port):
    record = dict.fromkeys((*port.object.by_name, *BOOKKEEPING, "binding_id"))
    one = json.loads(port.encode(record))
    assert json.loads(port.encode_page([record, record], None)) == {"ports": [one, one]}
    assert json.loads(port.encode_page([], "/proton/x?marker=1")) == {
        "ports": [],
        "links": [{"rel": "next", "href": "/proton/x?marker=1"}],
    }


def test_records_of_a_newer_version_are_projected(port):
    record = dict.fromkeys((*port.object.by_name, *BOOKKEEPING, "binding_id", "later_attribute"))
    assert "later_attribute" not in json.loads(port.encode(record))


# The fast way and the slow way. What the fast way takes, the slow way takes too, to the same values.

TEXTS: dict[Format, tuple[str, ...]] = {
    Format.MAC: ("52:54:00:12:34:56", "52-54-00-AB-CD-EF", "5254.00AB.cdef"),
    Format.IP: ("192.0.2.1", "2001:DB8::0:1", "::FFFF:192.0.2.1"),
    Format.CIDR: ("192.0.2.0/24", "2001:DB8:0::/32"),
    Format.DATE_TIME: ("2026-01-31T12:00:00Z", "2026-01-31t12:00:00.5+01:00"),
}
#: What is wrong for most types, and right or nearly so for some.
ODD = (
    0,
    -1,
    1.0,
    2**31,
    2**64,
    1e300,
    "",
    "A",
    "a" * 300,
    "a\0",
    "\ud800",
    ID[1:],
    "192.0.2.1/24",
    "2026-02-31T12:00:00Z",
    True,
    None,
)
good_characters = st.characters(codec="utf-8", exclude_characters="\0")
free = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | st.text(good_characters, max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(good_characters, max_size=3), inner, max_size=3),
    max_leaves=5,
)
odd = st.recursive(
    st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def values(type):  # noqa: PLR0911 - one return for each type
    """Values of a type, in any spelling."""
    match type:
        case Integer():
            return st.integers(type.min, type.max)
        case Number():
            return st.floats(type.min, type.max) | st.integers(0, 10**6)
        case String(format=Format()):
            return st.sampled_from(TEXTS[type.format])
        case String(pattern=str()):
            return st.from_regex(type.pattern, fullmatch=True).filter(lambda text: len(text) <= type.length)
        case String():
            return st.text(good_characters, max_size=min(type.length, 8))
        case Boolean():
            return st.booleans()
        case Uuid():
            return st.sampled_from([ID, ID.upper(), ID.replace("-", "")])
        case Enum():
            return st.sampled_from(type.values)
        case Reference():
            return values(type.key)
        case List():
            return st.lists(values(type.items), min_size=type.min_items, max_size=type.max_items or 3)
        case Structure():
            members = {a.name: values(a.type) for a in type.attributes}
            required = {a.name: members.pop(a.name) for a in type.attributes if a.required}
            return st.fixed_dictionaries(required, optional=members)
        case Json():
            return st.dictionaries(st.text(good_characters, max_size=4), free, max_size=3)


def bodies(document):
    """Bodies of an object: mostly right, some with one odd member, in several spellings."""
    attributes = [a for a in document.object.attributes if a.name != "tenant_id"]
    right = st.fixed_dictionaries(
        {"tenant_id": st.just("t")},
        optional={a.name: values(a.type) if a.required else values(a.type) | st.none() for a in attributes}
        | {"project_id": st.just("t")},
    )
    names = st.sampled_from([*(a.name for a in attributes), "tenant_id", "project_id", "tenantid"])
    return st.builds(
        lambda value, other, ascii, spaces: json.dumps({**value, **other}, ensure_ascii=ascii, indent=spaces).encode(
            "utf-8", "surrogatepass"
        ),
        right,
        st.just({}) | st.dictionaries(names, odd, max_size=1),
        st.booleans(),
        st.sampled_from([None, 1]),
    )


def mutations(text):
    """The text itself, or with a piece of it repeated, removed or replaced."""
    place = st.integers(0, len(text))
    pieces = st.sampled_from(
        [b"", b'"', b":", b",", b"{", b"}", b"\\", b'"name":"a",', b"0", b"e9", b"\\u0000", b"\\ud800", b"\xff", b"null", b'\\"']
    )
    replaced = st.builds(lambda i, j, piece: text[:i] + piece + text[j:], place, place, pieces)
    inserted = st.builds(lambda i, piece: text[:i] + piece + text[i:], place, pieces)
    return st.just(text) | st.just(text) | inserted | replaced


def slow(document, text, create):
    """What the slow way says, or None where it refuses."""
    try:
        return document.decoding.slow(text, schemas.required(document.object) if create else frozenset())
    except (Invalid, TooLarge):
        return None


@pytest.mark.parametrize("name", ["Port", "Peering"])
@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_fast_way_is_the_slow_way(small_documents, name, data):
    document = small_documents[name]
    text = data.draw(bodies(document).flatmap(mutations))
    for decode, create in ((document.decode_create, True), (document.decode_update, False)):
        expected = slow(document, text, create)
        if expected is None:
            with pytest.raises((Invalid, TooLarge)):
                decode(text)
        else:
            found = decode(text)
            assert found == expected
            assert [type(v) for v in found.values()] == [type(expected[k]) for k in found]


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=40))
def test_any_bytes_are_taken_or_refused(small_documents, text):
    for document in small_documents.values():
        with pytest.raises(Invalid):
            document.decode_create(text)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": "port:1", "mac_address": "52:54:00:12:34:56", "mtu": 1500, "profile": {"a": ["b", {"c": "d:e"}]}},
        {"name": "Zürich", "admin_state_up": False},
    ],
)
def test_ordinary_bodies_take_the_fast_way(port, values):
    text = json.dumps({**TENANT, **values}, ensure_ascii=False).encode()
    assert port.decoding.fast(text) == {**TENANT, **values}
