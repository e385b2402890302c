# SPDX-License-Identifier: Apache-2.0
"""Several Protons at two sites behind one Neutron; one site is where only those get in whom Keystone knows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import pytest

from gluon.kv.ports import free_ports
from gluon.particle import keys
from gluon.parts.openstack.cloud import Cloud, Extent
from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import Groups
from gluon.parts.openstack.users import ADMIN, GLUON, OWNER, STRANGER
from gluon.parts.site import Server, Site

from .conftest import RELEASE
from .gates import Gate
from .stacks import SERVED, Do, Stack, asked, away, entered, loop_beside, refused, serving, stand_in


class Kind(NamedTuple):
    """A Proton, and what it calls its ports, its services and the bindings of the one to the other."""

    proton: str
    port: str
    service: str
    binding: str

    @property
    def model(self) -> str:
        """All that the service is, in its own words."""
        return f"""\
file_version: "1.0"
imports: base/base.yaml
info: {{name: {self.proton}, version: "1.0"}}
objects:
  {self.port.title()}: {{extends: BasePort, api: {{name: {self.port}}}}}
  {self.port.title()}Line: {{extends: BaseInterface, api: {{name: {self.port}line, parent: {self.port.title()}}}}}
  {self.service.title()}: {{extends: BaseService, api: {{name: {self.service}}}}}
  {self.binding.title()}: {{extends: BaseServiceBinding, api: {{name: {self.binding}}}}}
"""


L3VPN = Kind("net-l3vpn", "port", "vpn", "vpnbinding")
QUAY = Kind("quay", "berth", "canal", "mooring")
MESH = Kind("mesh", "jack", "loom", "knot")


@dataclass(frozen=True)
class Lab(Stack):
    """Oslo has the L3VPNs, and a gate before its server; Rome has the quays, and may get the mesh."""

    do: Do
    servers: dict[str, Server]
    gate: Gate

    def make(self, kind: Kind, name: str, address: str) -> str:
        """A port of the owner's with an address, once Neutron knows it; its id."""
        tenant = {"tenant_id": self.tenant}
        service = self.create(kind, kind.service, tenant)
        port = self.create(kind, kind.port, {**tenant, "name": name})
        self.create(kind, kind.binding, {**tenant, "interface_id": port, "service_id": service, "ipaddress": address})
        self.until_known(port)
        return port

    def create(self, kind: Kind, noun: str, body: Any) -> str:
        """Something in the API of its Proton; its id, if it has one."""
        server = self.servers["oslo" if kind is L3VPN else "rome"]
        made: str = asked("POST", f"{server.url}/proton/{kind.proton}/v1.0/{noun}s", body).get("id", "")
        return made


@dataclass
class Bystander:
    """A server that is named in etcd, but not in neutron.conf."""

    url: str = ""
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: BaseHTTPRequestHandler, _: bytes) -> None:
        self.asked.append(request.path)


@pytest.fixture(scope="module")
def bystander() -> Bystander:
    return Bystander()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, bystander: Bystander) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("protons")
    models = folder / "site" / "models"
    models.mkdir(parents=True)
    (models / "quay.yaml").write_text(QUAY.model)
    (port,) = free_ports(1)
    gate = Gate(f"http://127.0.0.1:{port}")
    with (
        loop_beside() as do,
        entered(do, Site(folder / "site", models=models)) as site,
        serving(0, gate) as gate_url,
        serving(0, bystander) as bystander.url,
    ):
        oslo = do(site.start_server(settings=settings(site, "oslo", L3VPN, public_url=bystander.url), port=port))
        rome = do(site.start_server(settings=settings(site, "rome", QUAY)))
        for kind in (L3VPN, QUAY):
            start_shim(do, site, kind)

        def options(layout: Layout) -> Groups:
            where = {"etcd_endpoints": site.etcd.endpoint, "proton_endpoints": f"{rome.url},{gate_url}"}
            return {"gluon": {**GLUON.section(layout.auth_url), **where}}

        gate.cloud = cloud = Cloud(
            folder / "cloud", release=RELEASE, extent=Extent.NEUTRON, core_plugin="gluon", computes=(), neutron=options
        )
        with entered(do, cloud):
            yield Lab(site, oslo, cloud, stand_in(cloud.api(ADMIN)), do, {"oslo": oslo, "rome": rome}, gate)


