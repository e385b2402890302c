# SPDX-License-Identifier: Apache-2.0
"""``gluon demo``: the L3VPN story, told with real parts and the commands that a user has.

    etcd (child) ◄── proton-server (child) on SQLite
       ▲
       └──────────── shimserver (child), dummy backend, host compute-1

Every step is a protonclient call that is printed, run and checked; the status is 0 only if each of them held.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from gluon.cmd.telling import DemoError, hold, say
from gluon.particle import keys
from gluon.parts.child import Child
from gluon.parts.site import ClientCommand, Server, Site

_PROTON = "net-l3vpn"
_HOST = "compute-1"
_TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"
_TARGET = "65000:100"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``gluon demo``."""
    parser.add_argument("--stay", action="store_true", help="leave everything running after the story, and say how to talk to it")
    parser.add_argument("--port", type=_port, default=0, metavar="PORT", help="port of the server (default: a free one)")


def run(args: argparse.Namespace) -> int:
    """Tell the story; 0 if every step held, 130 where it was stopped (Ctrl-C, SIGTERM) before its end."""
    try:
        asyncio.run(_demo(args.port, args.stay))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nStopped before the end of the story.")
        return 130
    return 0


def _port(text: str) -> int:
    """A port that the server can have: another server on it would answer in its place."""
    try:
        port = int(text)
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a TCP port") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return port


