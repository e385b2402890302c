# SPDX-License-Identifier: Apache-2.0
"""``gluon port`` against a Proton Server and a shim, both real, and two Protons: one that ships, one of other nouns."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.cmd.gluon import main
from gluon.parts.child import clean_environment
from gluon.parts.site import Site

MODELS = Path(__file__).parents[1] / "models"
L3VPN = "/proton/net-l3vpn/v1.0/ports"
RENAMED = "/proton/renamed/v2.10/sockets"
#: A server for binds that are answered, and one for those that nobody answers.
PATIENT, IMPATIENT = ({"api": {"bind_timeout": seconds}} for seconds in (20, 0.5))


@pytest.fixture
async def site(tmp_path):
    async with Site(tmp_path, models=MODELS) as running:
        yield running


async def call(port: int, *words: str) -> tuple[int, str, str]:
    """``gluon port`` as a user runs it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gluon.cmd.gluon", "port", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(OS_PROTON_PORT=str(port)),
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def create(url: str, path: str, identifier: str = "id", **values: object) -> str:
    with Client(url) as client:
        return str(Collection(client, path).create({"tenant_id": "t1", **values}).json()[identifier])


def cells(out: str) -> list[list[str]]:
    """The rows of a table, the head first."""
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in out.splitlines() if line.startswith("| ")]


async def test_the_story_of_two_ports(site):
    server, impatient = await asyncio.gather(site.start_server(settings=PATIENT), site.start_server(settings=IMPATIENT))
    await site.start_shim("compute-1")
    vpn_port, socket = create(server.url, L3VPN, name="web"), create(server.url, RENAMED, tenant_id="t2")

    vpn = create(server.url, "/proton/net-l3vpn/v1.0/vpns")
    binding = {"interface_id": vpn_port, "service_id": vpn, "ipaddress": "192.0.2.7", "subnet_prefix": 24}
    create(server.url, "/proton/net-l3vpn/v1.0/vpnbindings", "interface_id", **binding)

    status, out, err = await call(server.port, "list")
    head, *rows = cells(out)
    assert (status, err, head) == (0, "", ["id", "proton", "tenant", "host", "device", "state", "controller"])
    assert rows == [
        [vpn_port, "net-l3vpn", "t1", "", "", "UNBOUND", ""],
        [socket, "renamed", "t2", "", "", "UNBOUND", ""],
    ]

    bind = ("--device", "vm-1", "--owner", "compute:nova", "--profile", '{"pci": "0:1"}')
    said = f"{vpn_port} is bound on compute-1 by compute-1: ovs\n"
    assert await call(server.port, "bind", vpn_port, "--host", "compute-1", *bind) == (0, said, "")
    status, out, err = await call(impatient.port, "bind", socket, "--host", "compute-1", "--device", "vm-2", "--json")
    assert status == 1 and "is not bound yet (BINDING): no controller has answered for host compute-1" in err
    assert json.loads(out)["binding_state"] == "BINDING", "the shim serves net-l3vpn only"

    status, out, _ = await call(server.port, "list", "--json")
    assert status == 0
    assert [(p["proton"], p["id"], p["binding_state"]) for p in json.loads(out)["ports"]] == [
        ("net-l3vpn", vpn_port, "BOUND"),
        ("renamed", socket, "BINDING"),
    ]
    for words, found in (
        (("--state", "bound"), [vpn_port]),
        (("--tenant", "t2"), [socket]),
        (("--host", "compute-1"), [vpn_port, socket]),
        (("--host", "compute-1", "--proton", "renamed"), [socket]),
        (("--tenant", "t3"), []),
    ):
        status, out, _ = await call(server.port, "list", *words)
        assert (status, [row[0] for row in cells(out)[1:]]) == (0, found)
    assert await call(server.port, "list", "--tenant", "t3", "--json") == (0, '{"ports": []}\n', "")

    status, out, _ = await call(server.port, "show", vpn_port)
    shown = dict(cells(out))
    assert status == 0 and (shown["proton"], shown["name"], shown["profile"]) == ("net-l3vpn", "web", '{"pci": "0:1"}')
    assert (shown["binding_controller"], shown["device_owner"]) == ("compute-1", "compute:nova")
    assert shown["addresses"] == "192.0.2.7/24" and "service_bindings" not in shown

    assert await call(server.port, "unbind", vpn_port) == (0, f"{vpn_port} is unbound\n", "")
    status, out, _ = await call(server.port, "show", vpn_port, "--proton", "net-l3vpn", "--json")
    unbound = json.loads(out)
    assert (status, unbound["binding_state"]) == (0, "UNBOUND")
    assert [binding["ipaddress"] for binding in unbound["service_bindings"]] == ["192.0.2.7"]


