# SPDX-License-Identifier: Apache-2.0
"""What the parts below us can do here and now: HTTP without work, SQLite with the same rows, etcd with the same values."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

from gluon.kv.contract import Kv, Put, Txn
from gluon.kv.ports import free_ports
from gluon.parts.child import Child

ROOT = Path(__file__).resolve().parent.parent


@contextlib.asynccontextmanager
async def bare_http(folder: Path, body: bytes) -> AsyncIterator[str]:
    """A bare ASGI app that answers with ``body``, on uvicorn with uvloop and httptools; yields its URL."""
    answer = folder / "bare.json"
    answer.write_bytes(body)
    (port,) = free_ports(1)
    words = ("uvicorn", "bench.bare:app", f"--port={port}", "--no-access-log", "--log-level=warning", "--loop=uvloop")
    child = Child("bare", words, folder / "bare.log", {"BARE_BODY": str(answer), "PYTHONPATH": str(ROOT)})
    await child.start()
    url = f"http://127.0.0.1:{port}/"
    while not await asyncio.to_thread(_answers, url):
        await asyncio.sleep(0.05)
    try:
        yield url
    finally:
        await child.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.URLError:
        return False


async def etcd_puts(kv: Kv, value: bytes, *, clients: int, seconds: int) -> float:
    """Single puts a second with ``clients`` at once."""
    end, done = time.perf_counter() + seconds, 0

    async def put(worker: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await kv.put(f"/bench/{worker}/{done % 1000}", value)
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(put(worker) for worker in range(clients)))
    rate = done / (time.perf_counter() - start)
    await kv.delete("/bench/", prefix=True)
    return rate


async def etcd_batches(kv: Kv, value: bytes, *, keys: int) -> float:
    """Keys a second where 100 are put in each transaction, one transaction after the other."""
    start = time.perf_counter()
    for first in range(0, keys, 100):
        await kv.txn(Txn((), tuple(Put(f"/bench/{n}", value) for n in range(first, first + 100))), idempotent=True)
    rate = keys / (time.perf_counter() - start)
    await kv.delete("/bench/", prefix=True)
    return rate
