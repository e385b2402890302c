# SPDX-License-Identifier: Apache-2.0
"""What a change comes to on real Proton Servers, whatever else befalls the port meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from gluon.backends.driver import Driver
from gluon.backends.errors import Refused
from gluon.backends.modelled import ModelDriver
from gluon.backends.ports import Port
from gluon.backends.servers import ProtonServers
from gluon.model.schema import BindingState
from gluon.particle import keys
from gluon.parts.site import Server, Site
from gluon.plugin.carrying import carry_out
from gluon.plugin.changing import Bind, Change, Unbind

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTON = "net-l3vpn"
PORTS = f"/proton/{PROTON}/v1.0/ports"
HERE = Bind("compute-1", "vm", "compute:nova")
OVS = {"vif_type": "ovs", "vif_details": {}, "controller": "foreign"}


@dataclass
class Lab:
    """A site without shims; binds are answered here."""

    site: Site
    servers: list[Server]

    @contextmanager
    def driver(self, kind: Callable[[str, ProtonServers], Driver] = ModelDriver) -> Iterator[Driver]:
        with ProtonServers([server.url for server in self.servers]) as servers:
            yield kind(PROTON, servers)

    def create(self) -> str:
        with ProtonServers([self.servers[0].url]) as servers:
            made: str = servers.json("POST", PORTS, values={"tenant_id": "t", "name": "web"})["id"]
            return made

    async def answer(self, port_id: str) -> None:
        """As a controller does that has bound the port."""

        async def asked() -> bool:
            found = await self.site.kv.get(keys.port(port_id))
            return found is not None and json.loads(found.value)["binding_id"] is not None

        await self.site.until(asked, "the bind to be in etcd")
        await self.site.kv.put(keys.answer(PROTON, "ProtonBasePort", port_id), json.dumps(OVS).encode())

    async def until(self, port_id: str, state: BindingState) -> None:
        with self.driver() as driver:

            async def so() -> bool:
                return (await asyncio.to_thread(driver.port, port_id)).binding_state is state

            await self.site.until(so, f"the port to be {state}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with Site(tmp_path_factory.mktemp("carrying")) as site:
        yield Lab(site, [await site.start_server(settings={"api": {"bind_timeout": 1}})])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient(lab: Lab) -> Lab:
    """The same site by two other servers, which wait for long."""
    settings = {"api": {"bind_timeout": 20}}
    return Lab(lab.site, [await lab.site.start_server(settings=settings) for _ in range(2)])


def plugged(port: Port) -> tuple[str, str, str, str]:
    return port.binding_state, port.host_id, port.device_id, port.device_owner


async def test_a_bind_that_is_answered_and_its_end(patient: Lab) -> None:
    port_id = await asyncio.to_thread(patient.create)
    with patient.driver() as driver:
        bind = Change({"name": "db"}, Bind("compute-1", "vm", "compute:nova", {"pci": "p1"}))
        _, bound = await asyncio.gather(patient.answer(port_id), asyncio.to_thread(carry_out, driver, port_id, bind))
        assert plugged(bound) == ("BOUND", "compute-1", "vm", "compute:nova")
        assert (bound.name, bound.profile, bound.vif_type) == ("db", {"pci": "p1"}, "ovs")
        shelve = Change({}, Unbind(("device_id", "device_owner"), {}))
        shelved = await asyncio.to_thread(carry_out, driver, port_id, shelve)
        assert plugged(shelved) == ("UNBOUND", "", "vm", "compute:nova") and shelved.profile == {}
        freed = await asyncio.to_thread(carry_out, driver, port_id, Change({"name": "web"}, Unbind()))
        assert plugged(freed) == ("UNBOUND", "", "", "") and freed.name == "web"


async def test_a_bind_that_nobody_answers_is_taken_back(lab: Lab) -> None:
    port_id = await asyncio.to_thread(lab.create)
    with lab.driver() as driver:
        failed = await asyncio.to_thread(carry_out, driver, port_id, Change({}, HERE))
        assert (failed.binding_state, failed.host_id) == (BindingState.FAILED, "compute-1")
        assert failed.binding_reason == "no controller answered for host compute-1 in time"
        assert plugged(await asyncio.to_thread(driver.port, port_id)) == ("UNBOUND", "", "", "")


class TestWhatComesBetweenTheEndOfTheWaitAndTheUnbind:
    async def meanwhile(self, lab: Lab, port_id: str, something: Callable[[Driver], Awaitable[object]], times: int = 1) -> Port:
        """What a bind comes to that nobody answers in time, where ``something`` happens at the last moment, so often."""
        loop, left = asyncio.get_running_loop(), [something] * times

        class Late(ModelDriver):
            def unbind(self, port_id: str, **more: Any) -> Port:
                if left:
                    asyncio.run_coroutine_threadsafe(_as_coroutine(left.pop()(self)), loop).result()
                return super().unbind(port_id, **more)

        with lab.driver(Late) as driver:
            return await asyncio.to_thread(carry_out, driver, port_id, Change({}, HERE))

    async def test_another_bind_stays(self, lab: Lab) -> None:
        port_id = await asyncio.to_thread(lab.create)

        async def bind_elsewhere(driver: Driver) -> None:
            await asyncio.to_thread(driver.bind, port_id, "compute:nova", "", "vm", "compute-2")

        with pytest.raises(Refused, match="changed by another request while it was being bound") as raised:
            await self.meanwhile(lab, port_id, bind_elsewhere)
        assert raised.value.status == 409
        with lab.driver() as driver:
            assert plugged(await asyncio.to_thread(driver.port, port_id)) == ("BINDING", "compute-2", "vm", "compute:nova")

    async def test_an_answer_counts(self, lab: Lab) -> None:
        port_id = await asyncio.to_thread(lab.create)

        async def be_answered(_: Driver) -> None:
            await lab.answer(port_id)
            await lab.until(port_id, BindingState.BOUND)

        assert plugged(await self.meanwhile(lab, port_id, be_answered)) == ("BOUND", "compute-1", "vm", "compute:nova")

    async def test_another_name_changes_nothing(self, lab: Lab) -> None:
        port_id = await asyncio.to_thread(lab.create)

        async def rename(driver: Driver) -> None:
            await asyncio.to_thread(driver.update, port_id, {"name": "db"})

        assert (await self.meanwhile(lab, port_id, rename)).binding_state is BindingState.FAILED
        with lab.driver() as driver:
            assert plugged(await asyncio.to_thread(driver.port, port_id)) == ("UNBOUND", "", "", "")

    async def test_others_that_never_rest_end_it(self, lab: Lab) -> None:
        port_id = await asyncio.to_thread(lab.create)

        async def rename(driver: Driver) -> None:
            name = (await asyncio.to_thread(driver.port, port_id)).name
            await asyncio.to_thread(driver.update, port_id, {"name": name + "x"})

        with pytest.raises(Refused, match="changed by others again and again") as raised:
            await self.meanwhile(lab, port_id, rename, 10)
        assert raised.value.status == 409
        assert (await self.meanwhile(lab, port_id, rename, 9)).binding_state is BindingState.FAILED


async def _as_coroutine(work: Awaitable[object]) -> None:
    await work


@pytest.mark.parametrize(
    "change",
    [
        Change({"name": "db"}),
        Change({}, HERE),
        Change({"name": "db"}, HERE),
        Change({"name": "db"}, Unbind()),
        Change({}, Unbind(instead={"device_id": "other"})),
    ],
)
async def test_another_revision_than_is_meant(lab: Lab, change: Change) -> None:
    port_id = await asyncio.to_thread(lab.create)
    with lab.driver() as driver:
        before = await asyncio.to_thread(driver.port, port_id)
        with pytest.raises(Refused) as raised:
            await asyncio.to_thread(carry_out, driver, port_id, change, before.revision + 1)
        assert raised.value.status == 412
        assert await asyncio.to_thread(driver.port, port_id) == before
        await asyncio.to_thread(carry_out, driver, port_id, change, before.revision)


@pytest.mark.parametrize("binding", [Bind("compute-2", "vm", "compute:nova"), Unbind()])
async def test_a_value_that_is_refused_leaves_the_binding(patient: Lab, binding: Bind | Unbind) -> None:
    port_id = await asyncio.to_thread(patient.create)
    with patient.driver() as driver:
        await asyncio.gather(patient.answer(port_id), asyncio.to_thread(carry_out, driver, port_id, Change({}, HERE)))
        before = await asyncio.to_thread(driver.port, port_id)
        with pytest.raises(Refused) as raised:
            await asyncio.to_thread(carry_out, driver, port_id, Change({"name": "x" * 300}, binding))
        assert raised.value.status == 400
        assert await asyncio.to_thread(driver.port, port_id) == before
        assert before.binding_state is BindingState.BOUND


def disturbed(at: int, calls: list[str]) -> type[ModelDriver]:
    """A driver that notes its calls; somebody else changes the port just before the one of this number, from 0."""

    class Disturbed(ModelDriver):
        def _comes(self, call: str, port_id: str) -> None:
            if len(calls) == at:
                super().update(port_id, {"admin_state_up": False})
            calls.append(call)

        def bind(self, port_id: str, *given: Any, **named: Any) -> Port:
            self._comes("bind", port_id)
            return super().bind(port_id, *given, **named)

        def unbind(self, port_id: str, **named: Any) -> Port:
            self._comes("unbind", port_id)
            return super().unbind(port_id, **named)

        def update(self, port_id: str, *given: Any, **named: Any) -> Port:
            self._comes("update", port_id)
            return super().update(port_id, *given, **named)

    return Disturbed


class TestStepByStep:
    RENAME_AND_BIND = (Change({"name": "db"}, HERE), ["update", "bind"])
    RENAME_AND_MOVE = (Change({"name": "db"}, Unbind(instead={"device_id": "other"})), ["update", "unbind", "update"])

    @pytest.mark.parametrize(("steps", "at"), [(RENAME_AND_BIND, 1), (RENAME_AND_MOVE, 1), (RENAME_AND_MOVE, 2)])
    async def test_what_another_changes_between_two_steps(self, lab: Lab, steps: tuple[Change, list[str]], at: int) -> None:
        """Who means a revision changes nothing that it has not seen; who means none changes the port as it is."""
        change, expected = steps
        for meant in (True, False):
            port_id, calls = await asyncio.to_thread(lab.create), list[str]()
            with lab.driver() as driver:
                revision = (await asyncio.to_thread(driver.port, port_id)).revision if meant else None
            with lab.driver(disturbed(at, calls)) as driver:
                if revision is None:
                    assert (await asyncio.to_thread(carry_out, driver, port_id, change)).name == "db"
                    assert calls[: len(expected)] == expected
                    continue
                with pytest.raises(Refused) as raised:
                    await asyncio.to_thread(carry_out, driver, port_id, change, revision)
                assert raised.value.status == 412 and calls == expected[: at + 1]

    async def test_what_was_done_before_a_bind_is_refused_stays(self, lab: Lab) -> None:
        class Refusing(ModelDriver):
            def bind(self, *given: Any, **named: Any) -> Port:
                raise Refused(409, "there are no racks here")

        port_id = await asyncio.to_thread(lab.create)
        with lab.driver(Refusing) as driver:
            with pytest.raises(Refused, match="no racks"):
                await asyncio.to_thread(carry_out, driver, port_id, Change({"name": "db"}, HERE))
            port = await asyncio.to_thread(driver.port, port_id)
            assert port.name == "db" and plugged(port) == ("UNBOUND", "", "", "")


async def test_a_server_that_is_stopped_costs_no_bind(lab: Lab, patient: Lab) -> None:
    """The next one waits for the answer, which comes after the first has gone."""
    port_id = await asyncio.to_thread(patient.create)
    with patient.driver() as driver:
        binding = asyncio.create_task(asyncio.to_thread(carry_out, driver, port_id, Change({}, HERE)))
        await lab.until(port_id, BindingState.BINDING)
        await patient.servers[0].stop()
        assert not binding.done()
        await lab.answer(port_id)
        assert plugged(await binding) == ("BOUND", "compute-1", "vm", "compute:nova")
