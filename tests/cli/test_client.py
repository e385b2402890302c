# SPDX-License-Identifier: Apache-2.0
"""The HTTP client on its own: one connection, time-outs, refusals as errors."""

from __future__ import annotations

import os
import resource
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pytest

from gluon.client.errors import Problem, Unexpected, Unreachable
from gluon.client.http import ANSWER_TIMEOUT, Client
from gluon.client.resources import Collection, if_match
from gluon.errors import Fault
from gluon.settings import Api
from tests.cli.apiserver import ApiServer, refusal
from tests.kv.certificates import Authority


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each of its connections what it is told."""

    def accept() -> None:
        with listening:
            while True:
                connection, _ = listening.accept()
                with connection:
                    if stop.is_set():
                        return
                    serve(connection)

    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        stop.set()
        socket.create_connection(address).close()
        thread.join()


#: Answers without an end: how each begins, and what comes again and again.
ENDLESS = {
    "status line": (b"", b"x"),
    "not yet": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "until the end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
    "refusal": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000\r\n\r\n", b"x"),
}


def dribbling(begin: bytes, again: bytes) -> Callable[[socket.socket], None]:
    """Answers so, until nobody listens."""

    def dribble(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.recv(65536)
            connection.sendall(begin)
            while True:
                connection.sendall(again)
                time.sleep(0.01)

    return dribble


class Tls(NamedTuple):
    """Both ends of TLS on loopback."""

    server: ssl.SSLContext
    context: ssl.SSLContext

    def serving(self, serve: Callable[[socket.socket], None], scheme: str) -> Callable[[socket.socket], None]:
        """The same, by TLS where the scheme is https."""

        def wrapped(connection: socket.socket) -> None:
            with suppress(OSError), self.server.wrap_socket(connection, server_side=True) as accepted:
                serve(accepted)

        return wrapped if scheme == "https" else serve


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    pair = authority.issue("server")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pair.cert, pair.key)
    return Tls(server, ssl.create_default_context(cafile=authority.pair.cert))


def test_keeps_its_connection(api: ApiServer) -> None:
    with Client(api.url) as client:
        for _ in range(3):
            assert client.request("GET", "/proton").status == 200
    assert len({asked.client for asked in api.asked}) == 1


def test_takes_a_new_connection_where_the_server_closed_the_old_one() -> None:
    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with listener(once) as url, Client(url) as client:
        for _ in range(3):
            assert client.request("POST", "/x", values={}).json() == {}
            assert select.select([client._connection.sock], [], [], 30)[0], "the server's end of the connection arrives"


def test_a_process_with_many_files_keeps_its_connection_too(api: ApiServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        with Client(api.url) as client:
            for _ in range(2):
                assert client.request("GET", "/proton").status == 200
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len({asked.client for asked in api.asked}) == 1


def test_an_answer_waits_longer_than_a_server_lets_a_bind_wait() -> None:
    assert Api().bind_timeout < ANSWER_TIMEOUT


def test_gives_up_an_answer_that_does_not_come() -> None:
    def silent(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with listener(silent) as url, Client(url, timeout=0.05) as client:
        with pytest.raises(Unreachable, match=r"timed out; it may have acted on the request") as raised:
            client.request("POST", "/x", values={})
        assert raised.value.sent
        with pytest.raises(Unreachable, match=r"timed out$") as raised:
            client.request("GET", "/x")
        assert not raised.value.sent


@pytest.mark.parametrize(("begin", "again"), ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_gives_up_an_answer_that_never_ends(tls: Tls, scheme: str, begin: bytes, again: bytes) -> None:
    """However often a byte comes."""
    with listener(tls.serving(dribbling(begin, again), scheme)) as url:
        with Client(url.replace("http", scheme), timeout=0.2, context=tls.context) as client:
            for method in ("GET", "POST"):
                with pytest.raises(Unreachable, match="timed out"):
                    client.request(method, "/x")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("sip", "pause"), [(1, 0.01), (65536, 0.05)], ids=["byte by byte", "record by record"])
def test_gives_up_a_request_that_is_read_slowly(tls: Tls, scheme: str, sip: int, pause: float) -> None:
    def sipping(connection: socket.socket) -> None:
        while not given_up.is_set() and (some := connection.recv(sip)):
            read.append(len(some))
            time.sleep(pause)

    given_up, read = threading.Event(), list[int]()
    with listener(tls.serving(sipping, scheme)) as url:
        with Client(url.replace("http", scheme), timeout=0.2, context=tls.context) as client:
            try:
                with pytest.raises(Unreachable, match="timed out"):
                    client.request("POST", "/x", values={"a": "x" * 40_000_000})
            finally:
                given_up.set()
    assert sum(read) < 20_000_000, "it was not waited for until it had read all"


def test_gives_up_a_handshake_that_never_ends() -> None:
    record = b"\x16\x03\x03\x40\x00"  # of TLS, with 16,384 bytes to come
    with listener(dribbling(record, b"\x02")) as url, Client(url.replace("http", "https"), connect_timeout=0.2) as client:
        with pytest.raises(Unreachable, match="timed out") as raised:
            client.request("POST", "/x", values={})
        assert not raised.value.sent


def test_an_answer_in_pieces_is_one() -> None:
    content = b'{"a": "' + b"x" * 100_000 + b'"}'

    def pieces(connection: socket.socket) -> None:
        connection.recv(65536)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)
        for piece in (answer[:3], answer[3:30], answer[30:50_000], answer[50_000:]):
            connection.sendall(piece)
            time.sleep(0.01)
        connection.recv(65536)

    with listener(pieces) as url, Client(url) as client:
        assert client.request("GET", "/x").body == content


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200],
)
def test_what_is_no_answer_is_an_error(answer: bytes) -> None:
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with listener(say) as url, Client(url) as client, pytest.raises(Unreachable):
        client.request("GET", "/x")


def test_an_early_refusal_of_a_large_body_is_read() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with listener(refuse) as url, Client(url) as client, pytest.raises(Problem) as raised:
        client.request("POST", "/x", values={"a": "x" * 4_000_000})
    assert raised.value.status == 413


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://no.such.host.invalid:1", "http://" + "a" * 70 + ":1", "http://h:99999"]
)
def test_nobody_there(url: str) -> None:
    with pytest.raises(Unreachable) as raised:
        Client(url, connect_timeout=2).request("POST", "/x", values={})
    assert not raised.value.sent


def test_a_refusal_carries_every_fault(api: ApiServer) -> None:
    api.scripted = lambda asked: refusal(400, "wrong", ("/a", "b"), ("", "c"))
    with Client(api.url) as client, pytest.raises(Problem) as raised:
        client.request("GET", "/x")
    problem = raised.value
    assert (problem.status, problem.title, problem.detail, problem.request_id) == (400, "Bad Request", "wrong", "req-1")
    assert problem.faults == (Fault("/a", "b"), Fault("", "c"))
    assert str(problem) == "Bad Request: wrong"


def test_an_answer_that_is_not_json(api: ApiServer) -> None:
    api.scripted = lambda asked: (200, b"<html>", {})
    with Client(api.url) as client, pytest.raises(Unexpected):
        client.request("GET", "/x").json()


def test_sends_the_headers_it_is_given(api: ApiServer) -> None:
    with Client(api.url, headers={"X-Auth-Token": "t"}) as client:
        client.request("GET", "/proton", query=[("a", "ü&"), ("a", "")], headers={"X-More": "m"})
    asked = api.asked[0]
    assert (asked.headers["X-Auth-Token"], asked.headers["X-More"], asked.query) == ("t", "m", {"a": ["ü&", ""]})


def test_a_collection_does_what_the_api_offers(api: ApiServer) -> None:
    with Client(api.url) as client:
        gadgets = Collection(client, f"{api.base}/gadgets")
        made = gadgets.create({"size": 1}, wait=40)
        assert (made.status, made.etag) == (201, '"1"')
        id = made.json()["id"]
        assert gadgets.update(id, {"size": 2}, revision=1).json()["size"] == 2
        with pytest.raises(Problem):
            gadgets.delete(id, revision=1)
        assert [page.json()["gadgets"][0]["size"] for page in gadgets.pages()] == [2]
        assert gadgets.delete(id, revision=2).status == 204
        with pytest.raises(Problem):
            gadgets.show(id)
    assert api.asked[0].headers["Prefer"] == "wait=40"


@pytest.mark.parametrize(("given", "sent"), [(5, '"5"'), ("5", '"5"'), ('"5"', '"5"'), ("*", "*")])
def test_if_match(given: int | str, sent: str) -> None:
    assert if_match(given) == {"If-Match": sent}
    assert if_match(None) == {}
