# SPDX-License-Identifier: Apache-2.0
"""All ports in memory, with what they are plugged into."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gluon.backends.catalogue import Catalogue
from gluon.backends.plugged import Plugged
from gluon.kv.contract import Delete, Kv, KvUnavailable, Put, Txn, WatchBatch
from gluon.kv.memory import MemoryKv
from gluon.particle import keys

from .test_registrations import endpoint, kv, say, until

__all__ = ["endpoint", "kv"]


@asynccontextmanager
async def following(kv: Kv, told: list[Any] | None = None, touched: list[str] | None = None) -> AsyncIterator[Catalogue]:
    """``told`` are changes of ports, ``touched`` the ports that something changed on which hangs on them."""

    def changed(id: str, before: Plugged | None, now: Plugged | None) -> None:
        if before is now and touched is not None:
            touched.append(id)
        elif before is not now and told is not None:
            told.append((id, before, now))

    catalogue = Catalogue(kv, changed)
    task = asyncio.create_task(catalogue.run())
    try:
        await until(lambda: catalogue.loaded)
        yield catalogue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def put(kv: Kv, id: str, service: str = "blue", **values: Any) -> None:
    """A port's keys, as a relay writes them; and its interface's, which has the same id."""
    port = {"id": id, "tenant_id": "t", "binding_id": None, "incarnation": "i", "revision": 1, **values}
    registration = {"service": service, "tenant_id": port["tenant_id"], "url": "http://p", "binding_id": port["binding_id"]}
    texts = {
        keys.object(service, "Berth", id): port,
        keys.object(service, "Line", id): {"id": id, "port_id": id, "incarnation": "j", "revision": 1},
        keys.port(id): registration,
    }
    await kv.txn(Txn((), tuple(Put(key, json.dumps(value).encode()) for key, value in texts.items())))


async def remove(kv: Kv, id: str, service: str = "blue") -> None:
    for key in (keys.object(service, "Berth", id), keys.object(service, "Line", id), keys.port(id)):
        await kv.delete(key)


async def test_ports_by_device_and_tenant(kv: Kv) -> None:
    await kv.delete(keys.PROTONS, prefix=True)
    told: list[Any] = []
    await say(kv, "complete")
    await put(kv, "a", device_id="vm", host_id="h", status="DOWN", binding_state="BINDING", binding_id="x")
    await put(kv, "b", tenant_id="u")
    async with following(kv, told) as catalogue:
        assert catalogue.with_device(["vm", "other"]) == ["a"] and catalogue.with_device([""]) == ["b"]
        assert catalogue.services_of(["u", "v"]) == ["blue"] and catalogue.services_of(["v"]) == []
        assert (
            sorted(catalogue.ids("blue")) == ["a", "b"] and catalogue.ids("blue", ["u"]) == ["b"] and catalogue.ids("green") == []
        )
        assert catalogue.among(["a", "c"]) == ["a"] and told == []
        assert catalogue.services == ["blue"]
        before = catalogue.plugged("a")
        await put(kv, "a", device_id="vm", host_id="h", status="ACTIVE", binding_state="BOUND", binding_id="x", revision=2)
        await until(lambda: told != [])
        now = Plugged("x", "i", 2, "t", "vm", None, "h", "ACTIVE", "BOUND")
        assert told == [("a", before, now)] and catalogue.plugged("a") == now
        await put(kv, "a", revision=3)
        await until(lambda: catalogue.with_device(["vm"]) == [])
        await remove(kv, "a")
        await until(lambda: catalogue.find("a") is None)
        assert catalogue.plugged("a") is None and catalogue.with_device([""]) == ["b"]
        assert told[-1] == ("a", told[-2][2], None)
        await put(kv, "c", "green", tenant_id="v")
        await until(lambda: catalogue.services == ["blue", "green"])
        assert catalogue.services_of(["v"]) == ["green"] and catalogue.services_of(["u", "v"]) == ["blue", "green"]
        await put(kv, "c", "green", tenant_id="w")
        await until(lambda: catalogue.services_of(["w"]) == ["green"])
        assert catalogue.services_of(["v"]) == []
        await remove(kv, "c", "green")
        await remove(kv, "b")
        await until(lambda: catalogue.services == [])


async def test_what_hangs_on_a_port(kv: Kv) -> None:
    """Its interfaces, of which the default one has its id, and what these are bound to, by the interface's id."""
    await kv.delete(keys.PROTONS, prefix=True)
    touched: list[str] = []

    async def does(*change: Any) -> list[str]:
        touched.clear()
        object, id, value = change
        key = keys.object("blue", object, id)
        await (kv.put(key, json.dumps({"id": id, **value}).encode()) if value is not None else kv.delete(key))
        await put(kv, "z")  # what is seen after it
        await until(lambda: "z" in touched)
        return [id for id in touched if id != "z"]

    await put(kv, "a", device_id="vm")
    await put(kv, "z")
    await kv.put(keys.object("blue", "Line", "early"), b'{"id": "early", "port_id": "a"}')
    async with following(kv, touched=touched):
        assert await does("Mooring", "a", {"ipaddress": "10.0.0.1"}) == ["a"]
        assert await does("Mooring", "early", {"ipaddress": "10.0.0.2"}) == ["a"]
        assert await does("Line", "late", {"port_id": "a"}) == ["a"]
        assert await does("Mooring", "late", {"ipaddress": "10.0.0.3"}) == ["a"]
        assert await does("Mooring", "late", None) == ["a"]
        assert await does("Line", "late", None) == ["a"]
        assert await does("Mooring", "late", None) == await does("Canal", "c", {"name": "grand"}) == []
        assert await does("Note", "n", {"port_id": "nobody"}) == await does("Note", "m", {"port_id": 7}) == []
        touched.clear()
        together = [keys.object("blue", object, id) for object, id in (("Line", "early"), ("Line", "a"), ("Berth", "a"))]
        await kv.txn(Txn((), tuple(map(Delete, (*together, keys.port("a"))))))
        await put(kv, "z")
        await until(lambda: "z" in touched)
        assert "a" not in touched, "it is gone, and what hung on it with it"
        await put(kv, "b")
        await kv.put(keys.object("blue", "Line", "more"), b'{"id": "more", "port_id": "b"}')
        await put(kv, "z", revision=2)
        await until(lambda: "b" in touched)
        del touched[:]
        first = [keys.object("blue", "Line", id) for id in ("more", "b")]
        await kv.txn(Txn((), tuple(map(Delete, first))))
        await kv.txn(Txn((), (Delete(keys.object("blue", "Berth", "b")), Delete(keys.port("b")))))
        await put(kv, "z")
        await until(lambda: "z" in touched)
        assert "b" not in touched, "so it is where its interfaces went a moment before"
    await remove(kv, "z")


