# SPDX-License-Identifier: Apache-2.0
"""A process of OpenStack before it runs, and how it is run. The services' own modules say which there are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gluon.errors import GluonError
from gluon.parts.daemon import Daemon
from gluon.parts.openstack.environments import Environment

#: INI groups with their options.
Groups = Mapping[str, Mapping[str, object]]

INSIDE: Final = Path(__file__).parent / "inside"
_SOURCE: Final = Path(__file__).resolve().parents[3]
_PROBE: Final = 5.0  # seconds for one look whether a service answers


@dataclass(frozen=True, slots=True)
class Program:
    """One process with those that it makes. ``port``: where HTTP is answered, by so many ``workers``; 0 where it is not."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    workers: int = 1


class Running:
    """A program as a process, with its log ``NAME.log`` in ``folder``."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.daemon = Daemon(program.name, folder / f"{program.name}.log")

    def launch(self) -> None:
        """Start it; ``until_ready`` is the other half."""
        self.daemon.launch(self.program.command, clean_environment(self.program.environment))

    async def until_ready(self) -> None:
        """Return once each of its workers answers HTTP (where it does at all). Raises DaemonFailed with the end of its log."""
        workers = set[bytes]()

        async def ready() -> bool:
            workers.update(await _answering(self.program.port))
            return len(workers) >= self.program.workers

        if self.program.port:
            await self.daemon.until(ready, "answering")

    async def stop(self) -> None:
        """End it in an orderly way."""
        await self.daemon.stop(signal.SIGTERM)

    async def kill(self) -> None:
        """End it, with all its processes, at once."""
        await self.daemon.kill()


def wsgi(
    name: str,
    module: str,
    where: Environment,
    port: int,
    *,
    workers: int = 1,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Program:
    """The WSGI application of ``module``, served by gunicorn; it finds ``arguments`` on its command line."""
    command = (
        where.program("gunicorn"),
        f"--bind=127.0.0.1:{port}",
        f"--workers={workers}",
        "--threads=8",
        "--keep-alive=75",  # seconds; a client that asks just when its connection is closed finds nobody
        "--no-control-socket",
        f"--chdir={INSIDE}",
        "wsgi:application",
    )
    variables = {"WSGI_MODULE": module, "WSGI_ARGUMENTS": json.dumps(list(arguments)), **(environment or {})}
    return Program(name, command, variables, port, workers)


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without what would lead clients and services elsewhere; Gluon's own code, and its entry points, can be imported."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "GLUON_", "PYTHON"))}
    return ours | {"PYTHONPATH": str(_SOURCE), "PYTHONWARNINGS": "ignore", **more}


def ini(groups: Groups) -> str:
    """The text of a settings file."""
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in options.items()) for group, options in groups.items()
    )


def merged(groups: Groups, more: Groups) -> Groups:
    """Both, option by option; ``more`` wins."""
    return {group: {**groups.get(group, {}), **more.get(group, {})} for group in {**groups, **more}}


async def side_by_side(works: Iterable[Coroutine[Any, Any, object]]) -> None:
    """All of them at once; the first that fails ends the others, and is what is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except* GluonError as failures:
        raise failures.exceptions[0] from None


async def _answering(port: int) -> list[bytes]:
    """Which worker answers HTTP, with whatever status. The socket listens long before the service behind it is there."""
    try:
        async with asyncio.timeout(_PROBE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                status, *headers = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
                if not status.startswith(b"HTTP/"):
                    return []
                named = [header.partition(b":")[2].strip() for header in headers if header.lower().startswith(b"x-worker:")]
                return named or [b""]
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return []
