# SPDX-License-Identifier: Apache-2.0
"""``make demo-openstack``: a machine of a real Nova boots on a port of Gluon's, told with the commands that users have.

    etcd · proton-server · shimserver for compute-1       Keystone · Neutron with core plugin gluon · Nova, a fake hypervisor
    └──────────── protonclient, gluon ───────────┘        └──────────────────────── openstack ─────────────────────┘

Every step is printed, run and checked; the status is 0 only if each of them held.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from gluon.cmd.telling import DemoError, hold, say
from gluon.errors import GluonError
from gluon.parts.child import clean_environment
from gluon.parts.openstack.cloud import Cloud
from gluon.parts.openstack.glance import IMAGE_ID
from gluon.parts.openstack.nova import FLAVOR
from gluon.parts.openstack.users import ADMIN, OWNER, STRANGER, User
from gluon.parts.site import ClientCommand, Server, Site

_PROTON: Final = "net-l3vpn"
_HOST: Final = "compute-1"
_ADDRESS: Final = "10.1.0.5"


def main() -> int:
    """Tell the story; 0 if every step held."""
    try:
        asyncio.run(_demo())
    except GluonError as error:
        print(f"demo-openstack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before the end of the story.")
        return 130
    return 0


async def _demo() -> None:
    with tempfile.TemporaryDirectory(prefix="gluon-demo-") as name:
        folder = Path(name)
        (folder / "site").mkdir()
        say("Starting Gluon, and an OpenStack with its plugin in Neutron")
        async with Site(folder / "site") as site:
            server = await site.start_server()
            await site.start_shim(_HOST)
            print(f"  proton-server  {server.url}/proton; a shim layer for {_HOST}, whose backend only logs")
            options = {"gluon": {"etcd_endpoints": site.etcd.endpoint, "proton_endpoints": server.url}}
            async with Cloud(folder / "cloud", core_plugin="gluon", computes=(_HOST,), neutron=options) as cloud:
                print(f"  Keystone       {cloud.auth_url}; Neutron, Nova and all that they need beside it")
                await asyncio.to_thread(_Story(cloud, server, site.client(server)).tell)
                print("\nEvery step held.")


class _Story:
    """The steps, in order."""

    def __init__(self, cloud: Cloud, server: Server, client: ClientCommand) -> None:
        self._cloud = cloud
        self._server = server
        self._client = client

    def tell(self) -> None:
        """Run all steps; raises DemoError at the first that does not hold."""
        self._set_up()
        port = self._make_a_port()
        self._look_at_it(port)
        self._boot(port)
        self._delete(port)

    def _set_up(self) -> None:
        say("The network in Neutron that stands for Gluon's ports, and the hosts that Nova has")
        self._gluon("neutron", "setup")
        hosts = self._gluon("shim", "hosts")
        hold(_HOST in hosts, f"Nova's hypervisor is the shim's host, {_HOST}")

    def _make_a_port(self) -> str:
        say("A VPN, and a port in it with an address, in the project of a tenant")
        project = self._cloud.api(OWNER).project_id
        vpn = self._proton(f"vpn-create --name blue --route_distinguishers 65000:1 --tenant_id {project}")["id"]
        port = self._proton(f"port-create --name web --tenant_id {project}")["id"]
        address = f"--ipaddress {_ADDRESS} --subnet_prefix 24"
        self._proton(f"vpnbinding-create --interface_id {port} --service_id {vpn} {address} --tenant_id {project}")
        return str(port)

    def _look_at_it(self, port: str) -> None:
        say("Neutron shows it to its owner, and to nobody else")
        shown = self._openstack(OWNER, f"port show {port}", "name", "status", "fixed_ips", "project_id")
        hold(shown["status"] == "DOWN", "it is there, and nothing is plugged into it")
        done = self._cloud.client(STRANGER).call("port", "show", port)
        print(f"$ openstack port show {port}    # as another tenant\n  {done.stderr.strip()}")
        hold(done.returncode != 0, "a stranger does not find it")

    def _boot(self, port: str) -> None:
        say("Boot a machine on it")
        words = f"server create --flavor {FLAVOR} --image {IMAGE_ID} --nic port-id={port} --wait web"
        server = self._openstack(OWNER, words, "id", "status", "addresses")
        hold(server["status"] == "ACTIVE", f"the machine is {server['status']}")
        hold(_ADDRESS in json.dumps(server["addresses"]), f"it has the address {_ADDRESS}")
        bound = self._proton(f"port-show {port}")
        hold(bound["binding_state"] == "BOUND", f"the port is {bound['binding_state']} on {bound['host_id']}")
        hold(bound["device_id"] == server["id"], "and the machine is its device")
        self._gluon("port", "list")

    def _delete(self, port: str) -> None:
        say("Delete the machine; the port stays")
        words = ("server", "delete", "--wait", "web")
        self._run(["openstack", *words], lambda: self._cloud.client(OWNER).run(*words))
        free = self._proton(f"port-show {port}")
        hold(free["binding_state"] == "UNBOUND" and free["host_id"] is None, "it is unbound, and free for the next machine")

    # Commands, as users type them.

    def _openstack(self, user: User, words: str, *columns: str) -> Any:
        shown = [word for column in columns for word in ("-c", column)]
        said = self._run(
            ["openstack", *words.split(), *shown], lambda: self._cloud.client(user).run(*words.split(), *shown, "-f", "json")
        )
        return json.loads(said)

    def _proton(self, words: str) -> Any:
        def call() -> str:
            done = self._client.call(*words.split())
            if done.returncode:
                raise DemoError(f"protonclient ended with status {done.returncode}: {done.stderr.strip()}")
            return done.stdout

        return json.loads(self._run(["protonclient", "--api", _PROTON, *words.split()], call) or "null")

    def _gluon(self, *words: str) -> str:
        """As an administrator of OpenStack and of Gluon."""

        def call() -> str:
            environment = clean_environment(OS_PROTON_PORT=str(self._server.port), **ADMIN.environment(self._cloud.auth_url))
            command = (sys.executable, "-m", "gluon.cmd.gluon", *words)
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
            if done.returncode:
                raise DemoError(f"gluon {' '.join(words)} ended with status {done.returncode}: {done.stderr.strip()}")
            return done.stderr + done.stdout

        return self._run(["gluon", *words], call)

    def _run(self, words: list[str], call: Any) -> str:
        print(f"$ {shlex.join(words)}", flush=True)
        said: str = call()
        for line in said.strip().splitlines():
            print(f"  {line[:200]}", flush=True)
        return said


if __name__ == "__main__":
    sys.exit(main())
