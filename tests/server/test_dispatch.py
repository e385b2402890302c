# SPDX-License-Identifier: Apache-2.0
"""Paths find their endpoints, and what is no path finds none."""

import pytest

from gluon.errors import Missing
from gluon.server.dispatch import Dispatcher, Endpoint
from gluon.server.exchange import Request, Response
from gluon.server.problems import NotAcceptable, NotAllowed


async def echo(request):
    return Response(200, "|".join(request.arguments).encode())


@pytest.fixture
def dispatcher():
    made = Dispatcher()
    for template in ("/a", "/a/x.json", "/a/{id}", "/a/{id}/b", "/a/{id}/b/{other}"):
        made.add(Endpoint(template, {"GET": echo, "DELETE": echo}))
    made.add(Endpoint("/open", {"GET": echo}, negotiates=False))
    return made


def request(path, method="GET", headers=()):
    return Request(
        {"method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": list(headers)},
        None,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("path", "route", "arguments"),
    [
        ("/a", "/a", ()),
        ("/a/", "/a", ()),
        ("/a/x.json", "/a/x.json", ()),
        ("/a/1", "/a/{id}", ("1",)),
        ("/a/1/", "/a/{id}", ("1",)),
        ("/a/b%2Fc%20%25", "/a/{id}", ("b/c %",)),
        ("/%61/1/%62", "/a/{id}/b", ("1",)),
        ("/a/1/b/%C3%A9", "/a/{id}/b/{other}", ("1", "é")),
    ],
)
async def test_finds(dispatcher, path, route, arguments):
    asked = request(path)
    response = await dispatcher.handle(asked)
    assert (response.status, asked.route, asked.arguments) == (200, route, arguments)


@pytest.mark.parametrize("path", ["/", "", "//", "/b", "/a//", "/a//b", "/a/1/c", "/a/1/b/2/c", "/A", "a", "*", "/a/%ff", "//a"])
async def test_finds_nothing(dispatcher, path):
    asked = request(path)
    with pytest.raises(Missing):
        await dispatcher.handle(asked)
    assert asked.route == "unmatched"


async def test_a_server_that_does_not_give_the_raw_path():
    made = Dispatcher()
    made.add(Endpoint("/a/{id}", {"GET": echo}))
    asked = Request({"method": "GET", "path": "/a/é x", "query_string": b"", "headers": []}, None)  # type: ignore[arg-type]
    await made.handle(asked)
    assert asked.arguments == ("é x",)


async def test_methods(dispatcher):
    assert (await dispatcher.handle(request("/a", "HEAD"))).status == 200
    options = await dispatcher.handle(request("/a", "OPTIONS"))
    assert (options.status, options.headers) == (204, ((b"allow", b"DELETE, GET, HEAD, OPTIONS"),))
    with pytest.raises(NotAllowed) as refused:
        await dispatcher.handle(request("/a", "POST"))
    assert refused.value.allow == "DELETE, GET, HEAD, OPTIONS"


async def test_what_the_client_takes(dispatcher):
    only_text = [(b"accept", b"text/plain")]
    with pytest.raises(NotAcceptable):
        await dispatcher.handle(request("/a", headers=only_text))
    assert (await dispatcher.handle(request("/open", headers=only_text))).status == 200


def test_two_endpoints_at_one_path_are_a_bug():
    made = Dispatcher()
    made.add(Endpoint("/a/{id}", {}))
    with pytest.raises(AssertionError):
        made.add(Endpoint("/a/{name}", {}))
