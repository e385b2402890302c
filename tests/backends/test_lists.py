# SPDX-License-Identifier: Apache-2.0
"""Whatever a list is asked for by, a real server's ports that fit come, and none where none can; nothing of it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from gluon.backends.driver import Driver, Filters, pages
from gluon.backends.drivers import Drivers
from gluon.backends.servers import ProtonServers
from gluon.parts.site import Site

#: What no port can have, whatever it is called.
STRANGE: dict[str, Sequence[Any]] = {
    "id": ["no-uuid", "\0", "\ud800", "x" * 300],
    "name": ["x" * 256, "a\0b", "\ud800"],
    "tenant_id": ["t" * 65],
    "device_id": ["d" * 256],
    "device_owner": ["o" * 256],
    "host_id": ["h" * 256],
    "vnic_type": ["baremetal", ""],
    "mac_address": ["no", "fa:16:3e"],
    "status": ["x" * 256],
}
#: A port whose texts are narrower than others', one wider.
NARROW = """\
file_version: "1.0"
imports: base/base.yaml
info: {name: narrow, version: "1.0"}
objects:
  Socket:
    extends: BasePort
    api: {name: socket}
    attributes:
      name: {type: string, pattern: "^[a-z]+$"}
      status: {type: string, format: uri, length: 300}
      vnic_type: {type: enum, values: [normal, vdpa]}
  Attachment: {extends: BaseInterface, api: {name: attachment, parent: Socket}}
"""
LONG = "https://example.org/" + "x" * 250


async def test_lists(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "narrow.yaml").write_text(NARROW)
    async with Site(tmp_path, models=tmp_path / "models") as site:
        server = await site.start_server(settings={"api": {"page_size": 2, "max_page_size": 3}})

        def story() -> None:
            with ProtonServers([server.url]) as servers:
                driver = Drivers(servers).of("net-l3vpn")
                made = sorted(
                    servers.json("POST", "/proton/net-l3vpn/v1.0/ports", values={"tenant_id": "t", "name": str(n)})["id"]
                    for n in range(7)
                )
                pages_are_as_wide_as_the_server_has_them(driver, made)
                what_no_port_can_have_fits_none(driver, made)
                a_page_begins_behind_whatever_is_said(driver, made)
                what_a_model_says_of_its_texts_is_known(Drivers(servers).of("narrow"), servers)

        await asyncio.to_thread(story)


def ids(driver: Driver, filters: Filters, limit: int | None = None, after: str | None = None) -> list[str]:
    return [port.id for page in pages(driver, filters, limit, after) for port in page.ports]


def pages_are_as_wide_as_the_server_has_them(driver: Driver, made: list[str]) -> None:
    for limit, widest in ((None, 2), (1, 1), (3, 3), (4, 3), (999_999_999, 3)):
        assert max(len(page.ports) for page in pages(driver, {}, limit)) == widest
        assert ids(driver, {}, limit) == made
    many = [*made, *(str(uuid4()) for _ in range(900))]
    assert ids(driver, {"id": many}) == made


def what_no_port_can_have_fits_none(driver: Driver, made: list[str]) -> None:
    for name, values in STRANGE.items():
        for value in values:
            assert ids(driver, {name: [value]}) == [], (name, value)
    assert ids(driver, {"id": [*STRANGE["id"], made[3]], "name": ["x" * 256, *map(str, range(7))]}) == [made[3]]


def a_page_begins_behind_whatever_is_said(driver: Driver, made: list[str]) -> None:
    for after in (made[2], str(uuid4()), "", "0", "7", "g", made[3][:5], "\0", made[6]):
        assert ids(driver, {}, 2, after) == [id for id in made if id > after], after


def what_a_model_says_of_its_texts_is_known(driver: Driver, servers: ProtonServers) -> None:
    values = {"tenant_id": "t", "name": "web", "status": LONG, "vnic_type": "vdpa"}
    made = servers.json("POST", "/proton/narrow/v1.0/sockets", values=values)["id"]
    for name, fits, strange in (
        ("name", "web", ["Web-1", "", "\0"]),
        ("status", LONG, ["no uri", LONG + "x" * 50]),
        ("vnic_type", "vdpa", ["direct"]),
    ):
        assert ids(driver, {name: strange}) == [], name
        assert ids(driver, {name: [*strange, fits]}) == [made], name
