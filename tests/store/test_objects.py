# SPDX-License-Identifier: Apache-2.0
"""The verbs on objects without a role: values, references, revisions, preconditions."""

from __future__ import annotations

import re
import uuid

import pytest

from gluon.errors import Conflict, Invalid, Missing, RequestError, Stale
from gluon.model.catalogue import load_catalogue
from gluon.store.opening import open_store

from .conftest import Desk

NOWHERE = str(uuid.uuid4())


def pointers(error: pytest.ExceptionInfo[RequestError]) -> list[str]:
    return [fault.pointer for fault in error.value.faults]


async def test_a_new_object_has_its_defaults_and_bookkeeping(desk: Desk) -> None:
    record = await desk.new("Peer", as_number=64512)
    assert record["peer_as_number"] == 64512
    assert record["password"] is None
    assert uuid.UUID(record["id"])
    assert record["revision"] == record["generation"] == 1
    assert len(record["incarnation"]) == 32
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["created_at"])
    assert record["updated_at"] == record["created_at"]
    assert await desk.get("Peer", record["id"]) == record
    assert list(record) == [
        *desk.proton.by_name["Peer"].by_name,
        "revision",
        "generation",
        "incarnation",
        "created_at",
        "updated_at",
    ]
    assert await desk.changes() == [("Peer", record["id"], 1)]


async def test_every_type_comes_back_as_it_went_in(desk: Desk) -> None:
    await desk.new("Mark", value="64512:1", group="both", order=None)
    record = await desk.new("Vpn", weight=2.5, imports=["64512:1"], distinguishers=["1:1", "1:2"], name="naïve \u2028 \U0001f600")
    assert await desk.get("Vpn", record["id"]) == record
    port = await desk.new("Harbour", admin_state_up=False, profile={"a": [1, True, None, {"b": 1.5}]})
    again = await desk.get("Harbour", port["id"])
    assert again == port
    assert again["admin_state_up"] is False
    assert again["profile"]["a"][1] is True


async def test_columns_with_sql_words_as_names(desk: Desk) -> None:
    record = await desk.new("Mark", value="x'\"; --", group="import")
    assert record["order"] == 7
    changed = (await desk.change("Mark", record["value"], order=8, group="both")).record
    assert (changed["order"], changed["group"]) == (8, "both")


async def test_required_attributes(desk: Desk) -> None:
    with pytest.raises(Invalid) as error:
        await desk.make("Mark", note="x")
    assert pointers(error) == ["/value", "/group"]
    record = await desk.new("Mark", value="a", group="both")
    with pytest.raises(Invalid) as error:
        await desk.change("Mark", record["value"], group=None)
    assert pointers(error) == ["/group"]


async def test_an_update_writes_what_differs_only(desk: Desk) -> None:
    record = await desk.new("Peer", as_number=1)
    await desk.changes()
    same = await desk.change("Peer", record["id"], as_number=1, tenant_id="t1")
    assert same.record == record
    assert await desk.changes() == []
    changed = (await desk.change("Peer", record["id"], as_number=2)).record
    assert (changed["revision"], changed["generation"]) == (2, 2)
    assert changed["updated_at"] >= record["updated_at"]
    assert changed["created_at"] == record["created_at"]
    assert changed["peer_as_number"] == 1
    assert await desk.get("Peer", record["id"]) == changed
    assert await desk.changes() == [("Peer", record["id"], 2)]


async def test_json_tells_true_from_one(desk: Desk) -> None:
    port = await desk.new("Harbour", profile={"x": 1})
    changed = (await desk.change("Harbour", port["id"], profile={"x": True})).record
    assert changed["revision"] == 2
    assert (await desk.get("Harbour", port["id"]))["profile"]["x"] is True


async def test_what_may_not_change(desk: Desk) -> None:
    record = await desk.new("Mark", value="a", group="both", note="n")
    await desk.change("Mark", "a", value="a", note="n")
    with pytest.raises(Invalid) as error:
        await desk.change("Mark", "a", value="b", note="m", order=1)
    assert pointers(error) == ["/value", "/note"]
    assert await desk.get("Mark", "a") == record
    port = await desk.new("Harbour")
    with pytest.raises(Invalid) as error:
        await desk.change("Harbour", port["id"], binding_state="BOUND")
    assert pointers(error) == ["/binding_state"]
    with pytest.raises(Invalid) as error:
        await desk.make("Harbour", binding_state="BOUND")
    assert pointers(error) == ["/binding_state"]
    await desk.make("Harbour", binding_state="UNBOUND")


async def test_references_must_lead_somewhere(desk: Desk) -> None:
    peer = await desk.new("Peer", as_number=1)
    with pytest.raises(Invalid) as error:
        await desk.make("Peer", as_number=1, vpn_id=NOWHERE, next_id=peer["id"])
    assert pointers(error) == ["/vpn_id"]
    assert NOWHERE in error.value.detail
    assert "there is no vpn '" in error.value.detail
    with pytest.raises(Invalid) as error:
        await desk.make("Chain", hops=[{"peer_id": peer["id"]}, {"peer_id": NOWHERE, "via_id": NOWHERE}], members=[NOWHERE])
    assert sorted(pointers(error)) == ["/hops/1/peer_id", "/hops/1/via_id", "/members/0"]
    with pytest.raises(Invalid) as error:
        await desk.change("Peer", peer["id"], spare_id=NOWHERE)
    assert pointers(error) == ["/spare_id"]


