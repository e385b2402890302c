# SPDX-License-Identifier: Apache-2.0
"""Connections in numbers, and clients that leave: what only shows on the server as it really runs."""

import asyncio
import contextlib
import resource

from gluon.parts.site import Site

FEW = 256
MANY = 400


@contextlib.contextmanager
def few_files():
    """What is started meanwhile starts with a low soft limit of file descriptors, as under most service managers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_more_connections_than_the_soft_limit_of_open_files(tmp_path):
    async with Site(tmp_path) as site:
        with few_files():
            server = await site.start_server()
        connections = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(MANY)]

        async def alive(reader, writer):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            return (await reader.readuntil(b"\r\n")).split()[1]

        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(alive(*connection) for connection in connections))
        for _, writer in connections:
            writer.close()
        assert answers == [b"200"] * MANY


async def test_a_client_that_leaves_after_many_requests_at_once(tmp_path):
    request = b"GET /proton/net-l3vpn/v1.0/ports HTTP/1.1\r\nHost: x\r\n\r\n"
    async with Site(tmp_path) as site:
        server = await site.start_server()
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request * 100)
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        assert (await reader.readuntil(b"\r\n")).split()[1] == b"200"
        writer.close()
        await server.stop()
        assert "Traceback" not in server.child.output()
