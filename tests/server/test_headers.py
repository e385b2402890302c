# SPDX-License-Identifier: Apache-2.0
"""What clients say in headers: media types, entity tags, preferences, request ids."""

import pytest

from gluon.server.conditions import matches, unchanged
from gluon.server.exchange import Request
from gluon.server.media import require_json_body, require_json_wanted
from gluon.server.problems import NotAcceptable, Unsupported
from gluon.server.writing import _preferred


def request(method="GET", **headers):
    lines = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return Request({"method": method, "path": "/", "query_string": b"", "headers": lines}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"; x=y',
        b"application/json ;charset=utf8",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_json_bodies(given, method):
    require_json_body(request(method, content_type=given))


@pytest.mark.parametrize(
    "given", [b"text/plain", b"", b"application/json; charset=latin-1", b"application/x-www-form-urlencoded", b";", b"\xff"]
)
def test_other_bodies(given):
    with pytest.raises(Unsupported):
        require_json_body(request("POST", content_type=given))


def test_no_content_type():
    with pytest.raises(Unsupported, match="without a content type"):
        require_json_body(request("POST"))


def test_merge_patch_is_for_patch_alone():
    require_json_body(request("PATCH", content_type=b"application/merge-patch+json"))
    with pytest.raises(Unsupported):
        require_json_body(request("PUT", content_type=b"application/merge-patch+json"))


@pytest.mark.parametrize(
    "given",
    [
        b"*/*",
        b"application/json",
        b"text/html, */*;q=0.1",
        b"APPLICATION/*",
        b"application/json;q=1.0;x",
        b"",
        b"text/html,,*/*;q=x",
    ],
)
def test_json_is_wanted(given):
    require_json_wanted(request(accept=given))


@pytest.mark.parametrize("given", [b"text/html", b"application/json;q=0, */*", b"*/*;q=0", b"application/xml;q=0.5"])
def test_json_is_not_wanted(given):
    with pytest.raises(NotAcceptable):
        require_json_wanted(request(accept=given))


@pytest.mark.parametrize("given", [b'"3"', b'W/"3"', b"*", b'"1", "3"', b'"1",W/"3" ', b'"a,b", "3"'])
def test_the_client_has_it(given):
    assert unchanged(request(if_none_match=given), b'"3"')


@pytest.mark.parametrize("given", [b'"4"', b"3", b"", b'"33"', b'W/"4", "2"'])
def test_the_client_has_it_not(given):
    assert not unchanged(request(if_none_match=given), b'"3"')


@pytest.mark.parametrize("given", [b'"3"', b"*", b'"1", "3"'])
def test_matches(given):
    assert matches(request(if_match=given), {"revision": 3})


@pytest.mark.parametrize("given", [b'W/"3"', b'"2"', b"3", b"", b"\xff"])
def test_does_not_match(given):
    assert not matches(request(if_match=given), {"revision": 3})


@pytest.mark.parametrize(
    ("given", "wait"),
    [
        (b"wait=5", b"5"),
        (b"respond-async, wait=10", b"10"),
        (b'Wait = "3"', b"3"),
        (b"wait=0.5", b"0.5"),
        (b"wait=5; foo", b"5"),
        (b"respond-async", None),
        (b"await=5", None),
        (b"wait=-1", None),
        (b"wait=nan", None),
        (b"wait=99999999999", None),
        (b"wait=1, wait=2", b"1"),
    ],
)
def test_preferences(given, wait):
    assert _preferred(request(prefer=given)) == wait


def test_lines_of_one_header_are_joined():
    lines = [(b"accept", b"text/html"), (b"accept", b"*/*")]
    made = Request({"method": "GET", "path": "/", "query_string": b"", "headers": lines}, None)  # type: ignore[arg-type]
    require_json_wanted(made)