def settings(site: Site, name: str, *kinds: Kind, **api: str) -> Groups:
    """Those of a server with a database and Protons of its own."""
    return {
        "DEFAULT": {"model_path": site.folder / "models", "protons": ", ".join(kind.proton for kind in kinds)},
        "database": {"connection": f"sqlite:///{site.folder / name}.sqlite"},
        "api": {"bind_timeout": 20, **api},
    }


def start_shim(do: Do, site: Site, kind: Kind) -> None:
    """One that answers binds on the host, whatever it is a port of."""
    handlers = {"shim": {"handlers": f"{kind.proton}:net-l3vpn-dummy"}}
    child = do(site.start_shim(SERVED[0], settings=handlers, ready=False))
    do(site.until(lambda: site.kv.get(keys.shim(kind.proton, SERVED[0])), "the shim to sign in", child))


@pytest.fixture(scope="module")
def port(lab: Lab) -> str:
    """Of an L3VPN, at Oslo."""
    return lab.make(L3VPN, "b", "10.0.0.5")


@pytest.fixture(scope="module")
def berth(lab: Lab) -> str:
    """Of a canal, at Rome."""
    return lab.make(QUAY, "a", "10.0.0.6")


@pytest.fixture(scope="module")
def own(lab: Lab) -> str:
    """Of ML2's."""
    api = lab.cloud.api(OWNER)
    network = api.post("network", "/v2.0/networks", {"network": {"name": "mine"}})["network"]["id"]
    made: str = api.post("network", "/v2.0/ports", {"port": {"network_id": network, "name": "c"}})["port"]["id"]
    return made


def test_ports_of_all_are_in_one_list(lab: Lab, port: str, berth: str, own: str) -> None:
    every = sorted((port, berth, own))
    pages, marker = [], ""
    while page := lab.listed(f"limit=1{marker}"):
        pages += page
        marker = f"&marker={page[-1]}"
    assert pages == every == sorted(lab.listed())
    assert lab.listed(f"limit=5&marker={every[-1]}&page_reverse=True") == every[:2]
    falling = "sort_key=id&sort_dir=desc&limit=2"
    assert lab.listed(falling) == every[:0:-1] and lab.listed(f"{falling}&marker={every[1]}") == every[:1]
    by_name = "sort_key=name&sort_dir=asc&limit=2"
    assert lab.listed(by_name) == [berth, port] and lab.listed(f"{by_name}&marker={port}") == [own]
    assert lab.listed("name=a") == [berth] and lab.listed("name=b&name=c&limit=9") == sorted((port, own))
    assert lab.listed(user=STRANGER) == []


def test_each_is_shown_and_bound_by_its_own_proton(lab: Lab, port: str, berth: str) -> None:
    for id, name, address in ((port, "b", "10.0.0.5"), (berth, "a", "10.0.0.6")):
        shown = lab.shown(id)
        assert (shown["name"], shown["network_id"]) == (name, lab.network)
        assert [ip["ip_address"] for ip in shown["fixed_ips"]] == [address]
        assert lab.binds(id)


@pytest.mark.parametrize("site", ["oslo", "rome"])
def test_a_site_is_away(lab: Lab, port: str, berth: str, own: str, site: str) -> None:
    """Its ports are 503, and so is a list that could have one. Whatever cannot goes on."""
    gone, there = (port, berth) if site == "oslo" else (berth, port)
    network = lab.shown(own)["network_id"]
    with away(lab.do, lab.site, lab.servers[site]):
        refused(503, "which cannot be asked", lambda: lab.shown(gone))
        refused(503, "which cannot be asked", lambda: lab.bind(gone))
        assert lab.binds(there)
        assert lab.shown(there)["id"] == there and lab.shown(own)["id"] == own
        for query in ("", "name=c", "limit=1", f"id={gone}"):
            refused(503, "cannot be listed", lambda query=query: lab.listed(query))
        assert lab.listed(f"id={there}&id={own}&sort_key=name&sort_dir=asc") == [there, own]
        assert lab.listed(f"network_id={network}") == [own]
        assert lab.listed("device_id=machine") == []
        assert lab.listed(user=STRANGER) == []
        assert lab.listed("device_owner=network:dhcp", ADMIN) == lab.listed("security_groups=some", ADMIN) == []
    assert lab.binds(gone)
    assert len(lab.listed()) == 3


