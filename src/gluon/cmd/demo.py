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
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from gluon.client.http import Client
from gluon.errors import GluonError
from gluon.kv import etcd
from gluon.kv.contract import Kv
from gluon.kv.process import EtcdProcess
from gluon.settings import Etcd

_HOST = "compute-1"
_TENANT = "5f7a0c8e1d2b4c3a9e8f7d6c5b4a3f2e"
_PATIENCE = 30.0  # seconds for a part to come up, or for a change to arrive


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``gluon demo``."""
    parser.add_argument("--stay", action="store_true", help="leave everything running after the story, and say how to talk to it")
    parser.add_argument("--port", type=int, default=0, help="port of the server (default: a free one)")


def run(args: argparse.Namespace) -> int:
    """Tell the story; 0 if every step held."""
    try:
        asyncio.run(_demo(args.port, args.stay))
    except KeyboardInterrupt:
        print("\ndemo: stopped")
    return 0


class DemoError(GluonError):
    """A step of the story did not hold."""


async def _demo(port: int, stay: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="gluon-demo-") as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as stack:
            parts = await _start(folder, port or _free_port(), stack)
            story = _Story(parts)
            await story.tell()
            print("\nEvery step held.")
            if stay:
                story.say_how_to_talk()
                await asyncio.Event().wait()


class _Parts:
    """What runs: where the server and etcd are, and the shim's log."""

    def __init__(self, port: int, endpoint: str, folder: Path, kv: Kv) -> None:
        self.port = port
        self.endpoint = endpoint
        self.folder = folder
        self.kv = kv

    @property
    def shim_log(self) -> Path:
        return self.folder / "shim.log"


async def _start(folder: Path, port: int, stack: contextlib.AsyncExitStack) -> _Parts:
    _say("Starting etcd, the Proton Server and a shim layer")
    child = EtcdProcess(folder / "etcd")
    await child.start()
    stack.push_async_callback(child.stop)
    print(f"  etcd           {child.endpoint}")
    database = folder / "gluon.sqlite"
    server_conf = folder / "proton.conf"
    server_conf.write_text(
        f"[api]\nport = {port}\n[database]\nconnection = sqlite:///{database}\n[etcd]\nendpoints = {child.endpoint}\n"
    )
    shim_conf = folder / "shim.conf"
    shim_conf.write_text(f"[shim]\nhost_list = {_HOST}\nname = {_HOST}\n[etcd]\nendpoints = {child.endpoint}\n")
    await stack.enter_async_context(_child("gluon.cmd.proton_server", server_conf, folder / "server.log"))
    await _until_ready(port, folder / "server.log")
    print(f"  proton-server  http://127.0.0.1:{port}/proton  (SQLite: {database})")
    kv = await etcd.connect(Etcd(endpoints=(child.endpoint,)))
    stack.push_async_callback(kv.close)
    await stack.enter_async_context(_child("gluon.cmd.shimserver", shim_conf, folder / "shim.log"))
    await _until(lambda: kv.get(f"/gluon/shim/net-l3vpn/{_HOST}"), "the shim to sign in", folder / "shim.log")
    print(f"  shimserver     net-l3vpn-dummy for host {_HOST}")
    return _Parts(port, child.endpoint, folder, kv)


@contextlib.asynccontextmanager
async def _child(module: str, conf: Path, log: Path) -> AsyncIterator[None]:
    """Run one of Gluon's commands as a child; on leaving, end it by SIGTERM and insist on status 0."""
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, f"--config-file={conf}", stdout=output, stderr=output, env=_environment()
        )
    try:
        yield
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            status = await asyncio.wait_for(child.wait(), _PATIENCE)
        except TimeoutError:
            child.kill()
            status = await child.wait()
        if status and not isinstance(sys.exception(), Exception):
            raise DemoError(f"{module} ended with status {status}; its log:\n{log.read_text()}")


def _environment(**more: str) -> dict[str, str]:
    """Our environment without settings meant for other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GLUON_", "OS_PROTON_"))} | more


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _until_ready(port: int, log: Path) -> None:
    async def ready() -> bool:
        return await asyncio.to_thread(_answers, port)

    await _until(ready, "the server to be ready", log)


def _answers(port: int) -> bool:
    client = Client("127.0.0.1", port)
    try:
        return client.request("GET", "/readyz").status == 200
    except GluonError:
        return False
    finally:
        client.close()


async def _until(look: Any, what: str, log: Path) -> Any:
    """What ``look`` returns once that is true; DemoError with the log where that takes too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE
    while loop.time() < end:
        if found := await look():
            return found
        await asyncio.sleep(0.05)
    raise DemoError(f"waited {_PATIENCE:g} s for {what}; the log says:\n{log.read_text()[-4000:]}")


def _say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


