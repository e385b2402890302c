# SPDX-License-Identifier: Apache-2.0
"""As many connections as there are binds that wait: the number that a process starts with is no limit."""

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