async def test_a_failed_bind_says_why(site):
    server = await site.start_server(settings=PATIENT)
    port = create(server.url, L3VPN)
    asking = asyncio.create_task(call(server.port, "bind", port, "--host", "h", "--device", "vm"))
    await site.until(lambda: site.kv.get(f"/gluon/port/{port}"), "the registration")

    async def registered():
        kv = await site.kv.get(f"/gluon/port/{port}")
        return json.loads(kv.value)["binding_id"]

    answer = {"vif_type": "binding_failed", "reason": "no such bridge", "controller": "x"}
    binding = await site.until(registered, "the bind")
    await site.kv.put(f"/controller/net-l3vpn/ProtonBasePort/{port}", json.dumps(answer | {"binding_id": binding}).encode())
    assert await asking == (1, "", f"gluon: {port} is not bound on h: no such bridge\n")


async def test_a_list_of_several_pages_and_tables(site, capsys, monkeypatch):
    monkeypatch.setattr("gluon.cmd.port._ROWS", 4)
    server = await site.start_server(settings={"api": {"page_size": 3}})
    made = {create(server.url, path) for path in (L3VPN, RENAMED) for _ in range(5)}
    args = ["port", "list", "--server", "http://127.0.0.1:1", "--server", server.url]
    assert await asyncio.to_thread(main, args) == 0
    rows = cells(capsys.readouterr().out)
    assert [row[0] for row in rows].count("id") == 3, "as many tables"
    assert {row[0] for row in rows} - {"id"} == made
    assert await asyncio.to_thread(main, [*args, "--json"]) == 0
    assert {port["id"] for port in json.loads(capsys.readouterr().out)["ports"]} == made


async def test_the_ports_of_several_sites(site, tmp_path):
    """The other one has a database and a Proton of its own. While it is away its ports are not said to be missing."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/blue.yaml").write_text((MODELS / "renamed.yaml").read_text().replace("name: renamed", "name: blue"))
    database = {"connection": f"sqlite:///{tmp_path}/other/gluon.sqlite"}
    settings = {"DEFAULT": {"model_path": tmp_path / "other"}, "database": database}
    server, other = await asyncio.gather(site.start_server(), site.start_server(settings=settings))
    socket, blue = create(server.url, RENAMED), create(other.url, RENAMED.replace("renamed", "blue"))
    both = ("--server", other.url, "--server", server.url)

    async def port(*words: str) -> tuple[int, list[str], str]:
        status, out, err = await call(server.port, *words, *both)
        return status, [row[0] for row in cells(out)[1:]], err

    assert await port("list") == (0, [blue, socket], "")
    for id in (socket, blue):
        assert (await port("unbind", id))[::2] == (0, "")
    await other.stop()
    gone = f"no answer from {other.url}: Connection refused"
    left_out = f"gluon: {gone}; ports of a Proton that no other server has are not listed\n"
    assert await port("list") == (0, [socket], left_out)
    assert await port("list", "--proton", "renamed") == (0, [socket], "")
    assert await port("list", "--proton", "blue") == (1, [], f"gluon: {gone}; there is no Proton 'blue'\n")
    assert (await port("unbind", socket))[::2] == (0, "")
    nowhere = f"no Proton at {other.url}, {server.url} has a port {blue}"
    assert await port("show", blue) == (1, [], f"gluon: {gone}; {nowhere}\n")


async def test_what_cannot_be_done_is_said(site):
    server = await site.start_server()
    for words, said in (
        (("show", "nobodys"), f"gluon: no Proton at {server.url} has a port nobodys\n"),
        (("unbind", "nobodys"), f"gluon: no Proton at {server.url} has a port nobodys\n"),
        (("list", "--proton", "renamd"), "gluon: there is no Proton 'renamd': did you mean 'renamed'?\n"),
        (("list", "--server", "http://127.0.0.1:1"), "gluon: no answer from http://127.0.0.1:1: Connection refused\n"),
        (("list", "--server", "proton:2705"), "gluon: 'proton:2705' is not the URL of a Proton Server, such as"),
    ):
        status, out, err = await call(server.port, *words)
        assert (status, out) == (1, "") and err.startswith(said)
    for profile in ("{", "[1]"):
        status, out, err = await call(server.port, "bind", "p", "--host", "h", "--device", "d", "--profile", profile)
        assert status == 2 and "--profile" in err and "JSON" in err
