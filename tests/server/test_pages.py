# SPDX-License-Identifier: Apache-2.0
"""Lists: pages that follow one another, filters, and queries that make no sense."""

import uuid
from urllib.parse import quote

import pytest

from tests.server.conftest import L3VPN, TENANT, THINGS

THING = f"{THINGS}/things"


@pytest.fixture
async def labels(call):
    made = ["a", "a/b", "b&c=d", "c d", "é", "z%2Fz", "zz"]
    for i, label in enumerate(made):
        assert (await call("POST", THING, {"label": label, "size": i % 2, "colour": None})).status == 201
    return made


async def follow(call, target):
    """Every object of a list, and how many pages it took."""
    pages = []
    while target is not None:
        assert len(pages) < 20
        page = (await call("GET", target)).json()
        pages.append([thing["label"] for thing in page["things"]])
        target = next((link["href"] for link in page.get("links", ()) if link["rel"] == "next"), None)
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
async def test_pages_hold_everything_once(call, labels, limit):
    pages = await follow(call, f"{THING}?limit={limit}")
    assert sorted(label for page in pages for label in page) == sorted(labels)
    assert len(pages) == -(-len(labels) // limit)
    assert all(len(page) == limit for page in pages[:-1])


async def test_filters_go_with_the_pages(call, labels):
    pages = await follow(call, f"{THING}?size=1&limit=2")
    assert sorted(label for page in pages for label in page) == sorted(labels[1::2])
    assert [len(page) for page in pages] == [2, 1]


async def test_objects_that_come_and_go_between_pages(call, labels):
    first = (await call("GET", f"{THING}?limit=2")).json()
    for thing in first["things"]:
        await call("DELETE", f"{THING}/{thing['label'].replace('/', '%2F')}")
    rest = await follow(call, first["links"][0]["href"])
    assert [label for page in rest for label in page] == sorted(labels)[2:]


async def test_the_page_size_where_the_client_does_not_say(served, labels):
    call = served(page_size=3, max_page_size=5).call
    assert len((await call("GET", THING)).json()["things"]) == 3
    assert len((await call("GET", f"{THING}?limit=5")).json()["things"]) == 5
    assert len((await call("GET", f"{THING}?limit=004")).json()["things"]) == 4
    for limit in ("6", "9" * 10, "1" * 5000):
        more = (await call("GET", f"{THING}?limit={limit}")).json()
        assert len(more["things"]) == 5 and f"limit={limit}" in more["links"][0]["href"]


async def test_a_filter_that_is_given_several_times_asks_for_any_of_its_values(call, labels):
    async def found(query):
        return [thing["label"] for thing in (await call("GET", f"{THING}?{query}")).json()["things"]]

    assert await found("label=zz&label=a%2Fb&label=nothing&label=zz") == ["a/b", "zz"]
    assert await found("label=a&label=zz&label=%C3%A9&size=0") == ["a", "zz", "é"]
    assert await found("size=0&size=1&label=zz&label=c+d") == ["c d", "zz"]
    assert await found("label=a&label=a") == ["a"]
    (await call("PATCH", f"{THING}/a", {"colour": None})).json()
    assert await found("colour=&colour=red") == ["a"]
    assert len(await found("colour=&colour=grey")) == 7
    assert await found("label=&label=a") == ["a"]
    assert await found("label=&label=") == []


async def test_the_next_page_asks_for_the_same_values(call, labels):
    wanted = "&".join(f"label={quote(label, safe='')}" for label in labels[1:])
    pages = await follow(call, f"{THING}?{wanted}&limit=2&size=0&size=1")
    assert [label for page in pages for label in page] == sorted(labels[1:])
    assert [len(page) for page in pages] == [2, 2, 2]


async def test_as_many_values_as_a_page_has_identifiers(call):
    made = [(await call("POST", f"{L3VPN}/ports", {"tenant_id": TENANT})).json()["id"] for _ in range(3)]
    others = [str(uuid.UUID(int=n)) for n in range(1000 - len(made))]
    query = "&".join(f"id={id}" for id in [*made, *others])
    answer = (await call("GET", f"{L3VPN}/ports?{query}&limit=2&project_id={TENANT}&project_id=other")).json()
    assert [port["id"] for port in answer["ports"]] == sorted(made)[:2]
    rest = (await call("GET", answer["links"][0]["href"])).json()
    assert [port["id"] for port in rest["ports"]] == sorted(made)[2:] and "links" not in rest
    detail = (await call("GET", f"{L3VPN}/ports?{query}&id={made[0]}")).problem(400)["detail"]
    assert detail == "filter 'id': has more than 1000 values: ask for fewer at a time"


async def test_a_path_that_says_the_parent_says_it_whatever_the_query_asks(call):
    first, second = [(await call("POST", f"{L3VPN}/ports", {"tenant_id": TENANT})).json()["id"] for _ in range(2)]
    path = f"{L3VPN}/ports/{first}/interfaces"
    both = f"id={first}&id={second}"
    assert [i["id"] for i in (await call("GET", f"{path}?{both}")).json()["interfaces"]] == [first]
    assert [i["id"] for i in (await call("GET", f"{path}?port_id={second}&port_id={first}")).json()["interfaces"]] == [first]
    (await call("GET", f"{path}?port_id={second}&port_id=")).problem(400)


async def test_filters(call, labels):
    async def found(query):
        return [thing["label"] for thing in (await call("GET", f"{THING}?{query}")).json()["things"]]

    assert await found("label=a%2Fb") == ["a/b"]
    assert await found("label=c+d") == ["c d"]
    assert await found("label=%C3%A9&size=0") == ["é"]
    assert await found("label=é&size=1") == []
    assert len(await found("colour=")) == 0  # a null that was given at creation counts as not given
    assert len(await found("colour=grey")) == 7
    (await call("PATCH", f"{THING}/a", {"colour": None})).json()
    assert await found("colour=") == ["a"]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5", "0" * 30, "%D9%A1", "1e3"])
async def test_limits_that_make_no_sense(call, limit):
    assert "limit" in (await call("GET", f"{THING}?limit={limit}")).problem(400)["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "colr=grey",
        "size=x",
        "size=1&size=x",
        "limit=1&limit=1",
        "marker=a&marker=b",
        "label=%FF",
        "x",
        "&".join(f"a{i}=1" for i in range(200)),
        "&".join(f"size={i}" for i in range(1001)),
        "&".join(["x=1"] * 600 + ["size=1"] * 600),
        "revision=1",
        "created_at=2026-01-01T00:00:00Z",
    ],
)
async def test_queries_that_make_no_sense(call, query):
    (await call("GET", f"{THING}?{query}")).problem(400)


async def test_every_fault_of_a_query_is_named(call):
    problem = (await call("GET", f"{THING}?colr=grey&size=x&limit=0")).problem(400)
    assert len(problem["errors"]) == 3


async def test_markers(call):
    (await call("GET", f"{L3VPN}/ports?marker=x")).problem(400)
    assert (await call("GET", f"{L3VPN}/ports?marker=00000000-0000-0000-0000-000000000001")).json() == {"ports": []}


async def test_an_attribute_called_like_a_parameter(call):
    await call("POST", THING, {"label": "x"})
    for number in (1, 2):
        await call("POST", f"{THINGS}/sensors", {"number": number, "thing": "x", "limit": 9})
    assert len((await call("GET", f"{THINGS}/sensors?limit=1")).json()["sensors"]) == 1


async def test_an_empty_query(call):
    assert (await call("GET", f"{L3VPN}/ports?")).json() == {"ports": []}
    await call("POST", f"{L3VPN}/ports", {"tenant_id": TENANT})
    assert len((await call("GET", f"{L3VPN}/ports?&")).json()["ports"]) == 1