async def _demo(port: int, stay: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # as Ctrl-C does: all parts end with this one
    with tempfile.TemporaryDirectory(prefix="gluon-demo-") as folder:
        say("Starting etcd, the Proton Server and a shim layer")
        async with Site(Path(folder)) as site:
            print(f"  etcd           {site.etcd.endpoint}")
            server = await site.start_server(port=port)
            print(f"  proton-server  {server.url}/proton, keeping its objects in SQLite")
            shim = await site.start_shim(_HOST)
            print(f"  shimserver     backend net-l3vpn-dummy for the host {_HOST}")
            await _Story(site, site.client(server), shim).tell()
            print("\nEvery step held.")
            if stay:
                print(_how_to_talk(site, server), flush=True)
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                task.uncancel()
                print("\nStopped.")


class _Story:
    """The steps, in order."""

    def __init__(self, site: Site, client: ClientCommand, shim: Child) -> None:
        self._site = site
        self._client = client
        self._shim = shim

    async def tell(self) -> None:
        """Run all steps; raises DemoError or ChildFailed at the first that does not hold."""
        vpn, port = await self._make_a_vpn_and_a_port()
        await self._join(vpn, port)
        await self._bind(port)
        await self._look_into_etcd(vpn, port)
        await self._unbind(port)
        await self._clean_up(vpn, port)

    async def _make_a_vpn_and_a_port(self) -> tuple[str, str]:
        say("A route target, a VPN that uses it, and a port")
        await self._run(f"vpnafconfig-create --vrf_rt_value {_TARGET} --vrf_rt_type both --tenant_id {_TENANT}")
        vpn = await self._run(
            f"vpn-create --name blue --ipv4_family {_TARGET} --route_distinguishers 65000:1 --tenant_id {_TENANT}"
        )
        port = await self._run(f"port-create --name web-1 --mac_address fa:16:3e:00:00:01 --tenant_id {_TENANT}")
        return str(vpn["id"]), str(port["id"])

    async def _join(self, vpn: str, port: str) -> None:
        say("The server made the port's default interface; bind it to the VPN, with an address")
        interface = await self._run(f"interface-show {port}")
        hold(interface["name"] == "web-1_default", "the default interface is there")
        await self._run(
            f"vpnbinding-create --interface_id {port} --service_id {vpn} --ipaddress 10.0.0.5 --subnet_prefix 24"
            f" --gateway 10.0.0.1 --tenant_id {_TENANT}"
        )
        for columns in ("port-list -c id -c name -c mac_address", "vpn-list -c id -c name -c vni", "vpnbinding-list"):
            await self._run(f"{columns} --format table")

    async def _bind(self, port: str) -> None:
        say(f"A machine is to run on {_HOST}: bind the port, and wait for the shim's answer")
        bound = await self._run(f"port-update {port} --device_id vm-1 --device_owner compute:nova --host_id {_HOST}")
        hold(bound["binding_state"] == "BOUND", f"the port is {bound['binding_state']}, status {bound['status']}")
        hold(bound["vif_type"] == "ovs", f"vif_type {bound['vif_type']}, vif_details {json.dumps(bound['vif_details'])}")

    async def _look_into_etcd(self, vpn: str, port: str) -> None:
        say("What etcd holds now")
        wanted = [
            ("ProtonBasePort", port),
            ("Interface", port),
            ("VpnAfConfig", _TARGET),
            ("VpnInstance", vpn),
            ("VPNPort", port),
        ]
        answer = keys.answer(_PROTON, "ProtonBasePort", port)
        for key in (*(keys.object(_PROTON, name, id) for name, id in wanted), keys.port(port), answer):
            kv = await self._site.until(lambda key=key: self._site.kv.get(key), f"the key {key}")  # type: ignore[misc]
            assert kv is not None
            print(f"  {key}\n      {kv.value.decode()}")
        say("What the shim was called with")
        calls = [line for line in self._shim.output().splitlines() if "dummy" in line]
        print("\n".join(f"  {call[:240]}" for call in calls))
        hold(any("bind_port" in call for call in calls), "the backend's bind_port was called")

    async def _unbind(self, port: str) -> None:
        say("The machine is gone: unbind the port")
        free = await self._run(f"port-update {port} --unset host_id --unset device_id")
        hold(free["binding_state"] == "UNBOUND" and free["vif_type"] is None, "the port is free again")
        answer = keys.answer(_PROTON, "ProtonBasePort", port)

        async def emptied() -> bool:
            kv = await self._site.kv.get(answer)
            return kv is not None and kv.value == b"{}"

        await self._site.until(emptied, "the shim to take back its answer", self._shim)
        hold(True, "the shim unbound it and took back its answer")

    async def _clean_up(self, vpn: str, port: str) -> None:
        say("Clean up")
        for command in (f"vpnbinding-delete {port}", f"port-delete {port}", f"vpn-delete {vpn}", f"vpnafconfig-delete {_TARGET}"):
            await self._run(command)

        async def empty() -> bool:
            pages = [await self._site.kv.page(prefix) for prefix in (keys.PROTONS, keys.PORTS, keys.CONTROLLERS)]
            return not any(page.items for page in pages)

        await self._site.until(empty, "etcd to be empty again", self._shim)
        hold(True, "etcd holds nothing of it any more")

    async def _run(self, command: str) -> Any:
        """Run protonclient as a user would; prints and returns what it says, decoded where that is JSON."""
        print(f"$ protonclient --api {_PROTON} {command}", flush=True)
        done = await asyncio.to_thread(self._client.call, *command.split())
        if done.returncode:
            raise DemoError(f"protonclient ended with status {done.returncode}: {done.stderr.strip()}")
        if "table" in command or not done.stdout.strip():
            print(done.stdout, end="")
            return None
        found = json.loads(done.stdout)
        shown = {name: value for name, value in found.items() if value not in (None, [], {}, "")}
        print(f"  {json.dumps(shown, ensure_ascii=False)}", flush=True)
        return found


def _how_to_talk(site: Site, server: Server) -> str:
    return f"""
It goes on running until Ctrl-C. In another terminal:
  export OS_PROTON_PORT={server.port} PATH={Path(sys.executable).parent}:$PATH
  protonclient --api {_PROTON} --help
  protonclient --api {_PROTON} port-create --tenant_id {_TENANT}
  curl {server.url}/proton/{_PROTON}/v1.0/openapi.json
  ETCDCTL_API=3 etcdctl --endpoints {site.etcd.endpoint} watch --prefix /
Logs and database are in {site.folder} until then."""