class _Story:
    """The steps, in order."""

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts

    async def tell(self) -> None:
        """Run all steps; raises DemoError at the first that does not hold."""
        port = await self._make_a_port_on_a_vpn()
        await self._bind(port)
        await self._look_into_etcd(port)
        await self._unbind(port)
        await self._clean_up(port)

    async def _make_a_port_on_a_vpn(self) -> str:
        _say("A route target, a VPN that uses it, and a port")
        await self._run("vpnafconfig-create --vrf_rt_value 65000:100 --vrf_rt_type both --tenant_id", _TENANT)
        vpn = await self._run(
            "vpn-create --name blue --ipv4_family 65000:100 --route_distinguishers 65000:1 --tenant_id", _TENANT
        )
        port = await self._run("port-create --name web-1 --mac_address fa:16:3e:00:00:01 --tenant_id", _TENANT)
        _say("The server made the port's default interface; it is bound to the VPN with an address")
        interface = await self._run("interface-show", port["id"])
        self._hold(interface["name"] == "web-1_default", "the default interface is there")
        await self._run(
            f"vpnbinding-create --interface_id {port['id']} --service_id {vpn['id']} --ipaddress 10.0.0.5 "
            "--subnet_prefix 24 --gateway 10.0.0.1 --tenant_id",
            _TENANT,
        )
        for command in ("port-list", "vpn-list", "vpnbinding-list"):
            await self._run(f"{command} --format table")
        return str(port["id"])

    async def _bind(self, port: str) -> None:
        _say(f"Nova would now say where the machine runs: bind the port to {_HOST}")
        bound = await self._run(f"port-update {port} --device_id vm-1 --device_owner compute:nova --host_id {_HOST}")
        self._hold(bound["binding_state"] == "BOUND", f"the port is bound: binding_state {bound['binding_state']}")
        self._hold(bound["vif_type"] == "ovs", f"vif_type {bound['vif_type']}, vif_details {bound['vif_details']}")

    async def _look_into_etcd(self, port: str) -> None:
        _say("What etcd holds now")
        keys = await self._wait_for_keys(
            f"/proton/net-l3vpn/ProtonBasePort/{port}",
            f"/proton/net-l3vpn/Interface/{port}",
            f"/proton/net-l3vpn/VPNPort/{port}",
            "/proton/net-l3vpn/VpnAfConfig/65000:100",
            f"/gluon/port/{port}",
            f"/controller/net-l3vpn/ProtonBasePort/{port}",
        )
        for key, value in keys.items():
            print(f"  {key}\n      {value}")
        _say("What the shim was called with")
        for line in self._parts.shim_log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if "dummy" in entry.get("logger", ""):
                    print(f"  {entry['message'][:200]}")

    async def _unbind(self, port: str) -> None:
        _say("The machine is gone: unbind the port")
        free = await self._run(f"port-update {port} --unset host_id --unset device_id")
        self._hold(free["binding_state"] == "UNBOUND" and free["vif_type"] is None, "the port is free again")
        answer = f"/controller/net-l3vpn/ProtonBasePort/{port}"

        async def emptied() -> bool:
            kv = await self._parts.kv.get(answer)
            return kv is not None and kv.value == b"{}"

        await _until(emptied, "the shim to take back its answer", self._parts.shim_log)
        print("  ✓ the shim unbound it and took back its answer")

    async def _clean_up(self, port: str) -> None:
        _say("Clean up")
        vpns = await self._run("vpn-list")
        await self._run("vpnbinding-delete", port)
        await self._run("port-delete", port)
        await self._run("vpn-delete", vpns["vpns"][0]["id"])
        await self._run("vpnafconfig-delete", "65000:100")

        async def empty() -> bool:
            pages = [await self._parts.kv.page(prefix) for prefix in ("/proton/", "/gluon/port/", "/controller/")]
            return not any(page.items for page in pages)

        await _until(empty, "etcd to be empty again", self._parts.shim_log)
        print("  ✓ etcd holds nothing of it any more")

    async def _wait_for_keys(self, *keys: str) -> dict[str, str]:
        found = {}
        for key in keys:
            kv = await _until(lambda key=key: self._parts.kv.get(key), f"the key {key}", self._parts.shim_log)
            found[key] = kv.value.decode()
        return found

    async def _run(self, command: str, *more: str) -> Any:
        """Run protonclient as a user would; returns what it printed, decoded where that is JSON."""
        words = ["--api", "net-l3vpn", *command.split(), *more]
        print(f"$ protonclient {' '.join(words)}", flush=True)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gluon.cmd.protonclient",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(OS_PROTON_PORT=str(self._parts.port), XDG_CACHE_HOME=str(self._parts.folder / "cache")),
        )
        output, errors = await child.communicate()
        if child.returncode:
            raise DemoError(f"protonclient ended with status {child.returncode}: {errors.decode().strip()}")
        text = output.decode()
        if "table" in words:
            print(text)
            return None
        found = json.loads(text) if text.strip() else None
        if isinstance(found, dict) and "-list" not in command:
            shown = {name: value for name, value in found.items() if value not in (None, [], {})}
            print("  " + json.dumps(shown, ensure_ascii=False))
        return found

    @staticmethod
    def _hold(true: bool, what: str) -> None:
        if not true:
            raise DemoError(f"this did not hold: {what}")
        print(f"  ✓ {what}")

    def say_how_to_talk(self) -> None:
        """Tell the user where everything is."""
        for line in _how_to_talk(self._parts):
            print(line)
        sys.stdout.flush()


def _how_to_talk(parts: _Parts) -> Sequence[str]:
    return (
        "\nIt goes on running until Ctrl-C. In another terminal:",
        f"  export OS_PROTON_PORT={parts.port}",
        "  protonclient --api net-l3vpn --help",
        f"  protonclient --api net-l3vpn port-create --tenant_id {_TENANT}",
        f"  curl http://127.0.0.1:{parts.port}/proton/net-l3vpn/v1.0/openapi.json",
        f"  etcdctl --endpoints {parts.endpoint} watch --prefix /   (with ETCDCTL_API=3)",
        f"Logs and database are in {parts.folder} until then.",
    )
