# SPDX-License-Identifier: Apache-2.0
"""The same application behind the server that it runs on: what only shows on a connection."""

import asyncio
import contextlib
import json
import logging
import socket
import uuid

import pytest
import uvicorn

from tests.server.conftest import L3VPN, TENANT, THINGS

PORTS = f"{L3VPN}/ports"


@pytest.fixture
async def address(site):
    """Where the application is served for a test."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(site.app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    yield listening.getsockname()
    server.should_exit = True
    site.app.drain()
    await task


class Line:
    """A kept-alive connection on which requests are written by hand."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, method, target, *headers, body=b""):
        lines = [f"{method} {target} HTTP/1.1", "Host: test", *headers]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def answer(self):
        """Status, headers and body of the next response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split()[1]), headers, body


@pytest.fixture
async def line(address):
    reader, writer = await asyncio.open_connection(*address)
    yield Line(reader, writer)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def posting(body):
    return "Content-Type: application/json", f"Content-Length: {len(body)}"


async def test_encoded_slashes_reach_the_object(line):
    body = json.dumps({"label": "a/b c%"}).encode()
    await line.send("POST", f"{THINGS}/things", *posting(body), body=body)
    status, headers, made = await line.answer()
    assert (status, headers["location"]) == (201, f"{THINGS}/things/a%2Fb%20c%25")
    await line.send("GET", headers["location"])
    assert (await line.answer())[2] == made


async def test_a_query_of_as_many_identifiers_as_a_filter_takes(line):
    body = json.dumps({"tenant_id": TENANT}).encode()
    await line.send("POST", PORTS, *posting(body), body=body)
    made = json.loads((await line.answer())[2])
    others = (f"id={uuid.UUID(int=n)}" for n in range(999))
    await line.send("GET", f"{PORTS}?{'&'.join(others)}&id={made['id']}")
    status, _, page = await line.answer()
    assert (status, json.loads(page)) == (200, {"ports": [made]})


async def test_a_chunked_body_over_the_limit(line):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    await line.send(
        "POST", PORTS, "Content-Type: application/json", "Transfer-Encoding: chunked", body=chunk * 160 + b"0\r\n\r\n"
    )
    status, headers, _ = await line.answer()
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    await line.send("GET", PORTS)
    assert (await line.answer())[::2] == (200, b'{"ports":[]}')


async def test_a_length_over_the_limit_is_refused_before_the_body(line):
    await line.send("POST", PORTS, "Content-Type: application/json", "Content-Length: 10000000")
    assert (await line.answer())[0] == 413


async def test_a_client_that_leaves_while_it_waits(site, address, caplog):
    reader, writer = await asyncio.open_connection(*address)
    body = json.dumps({"tenant_id": TENANT, "host_id": "h", "device_id": "d"}).encode()
    await Line(reader, writer).send("POST", PORTS, *posting(body), body=body)
    await site.shims.until_waiting()
    writer.close()
    await writer.wait_closed()
    site.app.drain()
    listed = (await site.call("GET", PORTS)).json()["ports"]
    assert [port["binding_state"] for port in listed] == ["BINDING"]
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_client_that_leaves_while_it_sends(site, address, caplog):
    reader, writer = await asyncio.open_connection(*address)
    await Line(reader, writer).send("POST", PORTS, "Content-Type: application/json", "Content-Length: 100", body=b'{"tenant')
    writer.close()
    await writer.wait_closed()
    assert (await site.call("GET", PORTS)).json() == {"ports": []}
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_head_has_no_body_and_keeps_the_connection(line):
    await line.send("HEAD", PORTS)
    head = await line.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and b"content-length: 12" in head
    await line.send("OPTIONS", PORTS)
    status, headers, _ = await line.answer()
    assert (status, headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_requests_sent_together_are_answered_in_order(line):
    for i in range(5):
        await line.send("GET", f"{PORTS}?limit={i + 1}", f"X-Request-Id: {i}")
    assert [(await line.answer())[1]["x-request-id"] for _ in range(5)] == list("01234")