def test_a_site_is_away_whose_services_a_tenant_has_not(lab: Lab, port: str, berth: str) -> None:
    """Its lists do not miss it."""
    theirs = lab.create(L3VPN, L3VPN.port, {"tenant_id": lab.api(STRANGER).project_id})
    lab.until_known(theirs)
    with away(lab.do, lab.site, lab.servers["rome"]):
        for query in ("", "limit=5", "name=a", "sort_key=name&sort_dir=desc"):
            assert lab.listed(query, STRANGER) == ([] if "name=a" in query else [theirs]), query
        refused(503, "cannot be listed", lambda: lab.listed(user=OWNER))
    lab.proton("DELETE", f"/ports/{theirs}")


def test_a_proton_is_added(lab: Lab, berth: str) -> None:
    """Its ports are known, shown, listed and bound by the Neutron that runs already."""
    neutron = lab.cloud.process("neutron").daemon.pid
    (lab.site.folder / "models" / "mesh.yaml").write_text(MESH.model)
    before = lab.servers["rome"]
    lab.do(before.stop())
    now = settings(lab.site, "rome", QUAY, MESH)
    lab.servers["rome"] = lab.do(lab.site.start_server(settings=now, port=before.port))
    start_shim(lab.do, lab.site, MESH)
    jack = lab.make(MESH, "d", "10.0.0.7")
    assert [ip["ip_address"] for ip in lab.shown(jack)["fixed_ips"]] == ["10.0.0.7"]
    assert lab.listed("name=d&name=a&sort_key=name&sort_dir=asc") == [berth, jack]
    assert lab.binds(jack) and lab.binds(berth)
    assert lab.cloud.process("neutron").daemon.pid == neutron


def test_the_plugin_shows_a_token(lab: Lab, bystander: Bystander, port: str) -> None:
    """Keystone's, of the user in neutron.conf; to nobody but the servers that stand there."""
    registered = lab.do(lab.site.kv.get(keys.port(port)))
    assert registered is not None and bystander.url.encode() in registered.value
    lab.gate.shown.clear()
    assert lab.shown(port)["id"] == port and lab.binds(port)
    assert {shown.user for shown in lab.gate.shown} == {GLUON.name}
    assert bystander.asked == []


@pytest.mark.parametrize("ask", [Lab.shown, Lab.binds, lambda lab, port: lab.listed()])
def test_a_token_that_keystone_took_back_is_replaced(lab: Lab, port: str, ask: Callable[[Lab, str], Any]) -> None:
    lab.gate.shown.clear()
    lab.by_each("GET", f"/v2.0/ports/{port}")  # each worker has a token of its own
    old = {shown.token for shown in lab.gate.shown if shown.user}
    for token in old:
        lab.gate.revoke(token)
    lab.gate.shown.clear()
    assert ask(lab, port)
    # One may be shown twice where a worker looks beside the request whether the Proton has changed.
    refused = {shown.token for shown in lab.gate.shown if not shown.user}
    taken = {shown for shown in lab.gate.shown if shown.user}
    assert refused and refused <= old
    assert {shown.user for shown in taken} == {GLUON.name} and old.isdisjoint(shown.token for shown in taken)


def test_the_plugin_is_refused(lab: Lab, port: str, berth: str) -> None:
    """That is no fault of who asks Neutron."""
    lab.gate.shut = True
    try:
        refused(503, "401 Unauthorized", lambda: lab.shown(port))
        refused(503, "401 Unauthorized", lab.listed)
        assert lab.binds(berth)
    finally:
        lab.gate.shut = False
    assert lab.binds(port)
