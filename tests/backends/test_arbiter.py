# SPDX-License-Identifier: Apache-2.0
"""Which Proton a port is of, and which driver it gets: what ships, what packages bring, and what of that is broken."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gluon.backends.arbiter import Arbiter
from gluon.backends.drivers import Drivers
from gluon.backends.errors import BadDriver, NotFound, Refused, Unavailable
from gluon.backends.registrations import Registration
from gluon.backends.servers import ProtonServers
from tests.cli.apiserver import ApiServer

from .conftest import PATH, port

Install = Callable[..., None]
#: A driver that has every port.
GREEN = """\
from gluon.backends.errors import NotFound
from gluon.backends.modelled import ModelDriver
from tests.backends.conftest import port
from gluon.backends.ports import Port

class Provider:
    def driver(self, proton, servers):
        return Green(proton, servers)

class Green(ModelDriver):
    def port(self, port_id):
        return Port.of(self.proton, port(port_id), lambda binding: ())
"""


@dataclass
class Registered:
    """A registry that a test fills."""

    services: dict[str, str]

    def find(self, id: str, /) -> Registration | None:
        return Registration(self.services[id]) if id in self.services else None


@pytest.fixture
def servers(api: ApiServer) -> Iterator[ProtonServers]:
    """They say that they have two Protons; what they say of blue is all there is."""
    names = {"protons": [{"proton_service": name} for name in ("green", "blue")]}
    api.scripted = lambda asked: (200, names, {}) if asked.path == "/proton" else None
    api.objects["sockets"] = {"p": port("p")}
    with ProtonServers([api.url]) as servers:
        yield servers


class TestDrivers:
    def test_without_an_entry_point_it_is_made_from_the_model(self, servers: ProtonServers) -> None:
        drivers = Drivers(servers)
        assert str(drivers.of("blue")) == "the driver made from the model of 'blue'"
        assert drivers.of("blue") is drivers.of("blue")

    def test_what_ships(self, servers: ProtonServers) -> None:
        assert Drivers(servers).of("net-l3vpn").proton == "net-l3vpn"

    def test_what_a_package_brings_takes_the_place_of_what_ships(self, servers: ProtonServers, package: Install) -> None:
        package("green_driver", GREEN, **{"net-l3vpn": "green_driver:Provider"})
        brought = "driver 'net-l3vpn' (green_driver:Provider) in the entry points gluon.backends of green_driver"
        assert str(Drivers(servers).of("net-l3vpn")) == brought

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("def broken(:", "SyntaxError"),
            ("import no_such_library", "No module named 'no_such_library'"),
            ("", "has no attribute 'Provider'"),
            ("class Provider:\n    def __init__(self, more): ...", "missing 1 required positional argument"),
            ("class Provider:\n    def driver(self, proton, servers): return 1 / 0", "division by zero"),
            ("class Provider:\n    def driver(self, proton, servers): return self", "has no bind, unbind, update"),
        ],
    )
    def test_a_broken_one_is_named_and_costs_no_other(
        self, servers: ProtonServers, package: Install, text: str, said: str
    ) -> None:
        name = f"broken_{len(text)}"  # a module is imported once in a process
        package(name, text, green=f"{name}:Provider")
        drivers = Drivers(servers)
        for _ in range(2):
            with pytest.raises(BadDriver) as raised:
                drivers.of("green")
            assert f"driver 'green' ({name}:Provider) in the entry points gluon.backends of {name}" in str(raised.value)
            assert said in str(raised.value)
        assert drivers.of("blue").port("p").id == "p"

    def test_a_driver_that_cannot_be_made_now_is_made_later(self, servers: ProtonServers, package: Install) -> None:
        """Such as one that asks its Proton something first."""
        first = "        if not made.append(1) and len(made) == 1: raise Unavailable('not yet')\n"
        text = GREEN.replace("import NotFound", "import NotFound, Unavailable\nmade = []")
        package("green_later", text.replace("        return Green", f"{first}        return Green"), green="green_later:Provider")
        drivers = Drivers(servers)
        with pytest.raises(Unavailable, match="not yet"):
            drivers.of("green")
        assert drivers.of("green").port("p").id == "p"

    @pytest.mark.parametrize(("bad_for", "tried"), [(3600.0, 1), (0.0, 3)])
    def test_one_that_cannot_be_used_is_not_tried_at_each_request(
        self, servers: ProtonServers, package: Install, bad_for: float, tried: int
    ) -> None:
        name = f"green_tried_{tried}"
        text = "tried = []\nclass Provider:\n    def driver(self, proton, servers): tried.append(1) or 1 / 0"
        package(name, text, green=f"{name}:Provider")
        drivers = Drivers(servers, bad_for=bad_for)
        for _ in range(3):
            with pytest.raises(BadDriver, match="division by zero"):
                drivers.of("green")
        assert len(importlib.import_module(name).tried) == tried

    def test_two_packages_for_one_proton(self, servers: ProtonServers, package: Install) -> None:
        for name in ("one_driver", "two_driver"):
            package(name, GREEN, green=f"{name}:Provider")
        with pytest.raises(BadDriver, match=r"several packages bring a driver for 'green': .* of one_driver, .* of two_driver"):
            Drivers(servers).of("green")


class TestArbiter:
    def test_the_registration_decides(self, api: ApiServer, servers: ProtonServers, package: Install) -> None:
        """Also where another Proton has a port of the same id, in a database of its own."""
        package("green_registered", GREEN, green="green_registered:Provider")
        arbiter = Arbiter(servers, Registered({"p": "blue", "q": "green"}))
        assert [arbiter.owner(id).proton for id in "pq"] == ["blue", "green"]
        assert [arbiter.port(id).service for id in "pq"] == ["blue", "green"]
        assert "/proton" not in {asked.path for asked in api.asked}, "nothing is looked for"

    def test_what_is_not_registered_is_nobodys_and_costs_nothing(self, api: ApiServer, servers: ProtonServers) -> None:
        arbiter = Arbiter(servers, Registered({}))
        for call in (arbiter.owner, arbiter.port):
            with pytest.raises(NotFound, match="no Proton has a port p"):
                call("p")
        assert not api.asked

    def test_a_proton_that_the_servers_do_not_have_is_no_missing_port(self, servers: ProtonServers) -> None:
        arbiter = Arbiter(servers, Registered({"p": "red"}))
        with pytest.raises(Unavailable, match="there is no Proton 'red'"):
            arbiter.port("p")

    def test_a_url_read_from_etcd_is_asked_for_nothing(self, api: ApiServer, servers: ProtonServers) -> None:
        class Elsewhere:
            def find(self, id: str, /) -> Registration:
                return Registration("blue", "t", "http://127.0.0.1:1")

        assert Arbiter(servers, Elsewhere()).port("p").id == "p"
        assert {asked.path for asked in api.asked} == {"/proton/blue", "/proton/blue/v1.0/commands.json", f"{PATH}/p"}

    def test_without_a_registry_each_is_asked(self, servers: ProtonServers, package: Install) -> None:
        package(
            "green_silent", GREEN.replace("return Port.of", "raise NotFound(port_id); Port.of"), green="green_silent:Provider"
        )
        arbiter = Arbiter(servers)
        assert arbiter.protons().names == ("green", "blue")
        assert arbiter.owner("p").proton == "blue" and arbiter.port("p").service == "blue"
        with pytest.raises(NotFound, match=r"no Proton at http://127.0.0.1:\d+ has a port q"):
            arbiter.port("q")

    def test_two_that_claim_it_are_both_named(self, servers: ProtonServers, package: Install) -> None:
        package("green_claims", GREEN, green="green_claims:Provider")
        with pytest.raises(Refused, match="'green' and 'blue' have a port p each") as raised:
            Arbiter(servers).owner("p")
        assert raised.value.status == 409

    def test_what_cannot_be_asked_may_have_it(self, servers: ProtonServers) -> None:
        """The server says nothing of green: blue's port is found, and another is not said to be missing."""
        arbiter = Arbiter(servers)
        assert arbiter.port("p").service == "blue"
        with pytest.raises(Unavailable, match="there is no Proton 'green'"):
            arbiter.port("q")
