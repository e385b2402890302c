# SPDX-License-Identifier: Apache-2.0
"""What is behind the plugin fails, hangs, lies or is put back: ML2's ports go on, Gluon's are 503, and neither is ever taken for
the other. Nothing of it is an internal error of Neutron's."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gluon.kv.ports import free_ports
from gluon.parts.openstack.api import ApiRefused
from gluon.parts.openstack.cloud import Cloud, Extent
from gluon.parts.openstack.users import ADMIN, NOVA, OWNER
from gluon.parts.site import Site

from .conftest import RELEASE
from .stacks import SERVED, Do, Stack, asked, away, entered, loop_beside, refused, serving, stand_in, succeeds, until

MACHINE = str(uuid4())
UNKNOWN = "11111111-2222-4333-8444-555555555555"
#: Seconds after which the plugin gives up an answer of a Proton Server, of one that only stands still for a while too.
PATIENCE = 10


def plugin(endpoint: str, url: str) -> dict[str, Any]:
    options = {"etcd_endpoints": endpoint, "proton_endpoints": url, "etcd_timeout": 1, "proton_timeout": PATIENCE}
    parts = {"release": RELEASE, "extent": Extent.NEUTRON, "computes": ()}
    return {**parts, "core_plugin": "gluon", "neutron": {"gluon": options}}


@pytest.fixture(scope="module")
def do() -> Iterator[Do]:
    with loop_beside() as do:
        yield do


@pytest.fixture(scope="module")
def lab(do: Do, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All tests but one share it, and put back what they broke."""
    folder = tmp_path_factory.mktemp("away")
    (folder / "site").mkdir()
    with entered(do, Site(folder / "site")) as site:
        server = do(site.start_server(settings={"api": {"bind_timeout": PATIENCE - 1}}))
        do(site.start_shim(SERVED[0]))
        with entered(do, Cloud(folder / "cloud", **plugin(site.etcd.endpoint, server.url))) as cloud:
            yield Stack(site, server, cloud, stand_in(cloud.api(ADMIN)))


@pytest.fixture(scope="module")
def service(lab: Stack) -> str:
    return lab.service()


@pytest.fixture(scope="module")
def web(lab: Stack, service: str) -> str:
    """A port of Gluon's."""
    port: str = lab.port(service, "10.0.0.5")["id"]
    return port


@pytest.fixture(scope="module")
def mine(lab: Stack) -> str:
    """A port of ML2's."""
    return own(lab)


def own(stack: Stack) -> str:
    api = stack.api(OWNER)
    network = api.post("network", "/v2.0/networks", {"network": {"name": "mine"}})["network"]["id"]
    port: str = api.post("network", "/v2.0/ports", {"port": {"network_id": network, "device_id": "machine"}})["port"]["id"]
    return port


def ml2_works(stack: Stack, port: str) -> None:
    api, name = stack.api(OWNER), uuid4().hex
    assert stack.shown(port, OWNER)["id"] == port
    assert stack.listed("device_id=machine") == [port]
    network = stack.shown(port)["network_id"]
    for query in ("device_owner=network:router_gateway", f"network_id={network}", "security_groups=some", f"id={port}"):
        assert stack.listed(query, ADMIN) == ([] if "=network:" in query or "some" in query else [port])
    assert api.put("network", f"/v2.0/ports/{port}", {"port": {"name": name}})["port"]["name"] == name


def gluons_are_503(stack: Stack, port: str) -> None:
    refused(503, "which cannot be asked", lambda: stack.shown(port))
    refused(503, "cannot be listed", stack.listed)
    refused(503, "which cannot be asked", lambda: stack.bind(port))


def test_the_proton_server_is_away(lab: Stack, do: Do, web: str, mine: str) -> None:
    with away(do, lab.site, lab.server):
        ml2_works(lab, mine)
        gluons_are_503(lab, web)
    until(lambda: succeeds(lambda: lab.shown(web)))
    assert set(lab.listed()) == {web, mine}


def test_the_proton_server_hangs(lab: Stack, web: str, mine: str) -> None:
    """As many as Neutron has threads wait for it; once they know, others do not, and leave the threads to ML2's ports."""
    assert lab.shown(web)["id"] == web
    lab.server.child.pause()
    try:
        with ThreadPoolExecutor(16) as threads:

            def turn() -> int:
                """How many of those that ML2's ports come behind are told at once."""
                asked = [threads.submit(refused, 503, "which cannot be asked", lambda: lab.shown(web)) for _ in range(16)]
                ml2_works(lab, mine)
                return sum("no sign of life a moment ago" in request.result(60).body for request in asked)

            until(lambda: turn() > 8, 60)  # now and then one of each worker waits for a sign of life, and not for its answer
        gluons_are_503(lab, web)
    finally:
        lab.server.child.resume()
    until(lambda: succeeds(lambda: lab.by_each("GET", f"/v2.0/ports/{web}")))
    until(lambda: lab.binds(web))


def said(status: str, body: bytes, length: int | None = None) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """An answer to whatever is asked; the connection is closed in the middle of it where ``length`` is more than comes."""
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length or len(body)}\r\n\r\n".encode()

    def answer(request: BaseHTTPRequestHandler, _: bytes) -> None:
        request.close_connection = True
        request.wfile.write(head + body)

    return answer


PAGE = b"<html><body>It works!</body></html>"
LIES = {
    "a page": said("200 OK", PAGE),
    "another document": said("200 OK", b'{"hello": ["world"]}'),
    "no document": said("200 OK", b"null"),
    "a list": said("200 OK", b'[{"id": 1}]'),
    "a page of trouble": said("500 Internal Server Error", PAGE),
    "half a document": said("200 OK", b'{"id": "', 100),
    "no HTTP": said("hello", b""),
    "nothing": lambda request, _: setattr(request, "close_connection", True),
}


