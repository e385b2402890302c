# SPDX-License-Identifier: Apache-2.0
"""The suite for backends, on the one that ships and on backends of every shape."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gluon.model.catalogue import load_catalogue
from gluon.shim.backend import Changes
from gluon.shim.backends.dummy_net_l3vpn import DummyNetL3VPN
from gluon.testing import conformance, scenarios
from gluon.testing.conformance import Conformance

CATALOGUE = load_catalogue()


class Asynchronous:
    """All async, and slow enough that others run meanwhile."""

    async def bind_port(self, uuid: str, model: Any, changes: Changes) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        return {"vif_type": "vhostuser"}

    async def unbind_port(self, uuid: str, model: Any, changes: Changes) -> None:
        await asyncio.sleep(0)

    async def modify_service(self, uuid: str, model: Any, changes: Changes) -> None:
        await asyncio.sleep(0)

    async def modify_service_binding(self, uuid: str, model: Any, prev_binding: Mapping[str, Any]) -> None:
        assert model.resolve(model.service_bindings[uuid], "service_id") is not None

    async def delete_service_binding(self, uuid: str, model: Any, prev_binding: Mapping[str, Any]) -> None:
        assert prev_binding["service_id"]


class Silent:
    """Takes part in binds without answering."""

    def bind_port(self, uuid: str, model: Any, changes: Changes) -> None:
        return None

    def unbind_port(self, uuid: str, model: Any, changes: Changes) -> None:
        return None


class TestDummy(Conformance):
    proton = CATALOGUE["net-l3vpn"].newest
    make = DummyNetL3VPN


class Small(Conformance):
    """Without the scenario that takes long and depends on neither the Proton nor the backend."""

    def test_many(self) -> None:
        """Left to the others."""


class TestDummyOnAnotherProton(Small):
    proton = CATALOGUE["ietf-sfc"].newest
    make = DummyNetL3VPN


class TestAsynchronous(Conformance):
    proton = CATALOGUE["net-l3vpn"].newest
    make = Asynchronous


class TestSilent(Small):
    proton = CATALOGUE["net-l3vpn"].newest
    make = Silent


class Raises(DummyNetL3VPN):
    def modify_interface(self, uuid: str, model: Any, changes: Changes) -> None:
        raise ValueError(uuid)


class AnswersNonsense(DummyNetL3VPN):
    def bind_port(self, uuid: str, model: Any, changes: Changes) -> Any:
        return "ovs"


@pytest.mark.parametrize("make", [Raises, AnswersNonsense])
def test_the_suite_finds_a_backend_that_does_not_conform(make: type) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(conformance.run(scenarios.life, CATALOGUE["net-l3vpn"].newest, make, patience=0.3))


def test_the_suite_as_a_program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "ALL", (scenarios.life,))
    assert conformance.main(["net-l3vpn", "net-l3vpn-dummy"]) == 0
    assert capsys.readouterr().out == "ok     life\n"