class Held(MemoryKv):
    """Tells of the keys below ``held`` when it is let."""

    def __init__(self, held: str) -> None:
        super().__init__()
        self.held = held
        self.let = asyncio.Event()

    async def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        async for batch in super().watch(prefix, start=start):
            if prefix == self.held and batch.events:
                await self.let.wait()
            yield batch


async def test_an_interface_changes_before_it_is_heard_whose_port_it_is_of() -> None:
    kv, touched = Held(keys.PORTS), list[str]()
    async with following(kv, touched=touched) as catalogue:
        await put(kv, "a")
        await kv.put(keys.object("blue", "Mooring", "a"), b'{"ipaddress": "10.0.0.1"}')
        await until(lambda: touched == ["a", "a"])
        assert catalogue.find("a") is None
        kv.let.set()
        await until(lambda: catalogue.find("a") is not None)


async def test_a_port_that_is_heard_of_when_its_registration_has_gone_is_not_kept() -> None:
    kv, told = Held(keys.PROTONS), list[Any]()
    async with following(kv, told) as catalogue:
        await put(kv, "a", device_id="vm")
        await until(lambda: catalogue.find("a") is not None)
        await remove(kv, "a")
        await until(lambda: catalogue.find("a") is None)
        assert told == []
        kv.let.set()
        await put(kv, "z")
        await until(lambda: catalogue.plugged("z") is not None)
        assert catalogue.plugged("a") is None and catalogue.with_device(["vm"]) == []
        assert [(id, before is None, now is None) for id, before, now in told] == [
            ("a", True, False),
            ("a", False, True),
            ("z", True, False),
        ]