def test_something_else_answers_in_place_of_the_proton_server(lab: Stack, do: Do, web: str, mine: str) -> None:
    with away(do, lab.site, lab.server):
        for answer in LIES.values():
            with serving(lab.server.port, answer):
                gluons_are_503(lab, web)
                ml2_works(lab, mine)
    until(lambda: succeeds(lambda: lab.shown(web)))
    assert set(lab.listed()) == {web, mine}
    until(lambda: lab.binds(web))


def test_a_proton_server_does_not_take_a_list(lab: Stack, do: Do, web: str, mine: str) -> None:
    """It is there, so that is no 503, and asking again would not help. What it says of its Proton is as it was."""
    documents = ("/proton/net-l3vpn", "/proton/net-l3vpn/v1.0/commands.json")
    answers = {path: said("200 OK", json.dumps(asked("GET", lab.server.url + path)).encode()) for path in documents}
    no = said("400 Bad Request", b'{"title": "Bad Request", "status": 400, "detail": "names are numbers here"}')

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> None:
        answers.get(request.path, no)(request, body)

    with away(do, lab.site, lab.server), serving(lab.server.port, answer):
        refused(400, "cannot be listed like this: names are numbers here", lambda: lab.listed("name=web"))
        ml2_works(lab, mine)
    until(lambda: succeeds(lambda: lab.shown(web)))


def test_etcd_is_away_and_comes_back(lab: Stack, do: Do, service: str, web: str, mine: str) -> None:
    do(lab.site.etcd.kill())
    ml2_works(lab, mine)
    assert lab.shown(web)["name"] == "web", "what was known stays known"
    do(lab.site.etcd.start())
    later = lab.port(service, "10.0.0.6", "later")["id"]
    assert lab.shown(later)["name"] == "later"
    forget(lab, later)


def test_etcd_is_wiped(lab: Stack, do: Do, service: str, web: str) -> None:
    gone = lab.port(service, "10.0.0.6")["id"]
    do(lab.site.etcd.kill())
    lab.site.etcd.wipe()
    lab.remove(gone)
    do(lab.site.etcd.start())
    for _ in range(20):
        assert lab.shown(web)["name"] == "web"
        time.sleep(0.1)
    not_found(lab, gone)


def test_etcd_is_restored_from_a_backup(lab: Stack, do: Do, service: str, web: str) -> None:
    """Neither a port nor a machine's use of it is lost by it, not for a moment; what was deleted does not come back."""
    deleted = lab.port(service, "10.0.0.6")["id"]
    data, backup = lab.site.folder / "etcd" / "data", lab.site.folder / "backup"
    do(lab.site.etcd.stop())
    shutil.copytree(data, backup)
    do(lab.site.etcd.start())
    forget(lab, deleted)
    newer = lab.port(service, "10.0.0.7", "newer")["id"]
    until(lambda: lab.bind(web, MACHINE)["binding:vif_type"] == "ovs")

    do(lab.site.etcd.kill())
    shutil.rmtree(data)
    backup.rename(data)
    meanwhile = lab.proton("POST", "/ports", {"tenant_id": lab.tenant, "name": "meanwhile"})["id"]
    do(lab.site.etcd.start())

    def is_repaired() -> bool:
        assert lab.shown(newer)["name"] == "newer"
        assert lab.listed(f"device_id={MACHINE}") == [web]
        return succeeds(lambda: lab.shown(meanwhile))

    until(is_repaired)
    not_found(lab, deleted)
    lab.unbind(web)
    for id in (web, newer, meanwhile):
        until(lambda id=id: lab.binds(id))  # type: ignore[misc]
    assert {web, newer, meanwhile} <= set(lab.listed()) and deleted not in lab.listed()
    forget(lab, newer)
    lab.proton("DELETE", f"/ports/{meanwhile}")


def not_found(lab: Stack, port: str) -> None:
    """Hold that it is not there, once etcd says so in the second that it has for it: before that nobody knows."""

    def known() -> bool:
        with pytest.raises(ApiRefused) as caught:
            lab.shown(port)
        return caught.value.status != 503

    until(known)
    refused(404, "PortNotFound", lambda: lab.shown(port))


def forget(lab: Stack, port: str) -> None:
    """Delete a port, and wait until Neutron has heard of it."""
    lab.remove(port)
    until(lambda: not succeeds(lambda: lab.shown(port)))


def test_etcd_was_not_there_when_neutron_started(tmp_path: Path, do: Do) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    with entered(do, Cloud(tmp_path / "cloud", **plugin(nobody, nobody))) as cloud:
        stack = Stack(None, None, cloud, "")  # type: ignore[arg-type]
        mine = own(stack)
        ml2_works(stack, mine)
        refused(503, "not known which ports are Gluon's", lambda: stack.shown(UNKNOWN))
        for query in (f"device_id={UNKNOWN}", f"id={UNKNOWN}", f"id={UNKNOWN}&id={mine}", f"marker={UNKNOWN}&limit=1"):
            refused(503, "not known", lambda query=query: stack.listed(query))
        stack.api(ADMIN).put("network", f"/v2.0/ports/{mine}", {"port": {"device_id": MACHINE}})
        machines = f"device_id={MACHINE}"
        assert stack.listed(machines) == [mine]
        for user in (ADMIN, NOVA):
            refused(503, "not known", lambda user=user: stack.listed(machines, user))
            assert stack.listed(f"id={mine}", user) == [mine] and stack.listed("device_id=dhcp-of-a-network", user) == []