async def test_a_reference_to_any_of_several_kinds(desk: Desk) -> None:
    port = await desk.new("Harbour")
    chain = await desk.new("Chain")
    with pytest.raises(Invalid) as error:
        await desk.make("Berth", interface_id=port["id"], service_id=NOWHERE)
    assert "there is no chain or vpn '" in error.value.detail
    await desk.make("Berth", interface_id=port["id"], service_id=chain["id"])
    with pytest.raises(Conflict, match="berth"):
        await desk.drop("Chain", chain["id"])


async def test_an_object_may_refer_to_itself(desk: Desk) -> None:
    me = str(uuid.uuid4())
    await desk.make("Peer", id=me, as_number=1, next_id=me)
    await desk.drop("Peer", me)
    assert await desk.get("Peer", me) is None


async def test_conflicts_name_what_is_in_the_way(desk: Desk) -> None:
    first = await desk.new("Harbour", mac_address="02:00:00:00:00:01")
    with pytest.raises(Conflict) as error:
        await desk.make("Harbour", mac_address="02:00:00:00:00:01")
    assert pointers(error) == ["/mac_address"]
    assert first["id"] in error.value.detail
    with pytest.raises(Conflict) as error:
        await desk.make("Harbour", id=first["id"])
    assert pointers(error) == ["/id"]
    second = await desk.new("Harbour")
    with pytest.raises(Conflict, match=first["id"]):
        await desk.change("Harbour", second["id"], mac_address="02:00:00:00:00:01")


async def test_attributes_that_are_unique_together(desk: Desk) -> None:
    vpn = await desk.new("Vpn")
    ports = [await desk.new("Harbour") for _ in range(4)]
    await desk.make("Berth", interface_id=ports[0]["id"], service_id=vpn["id"], ipaddress="10.0.0.1")
    with pytest.raises(Conflict) as error:
        await desk.make("Berth", interface_id=ports[1]["id"], service_id=vpn["id"], ipaddress="10.0.0.1")
    assert pointers(error) == ["/service_id", "/ipaddress"]
    await desk.make("Berth", interface_id=ports[2]["id"], service_id=vpn["id"])
    await desk.make("Berth", interface_id=ports[3]["id"], service_id=vpn["id"])


async def test_items_that_are_unique_among_objects(desk: Desk) -> None:
    first = await desk.new("Vpn", distinguishers=["1:1", "1:2", "1:1"])
    with pytest.raises(Conflict) as error:
        await desk.make("Vpn", distinguishers=["1:3", "1:2"])
    assert pointers(error) == ["/distinguishers"]
    assert "1:2" in error.value.detail
    assert first["id"] in error.value.detail
    await desk.change("Vpn", first["id"], distinguishers=["1:1"])
    await desk.make("Vpn", distinguishers=["1:3", "1:2"])


async def test_allocated_values(desk: Desk) -> None:
    first, second = [(await desk.new("Vpn")) for _ in range(2)]
    assert [first["vni"], second["vni"]] == [1, 2]
    await desk.make("Vpn", vni=4)
    assert (await desk.new("Vpn"))["vni"] == 3
    with pytest.raises(Conflict) as error:
        await desk.make("Vpn")
    assert pointers(error) == ["/vni"]
    await desk.drop("Vpn", first["id"])
    assert (await desk.new("Vpn"))["vni"] == 1


async def test_who_takes_the_last_value_makes_nobody_count_from_the_first(connection: str) -> None:
    proton = load_catalogue()["net-l3vpn"].newest
    store = await open_store(connection, [proton])
    desk = Desk(store, proton)
    for taken in (1, 2, 4, 5, 16777215):
        await desk.make("VpnInstance", vni=taken)
    assert [(await desk.new("VpnInstance"))["vni"] for _ in range(2)] == [6, 7]
    await store.close()


async def test_preconditions(desk: Desk) -> None:
    record = await desk.new("Peer", as_number=1)
    with pytest.raises(Stale):
        await desk.change("Peer", record["id"], as_number=2, if_match=2)
    await desk.change("Peer", record["id"], as_number=2, if_match=1)
    with pytest.raises(Stale):
        await desk.drop("Peer", record["id"], if_match=1)
    await desk.drop("Peer", record["id"], if_match=2)
    with pytest.raises(Missing):
        await desk.change("Peer", record["id"], as_number=3, if_match=2)
    with pytest.raises(Missing):
        await desk.drop("Peer", record["id"])


async def test_an_incarnation_of_its_own(desk: Desk) -> None:
    first = await desk.new("Mark", value="a", group="both")
    await desk.drop("Mark", "a")
    second = await desk.new("Mark", value="a", group="both")
    assert first["incarnation"] != second["incarnation"]


async def test_secrets_stay_out_of_messages(desk: Desk) -> None:
    with pytest.raises(Conflict) as error:
        await desk.make("Locker", secret="hush")
        await desk.make("Locker", secret="hush")
    assert "hush" not in str(error.value)
    assert pointers(error) == ["/secret"]
