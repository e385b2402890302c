# SPDX-License-Identifier: Apache-2.0
"""Several Proton Servers as one: which request goes to the next, which never does; connections; headers."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from gluon.backends import connections
from gluon.backends.errors import NotFound, Refused, Unavailable
from gluon.backends.servers import ProtonServers
from gluon.errors import Fault, SettingsError
from tests.cli.apiserver import ApiServer, refusal, running
from tests.cli.test_client import ENDLESS, dribbling, listener
from tests.kv.certificates import Authority

from .conftest import model

Using = Callable[..., ProtonServers]
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def using() -> Iterator[Using]:
    """Makes servers that are closed at the end."""
    with ExitStack() as stack:
        yield lambda *args, **more: stack.enter_context(ProtonServers(*args, **more))


def patient(servers: ProtonServers, api: ApiServer) -> None:
    """Give that one all the time it needs from now on; what is short is for those that hang."""
    server = servers._servers[api.url]
    server._how = server._how._replace(timeout=30.0, read_timeout=30.0)


class Clock:
    """The time of what is remembered of servers, which passes when it is told to as well."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def passes(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(connections, "time", clock)
    return clock


def until_asked(api: ApiServer, *paths: str) -> None:
    """Wait until the requests have come, of which whoever made them may have given up the answers."""
    end = time.monotonic() + 30
    while len(api.asked) < len(paths) and time.monotonic() < end:
        time.sleep(0.01)
    assert [asked.path for asked in api.asked] == list(paths)


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize(("method", "values"), [("GET", None), ("PATCH", {}), ("DELETE", None)])
def test_a_server_that_cannot_be_reached_is_passed_by_and_not_asked_first_again(
    using: Using, api: ApiServer, method: str, values: dict[str, int] | None, caplog: pytest.LogCaptureFixture
) -> None:
    servers = using([NOBODY, api.url])
    api.scripted = lambda asked: (200, {}, {})
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert servers.json(method, "/proton", values=values) == {}
    assert [record.message for record in caplog.records] == [
        f"no answer from {NOBODY}: Connection refused; {api.url} is asked from now on"
    ]


def test_a_change_that_may_have_been_done_is_never_repeated(using: Using, api: ApiServer) -> None:
    with listener(silent) as url:
        servers = using([url, api.url], timeout=0.05)
        patient(servers, api)
        with pytest.raises(Unavailable, match="may have acted") as raised:
            servers.request("PATCH", "/x", values={})
        assert raised.value.sent and not api.asked
        assert servers.json("GET", "/proton")["protons"], "a request that only reads goes on"


def test_what_a_server_in_trouble_says_is_asked_elsewhere_only_where_nothing_changes(using: Using, api: ApiServer) -> None:
    api.scripted = lambda asked: refusal(503, "the database is away")
    with running(ApiServer(model())) as other:
        servers = using([api.url, other.url])
        with pytest.raises(Unavailable, match="the database is away") as raised:
            servers.request("PATCH", "/x", values={})
        assert raised.value.sent and not other.asked
        assert servers.json("GET", "/proton")["protons"]
        other.scripted = api.scripted
        with pytest.raises(Unavailable) as raised:
            servers.json("GET", "/proton")
        assert not raised.value.sent and api.url in str(raised.value) and other.url in str(raised.value)


def test_where_all_are_gone_each_is_named(using: Using) -> None:
    with pytest.raises(Unavailable, match=r"127.0.0.1:1: Connection refused; no answer from http://127.0.0.2:1") as raised:
        using([NOBODY, "http://127.0.0.2:1"]).request("POST", "/x", values={})
    assert not raised.value.sent


def test_refusals(using: Using, api: ApiServer) -> None:
    servers = using([api.url])
    api.scripted = lambda asked: refusal(409, "overtaken", ("/host_id", "by another"))
    with pytest.raises(Refused, match="overtaken") as raised:
        servers.request("PATCH", "/x", values={})
    assert (raised.value.status, raised.value.detail) == (409, "overtaken")
    assert raised.value.faults == (Fault("/host_id", "by another"),)
    api.scripted = lambda asked: refusal(404, "there is no port x")
    with pytest.raises(NotFound, match=r"^there is no port x$"):
        servers.request("GET", "/x")
    api.scripted = lambda asked: (500, b"<html>", {})
    with pytest.raises(Unavailable) as lost:
        servers.request("DELETE", "/x")
    assert lost.value.sent
    for status in (408, 425, 429):
        api.scripted = lambda asked, status=status: (status, b"<html>", {})
        with pytest.raises(Unavailable, match=f"^{status} "):
            servers.request("GET", "/x")
    api.scripted = lambda asked: (200, b"<html>", {})
    with pytest.raises(Unavailable, match="is this a Proton Server") as lost:
        servers.json("GET", "/x")
    assert not lost.value.sent


