# SPDX-License-Identifier: Apache-2.0
"""What stands before several servers in the bench."""

import asyncio
import contextlib

from bench.figures import Figure, table
from bench.front import Front


async def serve(answer: bytes, hang: asyncio.Event | None = None) -> asyncio.Server:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if hang is not None:
            await hang.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    return await asyncio.start_server(one, "127.0.0.1", 0)


def port(server: asyncio.Server) -> int:
    return server.sockets[0].getsockname()[1]


async def test_a_server_that_is_gone_is_passed_over():
    first, second = await serve(b'"first"'), await serve(b'"second"')
    front = Front([port(first), port(second)])
    assert {(await front.request("GET", "/", {}))[1] for _ in range(4)} == {"first", "second"}
    first.close()
    await first.wait_closed()
    assert {(await front.request("GET", "/", {}))[1] for _ in range(4)} == {"second"}
    second.close()
    await second.wait_closed()


async def test_what_waits_for_a_server_that_hangs_is_sent_to_the_other():
    release = asyncio.Event()
    hanging, other = await serve(b'"late"', release), await serve(b'"other"')
    front = Front([port(hanging), port(other)])
    async with front.watching():
        assert {(await front.request("GET", "/", {}))[1] for _ in range(4)} == {"other"}
    release.set()
    for server in (hanging, other):
        server.close()
        await server.wait_closed()


def test_a_figure_is_read_against_its_floor():
    line = table([Figure("group", "what", 50.0, "/s", 200.0, "floor", "note")]).splitlines()[-1]
    assert [cell.strip() for cell in line.strip("|").split("|")] == ["group", "what", "50 /s", "200", "0.25", "floor", "note"]
