# SPDX-License-Identifier: Apache-2.0
"""Servers of several sites behind one list: who has which Proton is found out, remembered, and looked at again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.backends.arbiter import Arbiter
from gluon.backends.errors import DriverError, NotFound, Refused, Unavailable
from gluon.backends.home import document_above, document_of
from gluon.backends.modelled import ModelDriver
from gluon.backends.servers import ProtonServers
from tests.cli.apiserver import ApiServer, Asked, refusal, running

from .conftest import PATH, model, port

NOBODY = "http://127.0.0.1:1"
DOCUMENTS = ["/proton/blue", "/proton/blue/v1.0/commands.json"]
Start = Callable[..., ApiServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server of this Proton, with ports of these ids."""
    with ExitStack() as stack:

        def started(proton: str = "blue", *ids: str) -> ApiServer:
            server = ApiServer(model(**{"name: blue": f"name: {proton}"}))
            server.objects["sockets"] = {id: port(id) for id in ids}
            return stack.enter_context(running(server))

        yield started


def paths(server: ApiServer) -> list[str]:
    """What it was asked since this was looked at last."""
    asked, server.asked = server.asked, []
    return [each.path for each in asked]


def nothing(asked: Asked) -> Any:
    return refusal(404, "there is nothing here")


def trouble(asked: Asked) -> Any:
    return refusal(503, "the database is away")


def test_each_proton_is_asked_for_where_it_is_and_found_once(start: Start) -> None:
    green, blue = start("green", "g"), start("blue", "b")
    with ProtonServers([green.url, blue.url]) as servers:
        drivers = ModelDriver("blue", servers), ModelDriver("green", servers)
        for _ in range(3):
            assert [driver.port(id).id for driver, id in zip(drivers, "bg", strict=True)] == ["b", "g"]
            assert drivers[0].bind("b", "", "", "vm", "h").host_id == "h"
        assert paths(blue) == [*DOCUMENTS, *[f"{PATH}/b"] * 6]
        assert paths(green) == [
            *("/proton/blue", "/proton/green", "/proton/green/v1.0/commands.json"),
            *["/proton/green/v1.0/sockets/g"] * 3,
        ]


