# SPDX-License-Identifier: Apache-2.0
"""Where a group is measured: a site on one of the databases, each a server of its own that forces commits to the disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from gluon.parts.databases import DatabaseServer, MariadbServer, PostgresServer
from gluon.parts.site import Groups, Server, Site

KINDS: Final = ("sqlite", "postgresql", "mariadb")
_SERVERS: Final[dict[str, type[DatabaseServer]]] = {"postgresql": PostgresServer, "mariadb": MariadbServer}


class Ground(Site):
    """A site whose database is of ``kind``. Its servers make their tables."""

    def __init__(self, folder: Path, kind: str, database: str | None) -> None:
        super().__init__(folder, database=database)
        self.kind = kind

    async def start_server(self, *, settings: Groups | None = None, port: int = 0, ready: bool = True) -> Server:
        """See ``Site.start_server``."""
        groups = dict(settings or {})
        groups["database"] = {"auto_apply": "safe", **groups.get("database", {})}
        return await super().start_server(settings=groups, port=port, ready=ready)


@contextlib.asynccontextmanager
async def database(folder: Path, kind: str) -> AsyncIterator[str | None]:
    """An empty database of this kind: its URL, or None for SQLite, which each site makes itself."""
    if kind not in _SERVERS:
        yield None
        return
    folder.mkdir(exist_ok=True)
    async with _SERVERS[kind](folder) as server:
        await server.create_database("bench")
        yield server.url("bench")


def memory(pid: int) -> tuple[float, float]:
    """Peak and present resident memory of a process in MiB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024, int(fields["VmRSS"].split()[0]) / 1024


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