class Cut(MemoryKv):
    """Its watch of ports ends at what comes while ``cut``."""

    cut = False

    async def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        async for batch in super().watch(prefix, start=start):
            if self.cut and prefix == keys.PORTS and batch.events:
                raise KvUnavailable("cut")
            yield batch


async def test_a_port_whose_registration_came_and_went_unseen_is_not_kept() -> None:
    kv, told = Cut(), list[Any]()
    await say(kv, "complete")
    async with following(kv, told) as catalogue:
        kv.cut = True
        await put(kv, "a", device_id="vm")
        await remove(kv, "a")
        kv.cut = False
        await put(kv, "z")
        await until(lambda: catalogue.find("z") is not None)
        await until(lambda: catalogue.plugged("a") is None)
        assert catalogue.with_device(["vm"]) == []


async def test_a_port_whose_registration_is_yet_to_come_stays_until_that_has_gone() -> None:
    """Its key may have gone because etcd is filled again."""
    kv = Held(keys.PORTS)
    async with following(kv) as catalogue:
        await put(kv, "a", device_id="vm")
        await kv.delete(keys.object("blue", "Berth", "a"))
        await put(kv, "z")
        await until(lambda: catalogue.plugged("z") is not None)
        assert catalogue.with_device(["vm"]) == ["a"]
        await kv.delete(keys.port("a"))
        kv.let.set()
        await until(lambda: catalogue.with_device(["vm"]) == [])


async def test_a_port_that_is_made_again_before_its_end_is_heard_of_is_the_new_one() -> None:
    kv, told = Held(keys.PORTS), list[Any]()
    kv.let.set()
    async with following(kv, told) as catalogue:
        await put(kv, "a", device_id="vm")
        await until(lambda: catalogue.find("a") is not None and catalogue.plugged("a") is not None)
        kv.let.clear()
        await remove(kv, "a")
        await put(kv, "a", device_id="other", incarnation="j", tenant_id="u")
        await until(lambda: catalogue.with_device(["other"]) == ["a"])
        kv.let.set()
        await until(lambda: catalogue.services_of(["u"]) == ["blue"])
        assert catalogue.with_device(["other"]) == ["a"] and catalogue.with_device(["vm"]) == []
    first, second = told[0][2], told[1][2]
    assert told == [("a", None, first), ("a", first, second)] and first.incarnation != second.incarnation


async def test_an_address_that_changed_while_history_was_lost_is_told() -> None:
    kv, touched = MemoryKv(), list[str]()
    near = kv.beside()
    await say(kv, "complete")
    for id in ("a", "b"):
        await put(kv, id)
    async with following(near, touched=touched) as catalogue:
        near.unavailable = True
        await kv.put(keys.object("blue", "Mooring", "a"), b'{"ipaddress": "10.0.0.1"}')
        await put(kv, "z")
        kv.compact(await kv.revision())
        near.unavailable = False
        await until(lambda: catalogue.plugged("z") is not None)
        await until(lambda: "a" in touched)
        assert "b" not in touched


