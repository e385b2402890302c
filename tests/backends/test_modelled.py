# SPDX-License-Identifier: Apache-2.0
"""The driver that is made from a model: what it asks, what it makes of the answers, and how it follows a model that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import enumerate as threads
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluon.backends import waiting
from gluon.backends.description import Description
from gluon.backends.driver import pages
from gluon.backends.drivers import Drivers
from gluon.backends.errors import DriverError, NotFound, Refused, Unavailable
from gluon.backends.modelled import ModelDriver
from gluon.backends.models import net_l3vpn
from gluon.backends.ports import Address, Page, Port, base_addresses
from gluon.backends.servers import ProtonServers
from gluon.client.http import ANSWER_TIMEOUT
from gluon.model.schema import BindingState
from tests.cli.apiserver import ApiServer, Asked, refusal

from .conftest import PATH, PORTLESS, model, port


@pytest.fixture
def servers(api: ApiServer) -> Iterator[ProtonServers]:
    with ProtonServers([api.url]) as servers:
        yield servers


@pytest.fixture
def driver(servers: ProtonServers) -> ModelDriver:
    return ModelDriver("blue", servers)


def put(api: ApiServer, *ports: dict[str, Any], plural: str = "sockets") -> None:
    api.objects[plural] = {port["id"]: port for port in ports}


def test_a_port_is_what_every_proton_has(api: ApiServer, driver: ModelDriver) -> None:
    record = port("p", name="web", host_id="h", vif_details={"a": 1}, binding_state="BOUND", rack="r1")
    put(api, record)
    shown = driver.port("p")
    assert (shown.service, shown.id, shown.name, shown.host_id, shown.device_id) == ("blue", "p", "web", "h", "")
    assert (shown.vif_details, shown.profile, shown.mtu, shown.admin_state_up) == ({"a": 1}, {}, 1500, True)
    assert shown.binding_state is BindingState.BOUND
    assert shown.record == record and shown.addresses == ()


def test_bind_unbind_update_delete(api: ApiServer, driver: ModelDriver) -> None:
    put(api, port("p/1"))
    bound = driver.bind("p/1", "compute:nova", "zone-1", "vm", "host-1", {"pci": "0:1"})
    assert (bound.host_id, bound.device_id, bound.device_owner, bound.profile) == ("host-1", "vm", "compute:nova", {"pci": "0:1"})
    driver.bind("p/1", "", "", "vm", "host-2")
    assert driver.unbind("p/1").host_id == ""
    assert driver.update("p/1", {"name": "web"}).name == "web"
    driver.delete("p/1")
    with pytest.raises(NotFound):
        driver.port("p/1")
    assert [(a.method, a.body) for a in api.calls() if a.method in ("PATCH", "DELETE")] == [
        ("PATCH", {"device_owner": "compute:nova", "device_id": "vm", "host_id": "host-1", "profile": {"pci": "0:1"}}),
        ("PATCH", {"device_owner": None, "device_id": "vm", "host_id": "host-2"}),
        ("PATCH", {"host_id": None, "device_id": None, "device_owner": None}),
        ("PATCH", {"name": "web"}),
        ("DELETE", None),
    ]
    assert {a.path for a in api.calls()} == {f"{PATH}/p%2F1"}


def test_what_an_unbind_leaves(api: ApiServer, driver: ModelDriver) -> None:
    put(api, port("p"))
    driver.bind("p", "compute:nova", "", "vm", "host-1", {"pci": "0:1", "rack": "r1"})
    shelved = driver.unbind("p", keeps=("device_id", "device_owner"), binding_profile={"rack": "r1"})
    assert (shelved.host_id, shelved.device_id, shelved.device_owner) == ("", "vm", "compute:nova")
    assert shelved.profile == {"rack": "r1"} and len(api.calls()) == 2


class TestAServerThatIsStopped:
    """It says 202 before the time is up, and the next one waits for the same answer."""

    CUT = {"Retry-After": "0"}
    HERE = {"host_id": "h", "device_id": "vm"}

    def bind(self, api: ApiServer, *answers: Any) -> tuple[Port, list[Any]]:
        """How the port comes back where changes are answered so, one after the other; what was asked after the first."""
        left = iter(answers)
        api.scripted = lambda asked: next(left, None) if asked.method == "PATCH" else None
        with ProtonServers([api.url]) as servers:
            found = ModelDriver("blue", servers).bind("p", "", "", "vm", "h")
        return found, [(a.method, a.body, a.headers.get("If-Match")) for a in api.calls()[1:]]

    def waiting(self, revision: int) -> dict[str, Any]:
        return port("p", binding_state="BINDING", revision=revision, **self.HERE)

    def test_the_next_takes_up_the_wait(self, api: ApiServer) -> None:
        done = port("p", binding_state="BOUND", revision=9, **self.HERE)
        found, then = self.bind(api, *[(202, self.waiting(n), self.CUT) for n in (7, 8)], (200, done, {}))
        assert found.binding_state is BindingState.BOUND
        assert then == [("PATCH", self.HERE, '"7"'), ("PATCH", self.HERE, '"8"')]

    def test_until_the_time_is_up(self, api: ApiServer) -> None:
        found, then = self.bind(api, (202, self.waiting(7), self.CUT), (202, self.waiting(7), {}))
        assert found.binding_state is BindingState.BINDING and len(then) == 1

    @pytest.mark.parametrize("state", ["BOUND", "FAILED"])
    def test_an_answer_that_has_come_meanwhile(self, api: ApiServer, state: str) -> None:
        put(api, port("p", binding_state=state, revision=8, **self.HERE))
        found, then = self.bind(api, (202, self.waiting(7), self.CUT))
        assert found.binding_state == state and [method for method, *_ in then] == ["PATCH", "GET"]

    def test_a_change_of_something_else_meanwhile(self, api: ApiServer) -> None:
        put(api, self.waiting(8))
        found, then = self.bind(api, (202, self.waiting(7), self.CUT))
        assert found.revision == 9
        assert then == [("PATCH", self.HERE, '"7"'), ("GET", None, None), ("PATCH", self.HERE, '"8"')]

    def test_another_bind_meanwhile_is_left_alone(self, api: ApiServer) -> None:
        put(api, port("p", binding_state="BINDING", revision=8, host_id="other", device_id="vm"))
        with pytest.raises(Refused, match="changed by another request while it was being bound") as raised:
            self.bind(api, (202, self.waiting(7), self.CUT))
        assert raised.value.status == 409 and api.objects["sockets"]["p"]["host_id"] == "other"

    def test_where_no_other_can_be_asked_the_bind_may_have_been_made(self, api: ApiServer) -> None:
        with pytest.raises(Unavailable) as raised:
            self.bind(api, (202, self.waiting(7), self.CUT), refusal(503, "away"))
        assert raised.value.sent

    def test_one_that_never_stops_stopping(self, api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=count().__next__))  # a second for each look at it
        always = (202, self.waiting(7), self.CUT)
        found, then = self.bind(api, *[always] * 100)
        assert found.binding_state is BindingState.BINDING and len(then) == ANSWER_TIMEOUT - 1


def test_a_revision_is_named_where_one_is_meant(api: ApiServer, driver: ModelDriver) -> None:
    put(api, port("p"))
    assert driver.update("p", {"name": "a"}, revision=1).revision == 2
    assert driver.unbind("p", revision=2).revision == 3
    assert driver.update("p", {"name": "b"}).revision == 4
    for stale in (
        lambda: driver.update("p", {"name": "c"}, revision=3),
        lambda: driver.unbind("p", revision=3),
        lambda: driver.delete("p", revision=3),
    ):
        with pytest.raises(Refused) as raised:
            stale()
        assert raised.value.status == 412
    assert driver.port("p").name == "b"
    driver.delete("p", revision=4)
    named = [a.headers.get("If-Match") for a in api.calls() if a.method != "GET"]
    assert named == ['"1"', '"2"', None, '"3"', '"3"', '"3"', '"4"']


def test_a_zone_is_sent_where_the_model_has_one(api: ApiServer, driver: ModelDriver) -> None:
    api.proton = model(**{"api: {name: socket}": "api: {name: socket}, attributes: {zone: {type: string}}"})
    put(api, port("p"))
    driver.bind("p", "", "zone-1", "vm", "host-1")
    driver.unbind("p")
    assert [a.body["zone"] for a in api.calls() if a.method == "PATCH"] == ["zone-1", None]


def test_a_bind_that_is_still_awaited_is_binding(api: ApiServer, driver: ModelDriver) -> None:
    put(api, port("p"))
    api.scripted = lambda asked: (202, port("p", binding_state="BINDING"), {}) if asked.method == "PATCH" else None
    assert driver.bind("p", "", "", "vm", "nowhere").binding_state is BindingState.BINDING


def test_lists_come_page_by_page(api: ApiServer, driver: ModelDriver) -> None:
    ids = [f"00000000-0000-4000-8000-{n:012}" for n in range(8)]
    put(api, *map(port, ids))
    found = list(pages(driver, {}, limit=3))
    assert [[p.id for p in page.ports] for page in found] == [ids[:3], ids[3:6], ids[6:]]
    assert [page.after for page in found] == [ids[2], ids[5], None]
    assert len(api.calls()) == 3


def test_filters(api: ApiServer, driver: ModelDriver) -> None:
    a, b, m = (f"00000000-0000-4000-8000-{n:012}" for n in range(3))
    put(api, port(m))
    filters = {"id": [a, b], "admin_state_up": [True], "host_id": [None], "mtu": {9000}}
    assert driver.ports(filters, limit=10, after=m) == Page(())
    (asked,) = api.calls()
    assert {name: asked.query[name] for name in (*filters, "limit", "marker")} == {
        **{"id": [a, b], "admin_state_up": ["true"], "host_id": [""], "mtu": ["9000"]},
        **{"limit": ["10"], "marker": [m]},
    }
    assert driver.ports({"id": []}) == Page(()) and len(api.calls()) == 1, "what may be nothing fits no port"


class TestServiceBindings:
    BINDINGS = [{"interface_id": "p", "ipaddress": "192.0.2.7"}, {"interface_id": "i", "ipaddress": "198.51.100.1"}]

    def test_they_come_with_each_port_and_cost_no_request_of_their_own(self, api: ApiServer, driver: ModelDriver) -> None:
        put(api, port("p", service_bindings=self.BINDINGS), port("q", service_bindings=[]))
        found, none = driver.ports({}).ports
        assert found.addresses == (Address("192.0.2.7", "p"), Address("198.51.100.1", "i"))
        assert driver.port("p") == found and none.addresses == ()
        assert [a.query["include"] for a in api.calls()] == [["service_bindings"]] * 2

    def test_they_come_with_the_answer_to_a_change(self, api: ApiServer, driver: ModelDriver) -> None:
        put(api, port("p", service_bindings=self.BINDINGS))
        bound = driver.bind("p", "", "", "vm", "h")
        assert (bound.host_id, bound.addresses[0].address) == ("h", "192.0.2.7")
        assert bound.record["service_bindings"] == self.BINDINGS
        assert [(a.method, a.query) for a in api.calls()] == [("PATCH", {"include": ["service_bindings"]})]

    def test_an_attribute_of_that_name_is_none_of_them(self, api: ApiServer, driver: ModelDriver) -> None:
        attribute = "api: {name: socket}, attributes: {service_bindings: {type: list, items: {type: string}}}"
        api.proton = model(**{"api: {name: socket}": attribute})
        put(api, port("p", service_bindings=["x"]))
        assert driver.port("p").addresses == () and "include" not in api.calls()[0].query


def test_refusals_carry_what_the_server_says(api: ApiServer, driver: ModelDriver) -> None:
    put(api, port("p"))
    api.scripted = lambda asked: refusal(400, "wrong", ("/host_id", "too long")) if asked.method == "PATCH" else None
    with pytest.raises(Refused) as raised:
        driver.bind("p", "", "", "vm", "h" * 300)
    assert (raised.value.status, raised.value.faults[0].pointer) == (400, "/host_id")
    api.scripted = lambda asked: refusal(409, "overtaken") if asked.method == "PATCH" else None
    with pytest.raises(Refused, match="overtaken"):
        driver.bind("p", "", "", "vm", "h")
    assert api.asked[-1].method == "PATCH", "a conflict is no reason to look at the model again"


def test_threads_that_meet_a_proton_at_once(api: ApiServer, servers: ProtonServers) -> None:
    put(api, *(port(f"p{n}") for n in range(64)))
    drivers = Drivers(servers)
    with ThreadPoolExecutor(16) as pool:
        found = pool.map(lambda n: drivers.of("blue").port(f"p{n}").id, range(64))
        assert list(found) == [f"p{n}" for n in range(64)]


def looked() -> None:
    """Wait for those who look whether the Proton has changed."""
    for thread in threads():
        if thread.name == "looks at blue":
            thread.join()


class TestAModelThatChanges:
    def test_nothing_is_asked_twice_while_it_stays(self, api: ApiServer, driver: ModelDriver) -> None:
        put(api, port("p"))
        for _ in range(5):
            driver.port("p")
        assert [a.path for a in api.asked] == ["/proton/blue", "/proton/blue/v1.0/commands.json", *[f"{PATH}/p"] * 5]

    def test_a_version_goes_away(self, api: ApiServer, driver: ModelDriver) -> None:
        put(api, port("p"))
        driver.port("p")
        api.proton = model(**{'"1.0"}': '"2.0"}', "{name: socket}": "{name: jack}"})
        put(api, port("p"), plural="jacks")
        assert driver.bind("p", "", "", "vm", "h").host_id == "h"
        assert driver.ports({}).ports[0].id == "p"

    def test_what_is_not_there_is_looked_for_once(self, api: ApiServer, driver: ModelDriver) -> None:
        """A 404 costs the two documents, asked for by entity tag."""
        put(api)
        with pytest.raises(NotFound):
            driver.port("p")
        assert [a.path for a in api.asked][-2:] == ["/proton/blue", "/proton/blue/v1.0/commands.json"]
        assert all("If-None-Match" in a.headers for a in api.asked[-2:])
        assert len(api.calls()) == 1

    def test_a_newer_default_is_noticed_though_the_older_version_is_served(self, api: ApiServer, servers: ProtonServers) -> None:
        """By entity tag, now and then, and nobody waits for it."""
        description = Description("blue", servers, again=0.0)
        older = description.now()
        api.proton = model(**{'"1.0"}': '"2.0"}', "{name: socket}": "{name: jack}"})
        assert description.now() == older, "whoever comes first has what was known"
        looked()
        newer = description.now()
        looked()
        assert newer is not None and newer.path == "/proton/blue/v2.0/jacks"
        assert ["If-None-Match" in asked.headers for asked in api.asked] == [False, False, True, False, True, True]

    @pytest.mark.parametrize("answer", [refusal(503, "away"), (200, b"<html>", {})])
    def test_a_server_that_cannot_say_what_it_is_now_changes_nothing(
        self, api: ApiServer, servers: ProtonServers, answer: Any
    ) -> None:
        description = Description("blue", servers, again=0.0)
        known = description.now()
        api.scripted = lambda asked: answer
        for _ in range(3):
            assert description.now() == known
            looked()
        assert len(api.asked) == 5

    def test_an_attribute_goes_away(self, api: ApiServer, driver: ModelDriver) -> None:
        before = "api: {name: socket}, attributes: {zone: {type: string}}"
        api.proton = model(**{"api: {name: socket}": before})
        put(api, port("p"))
        driver.bind("p", "", "zone", "vm", "h")
        api.proton = model()

        def strict(asked: Asked) -> Any:
            return refusal(400, "unknown attribute zone") if asked.body and "zone" in asked.body else None

        api.scripted = strict
        assert driver.bind("p", "", "zone", "vm", "h2").host_id == "h2"

    def test_a_proton_goes_away_and_comes_back(self, api: ApiServer, driver: ModelDriver) -> None:
        put(api, port("p"))
        driver.port("p")
        api.scripted = lambda asked: refusal(404, "there is nothing here")
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"there is no Proton 'blue' at http://127") as raised:
                driver.port("p")
            assert not raised.value.sent
        api.scripted = lambda asked: None
        assert driver.port("p").id == "p"

    def test_without_ports(self, api: ApiServer, driver: ModelDriver) -> None:
        api.proton = model(PORTLESS)
        assert driver.ports({"tenant_id": ["t"]}) == Page(())
        with pytest.raises(NotFound, match="'blue' has no ports"):
            driver.port("p")
        api.proton = model()
        put(api, port("p"))
        assert driver.port("p").id == "p", "it has some now"

    def test_an_older_server_says_nothing_of_roles(self, api: ApiServer, driver: ModelDriver) -> None:
        put(api, port("p"))

        def older(asked: Asked) -> Any:
            if not asked.path.endswith("commands.json"):
                return None
            status, document, headers = api._document(asked) or (0, {}, {})
            return status, {**document, "objects": [{**o, "role": "plain"} for o in document["objects"]]}, headers

        api.scripted = older
        assert driver.port("p").id == "p"
        assert "include" not in api.calls()[0].query


KEYS = ["default_version", "objects", "binds", "path", "options", "verbs", "sockets", "links", "rel", "href", "ipaddress"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=6,
)
NEARLY = st.builds(
    lambda record, name, value: {**record, name: value},
    st.just(port("p")),
    st.sampled_from([*sorted(port("p")), "service_bindings"]),
    JSON,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(["documents", "one", "list"]), JSON | NEARLY)
def test_whatever_answers_the_errors_are_of_one_family(api: ApiServer, servers: ProtonServers, where: str, document: Any) -> None:
    documents = ("/proton/blue", "/proton/blue/v1.0/commands.json")
    answers: dict[str, Callable[[Asked], Any]] = {
        "documents": lambda asked: (200, document, {}),
        "one": lambda asked: None if asked.path in documents else (200, document, {}),
        "list": lambda asked: None if asked.path in documents else (200, {"sockets": [document], "links": [document]}, {}),
    }
    api.scripted = answers[where]
    driver = ModelDriver("blue", servers)
    for call in (lambda: driver.port("p"), lambda: driver.ports({}), lambda: driver.update("p", {"name": "x"})):
        try:
            assert isinstance(call(), Port | Page)
        except DriverError as error:
            assert str(error)


def test_addresses() -> None:
    binding = {"interface_id": "i", "ipaddress": "192.0.2.7", "subnet_prefix": 24, "gateway": "192.0.2.1", "ipv6_address": None}
    assert list(base_addresses(binding)) == [Address("192.0.2.7", "i")]
    assert list(net_l3vpn.addresses(binding)) == [Address("192.0.2.7", "i", 24, "192.0.2.1")]
    both = binding | {"ipv6_address": "2001:db8::7", "ipv6_prefix": 64, "ipv6_gateway": None}
    assert list(net_l3vpn.addresses(both))[1] == Address("2001:db8::7", "i", 64)
    assert list(base_addresses({"interface_id": "i", "ipaddress": None})) == []
    record = port("p", service_bindings=[both, {"interface_id": "j", "ipaddress": "198.51.100.1"}])
    assert [a.address for a in Port.of("x", record, net_l3vpn.addresses).addresses] == [
        *("192.0.2.7", "2001:db8::7", "198.51.100.1")
    ]