def test_headers_are_asked_for_each_time_and_go_to_these_servers_alone(using: Using, api: ApiServer) -> None:
    tokens = iter("abc")
    with running(ApiServer(model())) as other:
        servers = using([NOBODY, api.url], headers=lambda: {"X-Auth-Token": next(tokens)})
        api.scripted = lambda asked: (307, {}, {"Location": f"{other.url}{asked.path}"})
        for _ in range(3):
            servers.request("GET", "/proton", headers={"X-More": "1"})
        assert [asked.headers["X-Auth-Token"] for asked in api.asked] == ["a", "b", "c"]
        assert {asked.headers["X-More"] for asked in api.asked} == {"1"}
        assert not other.asked


def test_a_token_that_is_refused_is_renewed_once(using: Using, api: ApiServer) -> None:
    """A 401 did nothing, so that a change may be made once more too."""
    tokens, renewed = ["old"], []

    def renew() -> bool:
        renewed.append(tokens.pop())
        tokens.append("new" if len(renewed) == 1 else "worse")
        return len(renewed) < 3

    servers = using([api.url], headers=lambda: {"X-Auth-Token": tokens[-1]}, renew=renew)
    api.scripted = lambda asked: (200, {}, {}) if asked.headers["X-Auth-Token"] == "new" else refusal(401, "who are you?")
    assert servers.json("PATCH", "/x", values={}) == {}
    api.scripted = lambda asked: refusal(401, "who are you?")
    with pytest.raises(Refused) as raised:
        servers.json("GET", "/x")
    assert raised.value.status == 401 and len(api.asked) == 4
    with pytest.raises(Refused):
        servers.json("GET", "/x")
    assert len(api.asked) == 5, "nothing could be renewed"


def test_a_server_that_hangs_is_left_sooner_by_what_only_reads(using: Using, api: ApiServer) -> None:
    with listener(silent) as url:
        servers = using([url, api.url], timeout=30, read_timeout=0.05)
        patient(servers, api)
        assert servers.json("GET", "/proton")["protons"]
        assert servers.request("GET", "/proton").status == 200
        assert len(api.asked) == 2


def test_a_server_that_hangs_is_waited_for_once(
    using: Using, api: ApiServer, monkeypatch: pytest.MonkeyPatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever comes later is told at once; somebody looks now and then whether it lives."""
    monkeypatch.setattr(connections, "_LONG", 0.05)
    monkeypatch.setattr(connections, "_ALONE", 60.0)
    awake = threading.Event()
    api.scripted = lambda asked: awake.wait(60) and None
    servers = using([api.url], timeout=30, read_timeout=0.2)
    for why in ("timed out", "timed out", "no sign of life", "no sign of life"):
        with pytest.raises(Unavailable, match=why) as raised:
            servers.request("PATCH" if "sign" in why else "GET", "/proton", values=None)
        assert not raised.value.sent
    until_asked(api, "/proton", "/healthz")
    awake.set()
    with pytest.raises(Unavailable, match="no sign of life"):
        servers.request("GET", "/proton")
    monkeypatch.setattr(connections, "_LONG", 30.0)
    patient(servers, api)
    clock.passes(61)
    assert servers.json("GET", "/proton")["protons"]
    assert servers.json("GET", "/proton")["protons"]
    assert [asked.path for asked in api.asked] == ["/proton", "/healthz", "/healthz", "/proton", "/proton"]
    assert [record.message.removeprefix(api.url).split(":")[0] for record in caplog.records] == [
        " does not answer",
        " answers again",
    ]


@pytest.mark.parametrize("part", ["status line", "header", "body"])
def test_a_server_that_dribbles_hangs(using: Using, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Bytes are no answer, and no sign of life."""
    monkeypatch.setattr(connections, "_LONG", 0.05)
    monkeypatch.setattr(connections, "_ALONE", 60.0)
    with listener(dribbling(*ENDLESS[part])) as url:
        servers = using([url], timeout=0.2)
        for why in ("timed out", "timed out", "no sign of life", "no sign of life"):
            with pytest.raises(Unavailable, match=why) as raised:
                servers.request("PATCH" if "sign" in why else "GET", "/x")
            assert not raised.value.sent


def test_a_request_that_takes_long_says_nothing_of_others(using: Using, api: ApiServer, clock: Clock) -> None:
    given_up = threading.Event()
    half = (200, b"{", {"Content-Length": "2", "Connection": "close"})
    api.scripted = lambda asked: half if asked.path == "/slow" and given_up.wait(60) else None
    servers = using([api.url])
    patient(servers, api)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(servers.request, "GET", "/slow")
        until_asked(api, "/slow")
        assert servers.json("GET", "/proton")["protons"]
        clock.passes(connections._LONG + 1)
        given_up.set()
        with pytest.raises(Unavailable):
            slow.result()
    assert servers.json("GET", "/proton")["protons"]
    until_asked(api, "/slow", "/proton", "/proton")


def test_tls_is_checked_by_the_context_that_is_given(using: Using, api: ApiServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pair.cert, pair.key)

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), server.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with listener(answer) as url:
        https = url.replace("http", "https")
        assert using([https], context=ssl.create_default_context(cafile=authority.pair.cert)).json("GET", "/x") == {}
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED") as raised:
            using([https]).request("PATCH", "/x", values={})
        assert not raised.value.sent


