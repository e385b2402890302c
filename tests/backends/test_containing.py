# SPDX-License-Identifier: Apache-2.0
"""What a driver of others, or the text that a tenant wrote, may do to a list of ports: nothing to anybody else's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon.backends.containing import Contained
from gluon.backends.driver import Driver, pages
from gluon.backends.drivers import Drivers
from gluon.backends.errors import NotFound, Unavailable
from gluon.backends.modelled import ModelDriver
from gluon.backends.ports import Address, Port, Record, base_addresses
from gluon.backends.servers import ProtonServers
from tests.cli.apiserver import ApiServer

from .conftest import model, port

#: A driver whose calls all do the same.
TEXT = """\
from gluon.backends.errors import NotFound
from gluon.backends.ports import Page, Port

class Provider:
    def driver(self, proton, servers):
        return Driver()

class Driver:
    def call(self, *given, **named):
        {does}

    bind = unbind = update = delete = port = ports = call
"""
CALLS: dict[str, Callable[[Driver], Any]] = {
    "bind": lambda driver: driver.bind("p", "", "", "vm", "h"),
    "unbind": lambda driver: driver.unbind("p", revision=1),
    "update": lambda driver: driver.update("p", {"name": "x"}, revision=1),
    "delete": lambda driver: driver.delete("p"),
    "port": lambda driver: driver.port("p"),
    "ports": lambda driver: driver.ports({}, 10, "a"),
}
READS = ("port", "ports")


@pytest.fixture
def servers(api: ApiServer) -> Iterator[ProtonServers]:
    with ProtonServers([api.url]) as servers:
        yield servers


class TestADriverThatFails:
    @pytest.fixture
    def failing(self, servers: ProtonServers, package: Callable[..., None], request: pytest.FixtureRequest) -> Driver:
        name = f"driver_{abs(hash((request.node.name, request.param)))}"
        package(name, TEXT.format(does=request.param), blue=f"{name}:Provider")
        return Drivers(servers).of("blue")

    @pytest.mark.parametrize("failing", ["return int('x')"], indirect=True)
    def test_whatever_it_raises_is_unavailable_and_names_it(self, failing: Driver, caplog: pytest.LogCaptureFixture) -> None:
        for name, call in CALLS.items():
            with pytest.raises(Unavailable, match=r"^driver 'blue' \(driver_\d+:Provider\) .* failed: ValueError: inv") as raised:
                call(failing)
            assert raised.value.sent == (name not in READS), "of a change nobody knows what became of it"
        (logged,) = caplog.records
        assert logged.exc_info is not None and "failed in bind()" in logged.message, "with its trace, once"

    @pytest.mark.parametrize("failing", ["raise NotFound('p')"], indirect=True)
    def test_the_errors_of_drivers_are_what_they_are(self, failing: Driver, caplog: pytest.LogCaptureFixture) -> None:
        for call in CALLS.values():
            with pytest.raises(NotFound):
                call(failing)
        assert not caplog.records

    @pytest.mark.parametrize("failing", ["return {}", "return Page(({},))", "return None"], indirect=True)
    def test_what_it_gives_must_be_ports(self, failing: Driver) -> None:
        for name, call in CALLS.items():
            if name != "delete":
                with pytest.raises(Unavailable, match=r"failed: \w+\(\) gave a \w+, not a P(ort|age)") as raised:
                    call(failing)
                assert raised.value.sent == (name not in READS)

    @pytest.mark.parametrize("failing", ["return 1 / 0"], indirect=True)
    def test_other_protons_go_on(self, failing: Driver, api: ApiServer, servers: ProtonServers) -> None:
        api.objects["sockets"] = {"p": port("p")}
        assert ModelDriver("blue", servers).port("p").id == "p"


class TestWhatIsNoAddress:
    """A model may let an address be any text, and a tenant writes any."""

    @pytest.fixture
    def driver(self, api: ApiServer, servers: ProtonServers) -> Driver:
        free = "api: {name: membership}, attributes: {ipaddress: {type: string}}"
        api.proton = model(**{"api: {name: membership}": free})
        given = {"p": "bogus", "q": "10.0.0.1/24", "r": "192.0.2.7", "s": "fe80::1%eth0", "t": ""}
        api.objects["sockets"] = {
            id: port(id, service_bindings=[{"interface_id": id, "ipaddress": text}]) for id, text in given.items()
        }
        return Drivers(servers).of("blue")

    def test_it_is_left_out_and_told_of_once(self, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(2):
            shown = [port for page in pages(driver, {}) for port in page.ports]
            assert {p.id: [a.address for a in p.addresses] for p in shown} == {
                **{"p": [], "q": [], "r": ["192.0.2.7"], "s": [], "t": []}
            }
            assert driver.port("q").addresses == () == driver.bind("q", "", "", "vm", "h").addresses
            assert driver.port("q").left_out == ("'10.0.0.1/24'",)
        assert [record.message for record in caplog.records] == [
            f"port {id} of 'blue' is shown without what is no IP address: '{text}'"
            for id, text in (("p", "bogus"), ("q", "10.0.0.1/24"), ("s", "fe80::1%eth0"))
        ]

    def test_a_reader_that_cannot_read_one_binding_reads_the_others(
        self, api: ApiServer, servers: ProtonServers, caplog: pytest.LogCaptureFixture
    ) -> None:
        def addresses(binding: Record) -> Iterator[Address]:
            text, _, length = binding["network"].partition("/")
            yield Address(text, binding["interface_id"], int(length))

        bindings = [{"interface_id": "p", "network": text} for text in ("192.0.2.7/24", "192.0.2.8/wide", "2001:db8::1/64")]
        api.objects["sockets"] = {"p": port("p", service_bindings=bindings)}
        driver = Contained("blue", ModelDriver("blue", servers, addresses), "the driver")
        assert [a.address for a in driver.port("p").addresses] == ["192.0.2.7", "2001:db8::1"]
        (logged,) = caplog.records
        assert logged.levelno == logging.WARNING and "invalid literal for int() with base 10: 'wide'" in logged.message

    def test_of_a_long_text_the_beginning_is_told(self, api: ApiServer, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        for end in "ab":
            api.objects["sockets"]["p"]["service_bindings"] = [{"interface_id": "p", "ipaddress": "x" * 100_000 + end}]
            assert driver.port("p").addresses == ()
        (logged,) = caplog.records
        assert logged.message == f"port p of 'blue' is shown without what is no IP address: '{'x' * 63}…"

    def test_what_was_told_is_forgotten_when_it_is_much(
        self, driver: Driver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gluon.backends.containing._MANY", 1)
        for id in "ppqp":
            driver.port(id)
        assert len(caplog.records) == 3


@given(st.lists(st.ip_addresses().map(str) | st.text() | st.integers() | st.none() | st.binary(), max_size=4))
def test_a_port_has_addresses_and_nothing_else(written: list[Any]) -> None:
    bindings = [{"interface_id": "p", "ipaddress": text} for text in written]
    shown = Port.of("x", port("p", service_bindings=bindings), base_addresses)
    for address in shown.addresses:
        assert address.address in written and ip_address(address.address)
    assert len(shown.addresses) + len(shown.left_out) == sum(map(bool, written)), "each is one or the other"
