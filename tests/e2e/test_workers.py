# SPDX-License-Identifier: Apache-2.0
"""Several server processes on one port, and the clean end of all commands."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from gluon.client.errors import Unreachable
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.parts.site import Site

PORTS = "/proton/net-l3vpn/v1.0/ports"
TENANT = "0123456789abcdef0123456789abcdef"


def workers_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_workers_share_the_port_the_database_and_the_binds(tmp_path, database):
    async with Site(tmp_path, database=database) as site:
        server = await site.start_server(settings={"api": {"workers": 2, "bind_timeout": 20}})
        await site.start_shim("compute-1")
        assert len(workers_of(server.child.pid)) == 2

        def story(number):
            with Client(server.url) as client:  # connections are spread over the workers
                ports = Collection(client, PORTS)
                port = ports.create({"tenant_id": TENANT, "name": str(number)}).json()
                return ports.update(port["id"], {"host_id": "compute-1", "device_id": "vm"}).json()

        bound = await asyncio.gather(*(asyncio.to_thread(story, number) for number in range(40)))
        assert {port["binding_state"] for port in bound} == {"BOUND"}

        # One that dies is replaced.
        lost = workers_of(server.child.pid)[0]
        await asyncio.sleep(5)  # a worker that ends within its first seconds ends the server, as it would end again
        os.kill(lost, signal.SIGKILL)

        async def replaced():
            now = workers_of(server.child.pid)
            return len(now) == 2 and lost not in now

        await site.until(replaced, "another worker", server.child)

        async def answered():
            with contextlib.suppress(Unreachable):
                return (await asyncio.to_thread(story, 99))["binding_state"] == "BOUND"
            return False

        await site.until(answered, "the other worker to lead", server.child)
        workers = workers_of(server.child.pid)
        await server.stop()
        assert server.child.status == 0
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


async def test_workers_end_with_their_parent(tmp_path):
    async with Site(tmp_path) as site:
        server = await site.start_server(settings={"api": {"workers": 2}})
        workers = workers_of(server.child.pid)
        await server.child.kill()

        async def ended():
            return not [pid for pid in workers if Path(f"/proc/{pid}").exists()]

        await site.until(ended, "the workers to end")