def test_servers_of_one_site_stand_in_for_each_other_whoever_is_configured_first(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """The other site's server is asked what it has, and nothing else."""
    other, one, two = start("green"), start("blue", "p"), start("blue", "p")
    with ProtonServers([other.url, one.url, two.url]) as servers, caplog.at_level(logging.WARNING):
        driver = ModelDriver("blue", servers)
        driver.port("p")
        assert [paths(each) for each in (other, one, two)] == [["/proton/blue"], [*DOCUMENTS, f"{PATH}/p"], []]
        one.scripted = trouble
        for _ in range(3):
            assert driver.port("p").id == "p"
        looked = "/proton/blue"
        assert [paths(each) for each in (other, one, two)] == [[looked], [f"{PATH}/p"], [looked, *[f"{PATH}/p"] * 3]]
        assert driver.unbind("p").id == "p"
        two.scripted, one.scripted = trouble, lambda asked: None
        assert driver.port("p").id == "p"
        assert not paths(other), "of two that are known to have it one was good"
    said = [f"{server.url}: Problem: the database is away" for server in (one, two)]
    assert [record.message for record in caplog.records] == [
        f"{said[0]}; {two.url} is asked for 'blue' from now on",
        f"{said[1]}; {one.url} is asked for 'blue' from now on",
    ]


@pytest.mark.parametrize("answer", [refusal(401, "who?"), refusal(403, "no"), refusal(500, "bug"), refusal(503, "away")])
def test_a_server_that_is_broken_costs_no_proton_that_it_does_not_have(start: Start, answer: Any) -> None:
    broken, blue = start("green"), start("blue", "p")
    broken.scripted = lambda asked: answer
    with ProtonServers([NOBODY, broken.url, blue.url]) as servers:
        driver = ModelDriver("blue", servers)
        assert driver.port("p").id == "p" and driver.bind("p", "", "", "vm", "h").host_id == "h"
        assert paths(broken) == ["/proton/blue"], "no change goes to a server before it says that it has the Proton"


def test_what_happens_to_one_proton_is_nothing_to_another(start: Start) -> None:
    """Both have both; one of them has trouble with blue."""
    one, two = start("blue", "p"), start("blue", "p")
    one.scripted = lambda asked: trouble(asked) if "/blue" in asked.path else (200, {}, {})
    two.scripted = lambda asked: None if "/blue" in asked.path else (200, {}, {})
    with ProtonServers([one.url, two.url]) as servers:
        servers.json("GET", "/proton/green/v1.0/x")
        assert ModelDriver("blue", servers).port("p").id == "p"
        paths(one)
        servers.json("GET", "/proton/green/v1.0/x")
        assert paths(one) == ["/proton/green/v1.0/x"]


def test_a_proton_that_no_server_lacks_for_certain_is_not_missing(start: Start) -> None:
    green = start("green")
    with ProtonServers([green.url, NOBODY]) as servers:
        for ask in (lambda: servers.json("GET", "/proton/blue"), lambda: ModelDriver("blue", servers).port("p")):
            with pytest.raises(Unavailable, match=rf"^no answer from {NOBODY}: Connection refused$") as raised:
                ask()
            assert not raised.value.sent
    with ProtonServers([green.url]) as servers:
        with pytest.raises(NotFound, match=f"^there is no Proton 'blue' at {green.url}$"):
            servers.json("GET", "/proton/blue")
        with pytest.raises(Unavailable, match=f"^there is no Proton 'blue' at {green.url}$") as raised:
            servers.json("DELETE", f"{PATH}/p")
        assert not raised.value.sent
        assert set(paths(green)) == {"/proton/blue"}


def test_what_all_servers_refuse_is_refused_and_a_token_is_renewed_for_any(start: Start) -> None:
    one, two = start("blue", "p"), start("blue", "p")
    one.scripted = lambda asked: refusal(403, "you may not")
    two.scripted = lambda asked: None if asked.headers["X-Auth-Token"] == "new" else refusal(401, "who are you?")
    tokens = ["old"]

    def renew() -> bool:
        tokens.append("new")
        return True

    with ProtonServers([one.url, NOBODY, two.url], headers=lambda: {"X-Auth-Token": tokens[-1]}, renew=renew) as servers:
        assert ModelDriver("blue", servers).port("p").id == "p"
        two.scripted = one.scripted
        said = f"^{two.url}: .*you may not; {one.url}: .*you may not; no answer from {NOBODY}: Connection refused$"
        with pytest.raises(Unavailable, match=said):
            servers.json("GET", "/proton/blue")
    with ProtonServers([one.url, two.url]) as servers, pytest.raises(Refused) as raised:
        servers.json("GET", "/proton/blue")
    assert raised.value.status == 403


def test_a_look_carries_no_header_of_the_request_that_it_is_made_for(start: Start) -> None:
    blue = start("blue", "p")
    with ProtonServers([blue.url], headers=lambda: {"X-Auth-Token": "t"}) as servers:
        servers.request("GET", f"{PATH}/p", headers={"If-Match": '"1"'}, query=[("a", "b")])
    look, request = blue.asked
    assert (look.headers["X-Auth-Token"], "If-Match" in look.headers, look.query) == ("t", False, {})
    assert (request.headers["X-Auth-Token"], request.headers["If-Match"]) == ("t", '"1"')


def test_a_change_of_the_document_itself_is_never_repeated(start: Start) -> None:
    """There is no such thing in the API; but what a driver of others asks is asked once."""
    one, two = start("blue"), start("blue")
    one.scripted = lambda asked: trouble(asked) if asked.method == "PATCH" else None
    with ProtonServers([one.url, two.url]) as servers, pytest.raises(Unavailable) as raised:
        servers.request("PATCH", "/proton/blue", values={})
    assert raised.value.sent and not two.asked


class TestAProtonThatMoves:
    def test_it_is_followed_though_nothing_else_has_changed(self, start: Start) -> None:
        """The request that finds out is answered by the other server, also where it changes something."""
        one, two = start("blue", "p"), start("green")
        with ProtonServers([one.url, two.url]) as servers:
            driver = ModelDriver("blue", servers)
            driver.port("p")
            one.scripted, two.proton = nothing, one.proton
            two.objects["sockets"] = {"p": port("p")}
            assert driver.bind("p", "", "", "vm", "h").host_id == "h"
            assert two.calls() and servers.having("blue") == {two.url}
            paths(one), paths(two)
            driver.port("p")
            assert (paths(one), paths(two)) == ([], [f"{PATH}/p"])

    def test_one_that_is_added_later_is_found(self, start: Start) -> None:
        one, two = start("green"), start("red")
        with ProtonServers([one.url, two.url]) as servers:
            driver = ModelDriver("blue", servers)
            for _ in range(2):
                with pytest.raises(Unavailable, match="there is no Proton 'blue'"):
                    driver.port("p")
            two.proton = model()
            two.objects["sockets"] = {"p": port("p")}
            assert driver.port("p").id == "p"

    def test_a_server_that_lacked_it_is_asked_anew_when_the_others_are_away(self, start: Start) -> None:
        """As when servers are upgraded one by one."""
        later, first = start("green"), start("blue", "p")
        with ProtonServers([later.url, first.url]) as servers:
            driver = ModelDriver("blue", servers)
            driver.port("p")
            later.proton, later.objects, first.scripted = first.proton, first.objects, trouble
            assert driver.port("p").id == "p" and servers.having("blue") == {first.url, later.url}


class TestAllProtons:
    def test_of_all_servers_each_once(self, start: Start) -> None:
        one, two, three = start("blue", "b"), start("green", "g"), start("blue", "b")
        with ProtonServers([one.url, two.url, three.url]) as servers:
            arbiter = Arbiter(servers)
            assert (arbiter.protons().names, arbiter.protons().silent) == (("blue", "green"), ())
            for server in (one, two, three):
                paths(server)
            assert arbiter.driver("green").port("g").id == "g"
            assert (paths(one), paths(three)) == ([], []), "what was said is remembered"
            assert [arbiter.port(id).service for id in "bg"] == ["blue", "green"]
            with pytest.raises(NotFound, match=rf"no Proton at {one.url}, {two.url}, {three.url} has a port x"):
                arbiter.port("x")

    @pytest.mark.parametrize(
        "answer", [None, refusal(500, "a bug"), refusal(404, "no"), (200, b"<html>", {}), (200, {"protons": 1}, {})]
    )
    def test_a_server_that_cannot_be_asked_may_have_others(self, start: Start, answer: Any) -> None:
        blue, other = start("blue", "p"), start("green")
        other.scripted = lambda asked: answer
        with ProtonServers([other.url if answer else NOBODY, blue.url]) as servers:
            arbiter = Arbiter(servers)
            (silent,) = arbiter.protons().silent
            assert arbiter.protons().names == ("blue",) and isinstance(silent, Unavailable)
            assert (other.url if answer else NOBODY) in str(silent)
            assert arbiter.owner("p").proton == "blue"
            with pytest.raises(Unavailable, match=r"; no Proton at .* has a port x"):
                arbiter.port("x")

    def test_where_none_can_be_asked(self, start: Start) -> None:
        with ProtonServers([NOBODY, "http://127.0.0.2:1"]) as servers:
            with pytest.raises(Unavailable, match=rf"{NOBODY}: .*; no answer from http://127.0.0.2:1: "):
                Arbiter(servers).protons()
        blue = start("blue")
        blue.scripted = lambda asked: None if asked.headers.get("X-Auth-Token") == "new" else refusal(401, "who are you?")
        tokens = ["old"]
        with ProtonServers(
            [blue.url], headers=lambda: {"X-Auth-Token": tokens[-1]}, renew=lambda: not tokens.append("new")
        ) as servers:
            assert Arbiter(servers).protons().names == ("blue",)


STATES = {"has": lambda asked: None, "lacks": nothing, "away": trouble}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(sorted(STATES)), st.booleans()), min_size=1, max_size=12))
def test_whatever_befalls_the_servers_a_port_is_found_where_it_is(history: list[tuple[int, str, bool]]) -> None:
    """And where it cannot be, that is never said to be its end. ``asks``: whether a request is made in between."""
    with ExitStack() as stack:
        apis = [stack.enter_context(running(ApiServer(model()))) for _ in range(3)]
        now = ["lacks"] * 3
        for api in apis:
            api.objects["sockets"] = {"p": port("p")}
            api.scripted = nothing
        servers = stack.enter_context(ProtonServers([api.url for api in apis]))
        driver = ModelDriver("blue", servers)
        for n, state, asks in [*history, (0, "", True)]:
            if state:
                now[n], apis[n].scripted = state, STATES[state]
            if not asks:
                continue
            for api in apis:
                paths(api)
            try:
                assert driver.port("p").id == "p" and "has" in now
            except DriverError as error:
                assert isinstance(error, Unavailable) and not error.sent and "has" not in now
                assert ("there is no Proton" in str(error)) == ("away" not in now)
            if "has" in now:
                for api in apis:
                    paths(api)
                driver.port("p")
                assert sum(len(api.asked) for api in apis) == 1, "one request, once it is known where"


def test_threads_that_ask_while_servers_come_and_go(start: Start) -> None:
    """One is always there, one has trouble now and then, one loses the Proton half-way."""
    apis = [start("blue", "p") for _ in range(3)]
    with ProtonServers([api.url for api in apis]) as servers, ThreadPoolExecutor(12) as threads:
        driver = ModelDriver("blue", servers)

        def turn(n: int) -> str:
            if n % 5 == 0:
                apis[0].scripted = trouble if n % 2 else lambda asked: None
            if n == 100:
                apis[1].scripted = nothing
            return driver.port("p").id

        assert set(threads.map(turn, range(200))) == {"p"}


@pytest.mark.parametrize(
    ("path", "above"),
    [
        *((path, "") for path in ("", "/", "/proton", "/proton/", "/proton//v1", "/x/blue/v1", "proton/blue", "/protons/blue")),
        *((path, "/proton/blue") for path in ("/proton/blue", "/proton/blue/", "/proton/blue/v1.0/ports/p%2F1")),
        (f"{document_of('a/b')}/v1.0", "/proton/a%2Fb"),
    ],
)
def test_which_proton_a_path_is_of(path: str, above: str) -> None:
    assert document_above(path) == above
