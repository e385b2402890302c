# SPDX-License-Identifier: Apache-2.0
"""What the parts below us can do here and now: HTTP without work, SQLite with the same rows, etcd with the same values."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from gluon.kv.contract import Kv, Put, Txn
from gluon.parts.child import Child
from gluon.parts.site import free_port

ROOT = Path(__file__).resolve().parent.parent


@contextlib.asynccontextmanager
async def bare_http(folder: Path, body: bytes) -> AsyncIterator[str]:
    """A bare ASGI app that answers with ``body``, on uvicorn with uvloop and httptools; yields its URL."""
    answer = folder / "bare.json"
    answer.write_bytes(body)
    port = free_port()
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


def sqlite_commits(database: Path, folder: Path, *, group: int, seconds: float) -> float:
    """Ports a second that SQLite takes with FULL durability, with the rows that creating one port writes, ``group`` to a commit.

    The tables, indexes and rows are copied from ``database``: the last port, its interface, their change rows.
    """
    source = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    target = sqlite3.connect(folder / f"floor-{group}.sqlite", isolation_level=None)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=FULL")
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"):
        target.execute(sql)
    inserts = [_insert(source, name) for name in ("net_l3vpn_proton_base_port", "net_l3vpn_interface")]
    changes = "gluon_changes"
    columns = [row[1] for row in source.execute(f"PRAGMA table_info({changes})") if not row[5]]
    change = f"INSERT INTO {changes} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    change_row = tuple("x" if n in ("proton", "object", "identifier", "id") else 0 for n in columns)
    done, end = 0, time.perf_counter() + seconds
    start = time.perf_counter()
    while time.perf_counter() < end:
        target.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            new = str(uuid.uuid4())
            for sql, row, id_at in inserts:
                target.execute(sql, tuple(new if i in id_at else value for i, value in enumerate(row)))
                target.execute(change, change_row)
        target.execute("COMMIT")
        done += group
    return done / (time.perf_counter() - start)


def _insert(source: sqlite3.Connection, table: str) -> tuple[str, tuple[object, ...], set[int]]:
    cursor = source.execute(f'SELECT * FROM "{table}" LIMIT 1')
    row = cursor.fetchone()
    names = [column[0] for column in cursor.description]
    quoted = ", ".join(f'"{name}"' for name in names)
    sql = f'INSERT INTO "{table}" ({quoted}) VALUES ({", ".join("?" * len(row))})'
    return sql, row, {i for i, name in enumerate(names) if name in ("id", "port_id")}


async def etcd_puts(kv: Kv, value: bytes, *, clients: int, seconds: float) -> float:
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
