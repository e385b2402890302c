# SPDX-License-Identifier: Apache-2.0
"""A Neutron with Gluon's plugin, and the Proton Server behind it, as tests use them."""

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import pytest

from gluon.parts.openstack.api import Api, ApiRefused
from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.neutron import WORKERS
from gluon.parts.openstack.users import ADMIN, OWNER
from gluon.parts.site import Server, Site

#: Hosts whose binds a shim of Gluon's answers, and one that has none.
SERVED = ("compute-1", "compute-2")
UNSERVED = "compute-3"

T = TypeVar("T")

_SUBNETS = (("0.0.0.0/1", 4), ("128.0.0.0/1", 4), ("2000::/3", 6), ("fc00::/7", 6))


@dataclass(frozen=True)
class Stack:
    """``network`` stands for Gluon in Neutron."""

    site: Site
    server: Server
    cloud: Cloud
    network: str

    def proton(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of the service's own API."""
        return asked(method, f"{self.server.url}/proton/net-l3vpn/v1.0{path}", body)

    def api(self, user: Any) -> Api:
        return self.cloud.api(user)

    @property
    def tenant(self) -> str:
        """The owner's project."""
        return self.api(OWNER).project_id

    def service(self) -> str:
        """A VPN of the owner's."""
        made: str = self.proton("POST", "/vpns", {"tenant_id": self.tenant})["id"]
        return made

    def port(self, service: str, address: str, name: str = "web") -> dict[str, Any]:
        """A port of the owner's with an address, which Neutron knows already."""
        made: dict[str, Any] = self.proton("POST", "/ports", {"tenant_id": self.tenant, "name": name})
        binding = {"tenant_id": self.tenant, "interface_id": made["id"], "service_id": service, "ipaddress": address}
        self.proton("POST", "/vpnbindings", binding)
        self.until_known(made["id"])
        return made

    def by_each(self, method: str, path: str, user: Any = ADMIN, body: object = None) -> list[Any]:
        """Ask Neutron until each of its workers has answered; the first answer of each."""
        answers: dict[str, Any] = {}

        def by_all() -> bool:
            answer = self.api(user).answer(method, "network", path, body)
            answers.setdefault(answer.headers["X-Worker"], answer.body)
            return len(answers) == WORKERS

        until(by_all)
        return list(answers.values())

    def until_known(self, port: str) -> None:
        """Return once each worker of Neutron's has the port in its lists: one hears of it a moment before another."""
        workers = set[str]()

        def known() -> bool:
            answer = self.api(ADMIN).answer("GET", "network", f"/v2.0/ports?id={port}&fields=id")
            if answer.body["ports"]:
                workers.add(answer.headers["X-Worker"])
            return len(workers) == WORKERS

        until(known)

    def remove(self, port: str) -> None:
        self.proton("DELETE", f"/vpnbindings/{port}")
        self.proton("DELETE", f"/ports/{port}")

    def shown(self, port: str, user: Any = ADMIN) -> dict[str, Any]:
        """The port as Neutron shows it."""
        found: dict[str, Any] = self.api(user).get("network", f"/v2.0/ports/{port}")["port"]
        return found

    def listed(self, query: str = "", user: Any = OWNER) -> list[str]:
        """The ids in Neutron's list of ports, in its order."""
        return [port["id"] for port in self.api(user).get("network", f"/v2.0/ports?{query}")["ports"]]

    def bind(self, port: str, device: str = "") -> dict[str, Any]:
        """Plug the port into a machine on the first of the hosts, as Nova does it; how Neutron then shows it."""
        wanted = {"binding:host_id": SERVED[0], "device_id": device or str(uuid4()), "device_owner": "compute:nova"}
        bound: dict[str, Any] = self.api(ADMIN).put("network", f"/v2.0/ports/{port}", {"port": wanted})["port"]
        return bound

    def unbind(self, port: str) -> None:
        nothing = {"binding:host_id": None, "device_id": "", "device_owner": ""}
        self.api(ADMIN).put("network", f"/v2.0/ports/{port}", {"port": nothing})

    def binds(self, port: str) -> bool:
        """Whether the port is plugged in if that is asked for. Nothing stays of it."""
        shown = self.bind(port)
        self.unbind(port)
        return (shown["binding:vif_type"], shown["status"]) == ("ovs", "ACTIVE")


def asked(method: str, url: str, body: Any = None) -> Any:
    """The answer of a Proton Server."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def stand_in(api: Api) -> str:
    """Make the network that stands for Gluon; its id."""
    network: str = api.post("network", "/v2.0/networks", {"network": {"name": "gluon", "shared": True}})["network"]["id"]
    for cidr, version in _SUBNETS:
        subnet = {"network_id": network, "ip_version": version, "cidr": cidr, "enable_dhcp": False, "gateway_ip": None}
        api.post("network", "/v2.0/subnets", {"subnet": subnet})
    return network


def refused(status: int, words: str, ask: Callable[[], Any]) -> ApiRefused:
    """Hold that this is refused so; the refusal."""
    with pytest.raises(ApiRefused, match=words) as caught:
        ask()
    assert caught.value.status == status, caught.value
    assert "Traceback" not in caught.value.body, caught.value
    return caught.value


def succeeds(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except ApiRefused:
        return False
    return True


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


class Do(Protocol):
    """Runs a coroutine, and waits for what it returns."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T: ...


@contextmanager
def loop_beside() -> Iterator[Do]:
    """A loop in a thread of its own. What is started there runs on while tests, which are plain functions, come and go."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Coroutine[Any, Any, T], /) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    try:
        yield do
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def entered(do: Do, manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """The same as ``async with``, on that loop."""
    value = do(manager.__aenter__())
    try:
        yield value
    finally:
        do(manager.__aexit__(None, None, None))


@contextmanager
def away(do: Do, site: Site, server: Server) -> Iterator[None]:
    """While this Proton Server does not run."""
    do(server.child.kill())
    try:
        yield
    finally:
        do(server.child.start())
        do(site.until_ready(server))


@contextmanager
def serving(port: int, answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """An HTTP server on this port (0: a free one) that has ``answer`` deal with each request, its body read; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # who asked has gone
                super().handle()

        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self) -> None:
            answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
