# SPDX-License-Identifier: Apache-2.0
"""The copy that backends are handed, its records, and what vendors bring."""

import logging
from importlib.metadata import EntryPoint, EntryPoints

import msgspec
import pytest

from gluon.errors import SettingsError
from gluon.model.catalogue import load_catalogue
from gluon.model.compile import compile_text
from gluon.model.schema import Proton
from gluon.particle.shimtypes import MASK, Malformed, Record, shim_types, shown, without_secrets
from gluon.shim import loading
from gluon.shim.backend import Backend, Changes
from gluon.shim.backends.dummy_net_l3vpn import DummyNetL3VPN
from gluon.shim.calling import Calls, methods
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Offer
from gluon.shim.references import Key

L3VPN = load_catalogue()["net-l3vpn"].newest

ODD = """
file_version: "1.0"
imports: base.yaml
info: {name: odd, version: 1.0, description: "Names and shapes that get in the way", author: {name: n}}
objects:
  Class:
    extends: BaseObject
    api: {name: class, plural_name: classes}
    attributes:
      class: {type: string, description: "a word of Python"}
      key: {type: string, write_only: true, description: "a secret"}
      items: {type: list, items: {type: string}, description: "a method of a mapping"}
      nested:
        type: object
        description: "holds a pointer"
        attributes:
          next: {type: Class, description: "pointer"}
      many:
        type: list
        description: "structures"
        items: {type: object, attributes: {next: {type: Class, description: "pointer"}}}
"""


@pytest.fixture(scope="module")
def odd() -> Proton:
    return compile_text(ODD, file="odd.yaml")


def _record(proton: Proton, kind: str, **values: object) -> Record:
    return shim_types(proton)[kind].decode(msgspec.json.encode(values))


def test_a_record_is_read_as_attributes_and_as_a_mapping() -> None:
    port = _record(L3VPN, "ProtonBasePort", id="p", host_id="h", revision=3, later="unknown")
    assert port.host_id == port["host_id"] == port.get("host_id") == "h"
    assert port.name is None and port.get("name", "x") is None and port.get("later", "x") == "x"
    assert "mtu" in port and "later" not in port and port["revision"] == 3
    assert (
        dict(port) == {**port} == dict(port.items()) and list(port) == list(port.keys()) and len(port) == len(list(port.values()))
    )
    with pytest.raises(KeyError):
        port["later"]
    with pytest.raises(AttributeError):
        port.host_id = "other"


def test_names_that_python_needs_are_read_by_brackets(odd: Proton) -> None:
    record = _record(odd, "Class", **{"class": "c", "items": ["i"], "nested": {"next": "2"}})
    assert record.nested["next"] == record["nested"].next == "2"
    assert (record["class"], record["items"], record.class_, record.get("items")) == ("c", ["i"], "c", ["i"])


def test_secrets_are_shown_and_kept_nowhere(odd: Proton) -> None:
    record = _record(odd, "Class", id="1", key="hush", nested={"next": "2"})
    assert shown(record)["key"] == MASK and record.key == "hush"
    assert "hush" not in repr(record)
    assert b"hush" not in msgspec.json.encode(without_secrets(record))
    assert without_secrets(record).nested == record.nested


@pytest.mark.parametrize("value", [b"", b"[]", b'{"mtu": "wide"}', b"\xff\xfe"])
def test_what_is_no_object_of_the_kind_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        shim_types(L3VPN)["ProtonBasePort"].decode(value)


def test_references_resolve_in_both_directions() -> None:
    mirror = Mirror(L3VPN)
    for kind, values in (
        ("VpnAfConfig", {"vrf_rt_value": "64512:1"}),
        ("VpnInstance", {"id": "v", "import_targets": ["64512:1", "64512:9"]}),
        ("ProtonBasePort", {"id": "p"}),
        ("Interface", {"id": "p", "port_id": "p"}),
        ("VPNPort", {"interface_id": "p", "service_id": "v"}),
    ):
        record = _record(L3VPN, kind, **values)
        mirror.put(mirror.key(record), record)
    binding, vpn = mirror.service_bindings["p"], mirror.services["v"]
    assert mirror.resolve(binding, "service_id") is vpn
    assert mirror.resolve(binding, "interface_id") is mirror.interfaces["p"]
    assert mirror.resolve(vpn, "import_targets") == [mirror.objects["VpnAfConfig"]["64512:1"]]
    assert mirror.resolve(vpn, "name") is None and mirror.resolve(vpn, "export_targets") is None
    assert mirror.referrers(vpn) == [binding]
    assert mirror.referrers(mirror.ports["p"], "Interface") == [mirror.interfaces["p"]]
    assert mirror.referrers(mirror.ports["p"], "VPNPort") == []
    assert mirror.referrers(mirror.objects["VpnAfConfig"]["64512:1"]) == [vpn]
    mirror.drop(Key("VpnInstance", "v"))
    assert mirror.resolve(binding, "service_id") is None and mirror.referrers(mirror.interfaces["p"]) == [binding]


