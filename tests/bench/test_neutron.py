# SPDX-License-Identifier: Apache-2.0
"""What the bench says of a Neutron that does not answer."""

import asyncio
import json
import re

import pytest

from bench.neutron import Neutron
from gluon.errors import GluonError


async def test_a_neutron_without_an_answer_is_named_with_its_request():
    silence = asyncio.Event()

    async def serve(reader, writer):
        """Keystone, and a Neutron that lists networks and says nothing more."""
        line = await reader.readline()
        length = re.search(rb"(?i)content-length: (\d+)", await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(int(length[1]) if length else 0)
        if b"/v2.0/ports" in line:
            await silence.wait()
        text = json.dumps(token if b"/auth/tokens" in line else {"networks": []}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nX-Subject-Token: t\r\nConnection: close\r\n\r\n" + text)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        network = {"type": "network", "endpoints": [{"interface": "public", "url": url}]}
        token = {"token": {"project": {"id": "p"}, "user": {"id": "u"}, "catalog": [network]}}
        neutron = Neutron("ML2 alone", url, patience=0.5)
        await asyncio.to_thread(neutron.get, "network", "/v2.0/networks")
        with pytest.raises(GluonError) as raised:
            await asyncio.to_thread(neutron.post, "network", "/v2.0/ports", {"ports": [{}] * 100})
        assert str(raised.value) == f"ML2 alone, request 2: POST {url}/v2.0/ports: no answer within 0.5 s"
        silence.set()