async def test_interfaces_that_went_unseen_are_forgotten() -> None:
    """While a watch was lost. One that came to be another port's meanwhile is that one's, and an object of its id is nobody's."""
    kv = MemoryKv()
    near, touched = kv.beside(), list[str]()
    await say(kv, "complete")
    await put(kv, "a")
    await put(kv, "z")
    for id in ("gone", "moved"):
        await kv.put(keys.object("blue", "Line", id), b'{"id": "", "port_id": "a"}')
    async with following(near, touched=touched) as catalogue:
        near.unavailable = True
        await kv.delete(keys.object("blue", "Line", "gone"))
        await kv.put(keys.object("blue", "Line", "moved"), b'{"id": "", "port_id": "z"}')
        await put(kv, "n")
        kv.compact(await kv.revision())
        near.unavailable = False
        await until(lambda: catalogue.plugged("n") is not None)
        del touched[:]
        for id in ("gone", "moved"):
            await kv.put(keys.object("blue", "Mooring", id), b'{"ipaddress": "10.0.0.1"}')
        await until(lambda: "z" in touched)
        assert touched == ["z"]


async def test_objects_that_are_no_ports(kv: Kv) -> None:
    await kv.delete(keys.PROTONS, prefix=True)
    await kv.put(keys.object("blue", "Note", "n"), b'{"id": "n", "text": "\\"binding_id\\""}')
    await kv.put(keys.object("blue", "Note", "m"), b'["binding_id", "\\"binding_id\\"]')
    await put(kv, "a")
    async with following(kv) as catalogue:
        assert catalogue.plugged("a") is not None
        assert catalogue.plugged("n") is None and catalogue.plugged("m") is None


async def test_the_key_of_another_proton_is_not_the_ports(kv: Kv) -> None:
    """Of two databases on one etcd the first to register a port has it; the other's key stands there nevertheless."""
    await kv.delete(keys.PROTONS, prefix=True)
    await put(kv, "a", device_id="ours")
    async with following(kv) as catalogue:
        await kv.put(keys.object("green", "Port", "a"), b'{"id": "a", "binding_id": "z", "device_id": "theirs"}')
        await put(kv, "b")
        await until(lambda: catalogue.plugged("b") is not None)
        assert catalogue.with_device(["ours"]) == ["a"] and catalogue.with_device(["theirs"]) == []


async def test_what_is_plugged_in_stays_known_while_etcd_is_filled_again() -> None:
    kv = MemoryKv()
    await say(kv, "complete")
    await put(kv, "a", device_id="vm")
    await put(kv, "b", device_id="other")
    async with following(kv) as catalogue:
        kv.wipe()
        await say(kv, "repairing", "2")
        await put(kv, "b", device_id="other")
        await put(kv, "c")
        await until(lambda: catalogue.plugged("c") is not None and catalogue.find("c") is not None)
        assert catalogue.with_device(["vm"]) == ["a"]
        await say(kv, "complete", "2")
        await until(lambda: catalogue.find("a") is None)
        assert catalogue.with_device(["vm"]) == [] and catalogue.with_device(["other"]) == ["b"]


async def test_an_older_state_of_etcd_says_nothing_of_ports() -> None:
    """Put back to a backup it has never heard of the machine that a port is plugged into now: Nova must not hear of that."""
    kv = MemoryKv()
    near = kv.beside()
    told: list[Any] = []
    await say(kv, "complete")
    await put(kv, "a", status="DOWN")
    async with following(near, told) as catalogue:
        await say(kv, "complete", batch=2)
        await put(kv, "a", device_id="vm", status="ACTIVE", revision=2)
        await until(lambda: catalogue.with_device(["vm"]) == ["a"])
        del told[:]
        near.unavailable = True
        kv.wipe()
        await say(kv, "complete")
        await put(kv, "a", status="DOWN")
        await put(kv, "b", "green")
        near.unavailable = False
        await until(lambda: catalogue.plugged("b") is not None)
        assert catalogue.with_device(["vm"]) == ["a"]
        await say(kv, "repairing", "2")
        await put(kv, "c")
        await until(lambda: catalogue.plugged("c") is not None)
        assert catalogue.with_device(["vm"]) == ["a"] and {id for id, *_ in told} == {"b", "c"}
        await say(kv, "complete", "2")
        await until(lambda: catalogue.with_device(["vm"]) == [])