def test_threads_ask_side_by_side_and_leave_a_few_connections(
    using: Using, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(connections.IDLE + 8)

    def scripted(asked: object) -> None:
        together.wait(30)

    monkeypatch.setattr(connections, "_FRESH", 60.0)
    api.scripted = scripted  # answers once all have asked
    servers = using([api.url], read_timeout=30, connect_timeout=30)
    with ThreadPoolExecutor(together.parties) as threads:
        answers = list(threads.map(lambda _: servers.json("GET", "/proton"), range(together.parties)))
    assert len({str(answer) for answer in answers}) == 1
    assert len({asked.client for asked in api.asked}) == together.parties
    (server,) = servers._servers.values()
    assert len(server._idle) == connections.IDLE
    api.scripted = lambda asked: None
    for _ in range(5):
        servers.json("GET", "/proton")
    assert len({asked.client for asked in api.asked}) == together.parties, "a kept connection was used"


def test_a_connection_that_has_been_idle_for_long_is_not_used(
    using: Using, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_FRESH", 0.0)
    servers = using([api.url])
    for _ in range(3):
        servers.request("GET", "/proton")
    assert len({asked.client for asked in api.asked}) == 3


def test_a_fork_has_connections_of_its_own(api: ApiServer) -> None:
    script = f"""
import os
from gluon.backends.servers import ProtonServers
servers = ProtonServers(["{api.url}"])
servers.request("GET", "/parent")
child = os.fork()
for _ in range(2):
    servers.request("GET", "/child" if not child else "/parent")
if child and os.waitpid(child, 0)[1]:
    raise SystemExit("the child failed")
"""
    api.scripted = lambda asked: (200, {}, {})
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    used = {path: {asked.client for asked in api.asked if asked.path == path} for path in ("/parent", "/child")}
    assert [len(clients) for clients in used.values()] == [1, 1] and used["/parent"] != used["/child"]


@pytest.mark.parametrize(
    "url",
    ["", "proton:2705", "ftp://h", "http://", "http://h:x", "http://h:99999", "http://h/proton", "http://u@h", "http://h?a=1"],
)
def test_what_is_no_url_of_a_server(url: str) -> None:
    with pytest.raises(SettingsError, match="is not the URL of a Proton Server"):
        ProtonServers([url])


def test_at_least_one_server_is_named() -> None:
    with pytest.raises(SettingsError):
        ProtonServers([])
    assert str(ProtonServers(["http://a:1/", "https://b"])) == "http://a:1, https://b"


def test_a_connection_that_is_used_when_the_servers_are_closed_is_closed_after_its_request(api: ApiServer) -> None:
    goes_on = threading.Event()
    api.scripted = lambda asked: (200, {}, {}) if goes_on.wait(20) else None
    servers = ProtonServers([api.url])
    with ThreadPoolExecutor(1) as pool, warnings.catch_warnings(record=True, action="always") as said:
        answer = pool.submit(servers.json, "GET", "/proton")
        while not api.asked:
            time.sleep(0.01)
        servers.close()
        goes_on.set()
        assert answer.result() == {} == servers.json("GET", "/proton")
        del servers, answer
        gc.collect()
    assert said == []
