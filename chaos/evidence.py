# SPDX-License-Identifier: Apache-2.0
"""What is to be seen at the end of a run, everywhere: through each server, in etcd, at each controller, in the logs."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chaos import recorder
from chaos.load import BASE
from chaos.site import PROTON, SHIMS, Site
from chaos.watcher import everything
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.kv.contract import KeyValue
from gluon.particle import keys
from gluon.parts.postgres import PostgresServer

#: By collection: the kind in etcd, the identifier, the role as the recorder calls it.
KINDS: Final = {
    "ports": ("ProtonBasePort", "id", "port"),
    "interfaces": ("Interface", "id", "interface"),
    "vpns": ("VpnInstance", "id", "service"),
    "vpnbindings": ("VPNPort", "interface_id", "service_binding"),
}
_COPY: Final = 15.0  # seconds for a shim to hand out its copy

Records = dict[str, dict[str, Any]]  # what is there, by kind (or collection, or role) and id


@dataclass(slots=True)
class Controller:
    """What the controller behind a name remembers by role, what is plugged in, and its shim's copy by kind."""

    objects: Records = field(default_factory=dict)
    bound: dict[str, Any] = field(default_factory=dict)
    copy: Records = field(default_factory=dict)
    backwards: list[str] = field(default_factory=list)
    late: int = 0


@dataclass(slots=True)
class Evidence:
    """Everything. ``servers``: what each lists, by collection and id; ``etcd``: by kind and id."""

    servers: dict[str, Records]
    etcd: Records
    registered: dict[str, Any]
    reports: dict[keys.ObjectKey, Any]
    controllers: dict[str, Controller]
    waiting: list[str] = field(default_factory=list)  # what the database and the relay still hold


async def gather(site: Site) -> Evidence:
    """Look everywhere. Raises KvError and ClientError where a part does not answer."""
    servers = {part: await asyncio.to_thread(_listed, url) for part, url in site.urls.items()}
    objects, _ = await everything(site.kv, keys.objects(PROTON))
    etcd: Records = {kind: {} for kind, _, _ in KINDS.values()}
    for item in objects:
        if key := keys.parse_object(item.key):
            etcd.setdefault(key.object, {})[key.id] = json.loads(item.value)
    ports, _ = await everything(site.kv, keys.PORTS)
    reports, _ = await everything(site.kv, keys.controllers(PROTON))
    return Evidence(
        servers,
        etcd,
        {str(keys.parse_port(item.key)): json.loads(item.value) for item in ports},
        {key: json.loads(item.value) for item in reports if (key := keys.parse_controller(item.key))},
        {name: await _controller(site, name) for name in sorted(set(SHIMS.values()))},
        [*await _transactions(site), *await _backlog(site)],
    )


def _listed(url: str) -> Records:
    with Client(url) as client:
        return {
            collection: {
                body[identifier]: body
                for page in Collection(client, f"{BASE}/{collection}").pages()
                for body in page.json()[collection]
            }
            for collection, (_, identifier, _) in KINDS.items()
        }


async def _controller(site: Site, name: str) -> Controller:
    folder = site.records(name)
    found = await asyncio.to_thread(_remembered, folder)
    found.copy = await _copy(site, name, folder)
    return found


def _remembered(folder: Path) -> Controller:
    roles = [role for _, _, role in KINDS.values()]
    return Controller(
        {role: _read(folder / role) for role in roles}, _read(folder / "bound"), {}, _lines(folder / "backwards"),
        len(_lines(folder / "late")),
    )  # fmt: skip


def _read(folder: Path) -> dict[str, Any]:
    found = {file.stem.replace("%2F", "/"): json.loads(file.read_text()) for file in folder.glob("*.json")}
    return {id: state for id, state in found.items() if not state[recorder.GONE]}


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def _copy(site: Site, name: str, folder: Path) -> Records:
    """The copy of the shim that works under this name: the one whose card is in etcd."""
    card = await site.kv.get(keys.shim(PROTON, name))
    if card is None:
        return {}
    file = folder / "copies" / f"{json.loads(card.value)['pid']}.json"
    shutil.rmtree(folder / "copies", ignore_errors=True)
    ask = folder / "ask"
    ask.touch()
    try:
        for _ in range(int(_COPY / 0.1)):
            if file.exists():
                found: Records = json.loads(file.read_text())
                return found
            await asyncio.sleep(0.1)
        return {}
    finally:
        ask.unlink()


async def _transactions(site: Site) -> list[str]:
    """Transactions that are open, as text."""
    if site.database is None:
        file = site.folder / "gluon.sqlite"
        return await asyncio.to_thread(_locked, file) if file.exists() else []
    if isinstance(site.database, PostgresServer):
        open_ones = "SELECT pid, state, query FROM pg_stat_activity WHERE datname = 'gluon' AND state <> 'idle'"
        prepared = "SELECT gid FROM pg_prepared_xacts"
        found = await site.database.execute(open_ones) + await site.database.execute(prepared)
    else:
        found = await site.database.execute("SELECT trx_mysql_thread_id, trx_state, trx_query FROM information_schema.innodb_trx")
    return [f"a transaction is open: {line}" for line in found.splitlines()]


def _locked(file: Path) -> list[str]:
    database = sqlite3.connect(file, timeout=1, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return [f"a transaction is open: {error}"]
    finally:
        database.close()
    return []


async def _backlog(site: Site) -> list[str]:
    """What the relay says of itself."""
    for part in site.parts.servers:
        text = await asyncio.to_thread(site.metrics, part)
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("gluon_sync_"))
        if figures.get("gluon_sync_leader") == "1.0":
            names = {"gluon_sync_backlog_rows": "changes wait for etcd", "gluon_sync_stuck_keys": "keys are set aside"}
            return [f"{figures[name]} {what}" for name, what in names.items() if float(figures[name])]
    return ["no server relays"]


def tracebacks(logs: Mapping[str, str]) -> list[str]:
    """Where a log holds a traceback: which, and its beginning."""
    mark = "Traceback (most recent call last)"
    where = {name: text.index(mark) for name, text in logs.items() if mark in text}
    return [f"{name} has a traceback in its log: …{logs[name][max(0, at - 300) : at + 2500]}" for name, at in where.items()]


def incarnations(items: list[KeyValue]) -> dict[str, str]:
    """By key."""
    return {item.key: json.loads(item.value)["incarnation"] for item in items}