def test_pointers_inside_structures(odd: Proton) -> None:
    mirror = Mirror(odd)
    for values in ({"id": "1"}, {"id": "2", "nested": {"next": "1"}}, {"id": "3", "many": [{"next": "1"}, {}, {"next": "2"}]}):
        record = _record(odd, "Class", **values)
        mirror.put(mirror.key(record), record)
    one = mirror.objects["Class"]["1"]
    assert sorted(r.id for r in mirror.referrers(one)) == ["2", "3"]
    mirror.drop(Key("Class", "3"))
    assert [r.id for r in mirror.referrers(one)] == ["2"]


def test_a_table_may_change_while_it_is_read() -> None:
    mirror = Mirror(L3VPN)
    for id in ("a", "b"):
        mirror.put(Key("ProtonBasePort", id), _record(L3VPN, "ProtonBasePort", id=id))
    for id, record in mirror.ports.items():
        mirror.drop(Key("ProtonBasePort", id))
        assert record.id == id
    assert len(mirror.ports) == 0 and mirror.ports.get("a") is None and "a" not in mirror.ports
    with pytest.raises(KeyError):
        mirror.ports["a"]


def test_changes_name_the_attributes_that_differ() -> None:
    one = _record(L3VPN, "ProtonBasePort", id="p", name="a", revision=1, generation=1, binding_id="x")
    two = _record(L3VPN, "ProtonBasePort", id="p", name="b", revision=2, generation=2, binding_id="y")
    assert Changes(two, one).names == {"name"}
    assert Changes(two, {}).names == {"id", "name"}


def test_the_dummy_logs_one_line_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    peering = _record(L3VPN, "BGPPeering", id="b", name="n\nm", password="hush", peer_ip_address="10.0.0.1")
    with caplog.at_level(logging.INFO):
        DummyNetL3VPN().modify_object("BGPPeering", "b", Mirror(L3VPN), Changes(peering, {}))
    assert caplog.messages == ["modify_object BGPPeering b id='b' name='n\\nm' password='***' peer_ip_address='10.0.0.1'"]


def test_only_what_a_backend_defines_is_called() -> None:
    class Partial(Backend):
        def bind_port(self, uuid, model, changes):
            return None

    backend = Partial()
    assert set(methods(backend)) == {"bind_port"}
    calls = Calls(backend, Mirror(L3VPN))
    assert calls.offers(L3VPN)["ProtonBasePort"] == Offer(keeps=False, binds=True)
    assert calls.offers(L3VPN)["Interface"] == Offer(keeps=False)
    calls.close()


def test_backends_and_models_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        loading.BACKENDS: [("mine", f"{__name__}:DummyNetL3VPN"), ("gone", "no.such:Thing"), ("none", f"{__name__}:L3VPN")],
        loading.MODELS: [("own", f"{__name__}:Own")],
    }

    def found(group: str) -> EntryPoints:
        return EntryPoints(EntryPoint(name, value, group) for name, value in points[group])

    monkeypatch.setattr(loading, "entry_points", found)
    assert type(loading.load_backend("mine")).__name__ == "DummyNetL3VPN"
    assert loading.load_model() is Mirror
    for name, text in (
        ("mien", "did you mean 'mine'"),
        ("quite another", "there are: gone, mine, none"),
        ("gone", "cannot be loaded"),
        ("none", "is not a class"),
    ):
        with pytest.raises(SettingsError, match=text):
            loading.load_backend(name)
    with pytest.raises(SettingsError, match="no data model 'x'"):
        loading.load_model("x")


def test_a_backend_that_wants_arguments_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("needy", "gluon.shim.mirror:Mirror", loading.BACKENDS)
    monkeypatch.setattr(loading, "entry_points", lambda group: EntryPoints([point]))
    with pytest.raises(SettingsError, match="without arguments"):
        loading.load_backend("needy")


def test_the_shipped_backend_is_installed() -> None:
    assert isinstance(loading.load_backend("net-l3vpn-dummy"), DummyNetL3VPN)
