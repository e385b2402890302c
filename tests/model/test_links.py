# SPDX-License-Identifier: Apache-2.0
"""Where references stand in an object's attributes."""

from __future__ import annotations

from gluon.model.links import links
from gluon.model.schema import Role
from gluon.model.types import Json, List, Structure

from ..store.models import attribute, network, obj, reference


def test_every_place_of_references() -> None:
    chain = network().by_name["Chain"]
    assert [(k.attribute.name, k.path, k.on_delete, k.many) for k in links(chain)] == [
        ("hops", ("peer_id",), "restrict", True),
        ("hops", ("via_id",), "set_null", True),
        ("members", (), "set_null", True),
        ("least", (), "set_null", True),
    ]


def test_held_and_without() -> None:
    hops, via, members, _ = links(network().by_name["Chain"])
    value = [{"peer_id": "a", "via_id": "b"}, {"peer_id": "b"}, None]
    assert hops.held(value) == [("/0/peer_id", "a"), ("/1/peer_id", "b")]
    assert via.without(value, "b") == [{"peer_id": "a", "via_id": None}, {"peer_id": "b", "via_id": None}, None]
    assert members.held(["a", "b"]) == [("/0", "a"), ("/1", "b")]
    assert members.without(["a", "b", "a"], "a") == ["b"]
    assert members.held(None) == []


def test_deep_places() -> None:
    inner = Structure((attribute("list", List(reference("Thing"))), attribute("free", Json())))
    deep = attribute("deep", Structure((attribute("inner", inner), attribute("one", reference("Thing")))))
    thing = obj("Thing", Role.PLAIN, [attribute("id", reference("Thing").key), deep])
    many, one = links(thing)
    value = {"inner": {"list": ["a", "b"], "free": {"list": ["c"]}}, "one": "a"}
    assert many.held(value) == [("/inner/list/0", "a"), ("/inner/list/1", "b")]
    assert one.held(value) == [("/one", "a")]
    assert many.without(value, "a")["inner"]["list"] == ["b"]
    assert one.without(value, "a")["one"] is None
    assert many.held({"inner": None}) == []
