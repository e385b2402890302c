# SPDX-License-Identifier: Apache-2.0
"""What the plugin costs in a real Neutron: two of them side by side, one with ML2 alone, asked in turn."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure
from bench.ground import Ground
from gluon.client.http import Client
from gluon.errors import GluonError
from gluon.parts.openstack.api import PATIENCE, Answer, Api
from gluon.parts.openstack.cloud import Cloud, Extent
from gluon.parts.openstack.users import ADMIN

PORTS: Final = 1000
_HOST: Final = "compute-1"
_BULK: Final = 100
_TURNS: Final = 40
_API: Final = "/proton/net-l3vpn/v1.0"


async def measure(ground: Ground, seconds: int) -> list[Figure]:
    """Show, list and bind; milliseconds are medians of requests made in turn, one at a time."""
    server = await ground.start_server()
    await ground.start_shim(_HOST)
    options = {"gluon": {"etcd_endpoints": ground.etcd.endpoint, "proton_endpoints": server.url}}
    async with _cloud(ground.folder / "ml2", "ml2", {}) as plain, _cloud(ground.folder / "gluon", "gluon", options) as both:
        neutrons = Neutron("ML2 alone", plain.auth_url), Neutron("ML2 with Gluon's plugin", both.auth_url)
        return await asyncio.to_thread(_measure, *neutrons, server.url)


class Neutron(Api):
    """One of the two as an administrator sees it. Errors say which it is, as addresses do not, and which request it was."""

    def __init__(self, name: str, auth_url: str, *, patience: float = PATIENCE) -> None:
        super().__init__(auth_url, ADMIN, patience=patience)
        self._name = name
        self._requests = 0

    def answer(self, method: str, service: str, path: str, body: object = None) -> Answer:
        """See Api."""
        self._requests += 1
        try:
            return super().answer(method, service, path, body)
        except GluonError as error:
            raise GluonError(f"{self._name}, request {self._requests}: {error}") from None


def _cloud(folder: Path, plugin: str, options: dict[str, Any]) -> Cloud:
    return Cloud(folder, extent=Extent.NEUTRON, core_plugin=plugin, computes=(_HOST,), neutron=options)


def _measure(plain: Api, both: Api, proton: str) -> list[Figure]:
    own = {api: _own_ports(api, PORTS) for api in (plain, both)}
    alone, beside = _turns(lambda: _show(plain, own[plain][0]), lambda: _show(both, own[both][0]), 5 * _TURNS)
    listed, listed_both = _turns(lambda: _list(plain, PORTS), lambda: _list(both, PORTS), 10)
    _stand_in(both)
    ours = _gluon_ports(proton, PORTS, both.project_id)
    _until_seen(both, ours[-1])
    alone_after, after = _turns(lambda: _show(plain, own[plain][0]), lambda: _show(both, own[both][0]), 5 * _TURNS)
    alone_shown, gluon_show = _turns(lambda: _show(plain, own[plain][0]), lambda: _show(both, ours[0]), _TURNS)
    alone_listed, listed_all = _turns(lambda: _list(plain, PORTS), lambda: _list(both, 2 * PORTS), 10)
    free, held = iter(own[both]), iter(ours)
    ml2_bind, gluon_bind = _turns(lambda: _bind(both, next(free)), lambda: _bind(both, next(held)), _TURNS)
    return [
        Figure("neutron", "show a port of ML2's, no port of Gluon's", beside, "ms", alone, "ML2 alone"),
        Figure("neutron", f"show a port of ML2's beside {PORTS:,} of Gluon's", after, "ms", alone_after, "ML2 alone"),
        Figure("neutron", "show a port of Gluon's", gluon_show, "ms", alone_shown, "a port of ML2's, ML2 alone"),
        Figure("neutron", f"list {PORTS:,} ports of ML2's, none of Gluon's", listed_both, "ms", listed, "ML2 alone"),
        Figure(
            "neutron",
            f"list {PORTS:,} ports of ML2's and {PORTS:,} of Gluon's",
            listed_all,
            "ms",
            alone_listed,
            "the first, ML2 alone",
        ),
        Figure("neutron", "bind a port of Gluon's", gluon_bind, "ms", ml2_bind, "a port of ML2's, same Neutron"),
    ]


def _turns(one: Callable[[], Any], other: Callable[[], Any], count: int) -> tuple[float, float]:
    """The medians of both, in milliseconds."""
    one(), other()
    pairs = [(_timed(one), _timed(other)) for _ in range(count)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _timed(do: Callable[[], Any]) -> float:
    start = time.perf_counter()
    do()
    return (time.perf_counter() - start) * 1e3


def _own_ports(api: Api, count: int) -> list[str]:
    network = api.post("network", "/v2.0/networks", {"network": {"name": "own"}})["network"]["id"]
    body = {"ports": [{"network_id": network, "name": "own"}] * _BULK}
    made = [api.post("network", "/v2.0/ports", body)["ports"] for _ in range(count // _BULK)]
    return [port["id"] for ports in made for port in ports]


def _stand_in(api: Api) -> None:
    network = api.post("network", "/v2.0/networks", {"network": {"name": "gluon", "shared": True}})["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "0.0.0.0/1", "enable_dhcp": False, "gateway_ip": None}
    api.post("network", "/v2.0/subnets", {"subnet": subnet})


def _gluon_ports(url: str, count: int, tenant: str) -> list[str]:
    """In one VPN, each with an address."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with Client(url) as client:
        vpn = client.request("POST", f"{_API}/vpns", values={"tenant_id": tenant}).json()["id"]
        for number, id in enumerate(ids, 1):
            client.request("POST", f"{_API}/ports", values={"id": id, "tenant_id": tenant, "name": "ours"})
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            binding = {"tenant_id": tenant, "interface_id": id, "service_id": vpn, "ipaddress": address}
            client.request("POST", f"{_API}/vpnbindings", values=binding)
    return ids


def _until_seen(api: Api, port: str) -> None:
    end = time.monotonic() + 30
    while not api.get("network", f"/v2.0/ports?id={port}")["ports"]:
        if time.monotonic() > end:
            raise TimeoutError(f"Neutron does not see port {port}")
        time.sleep(0.05)


def _show(api: Api, port: str) -> None:
    api.get("network", f"/v2.0/ports/{port}")


def _list(api: Api, count: int) -> None:
    found = len(api.get("network", "/v2.0/ports")["ports"])
    assert found == count, f"{found} ports"


def _bind(api: Api, port: str) -> None:
    body = {"port": {"binding:host_id": _HOST, "device_id": str(uuid.uuid4()), "device_owner": "compute:nova"}}
    bound = api.put("network", f"/v2.0/ports/{port}", body)["port"]
    assert bound["binding:vif_type"] == "ovs", bound
