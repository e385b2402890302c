# SPDX-License-Identifier: Apache-2.0
"""What it costs to begin: compile a model, run the client, sit idle."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure
from bench.rest import ids_of
from gluon.model.compile import compile_text
from gluon.parts.child import clean_environment
from gluon.parts.site import Site

_TWENTY = "\n".join(f"      attribute_{n}: {{type: string, length: {n + 10}, description: The number {n}}}" for n in range(20))
_OBJECT = """  Object{n}:
    extends: BaseObject
    api: {{name: object{n}, plural_name: objects{n}}}
    attributes:
{attributes}
"""


async def measure(site: Site, seconds: int) -> list[Figure]:
    """Compile and load, protonclient, the idle server."""
    server = await site.start_server()
    id = ids_of(server, site.folder, 1).read_text().strip()
    environment = clean_environment(OS_PROTON_PORT=str(server.port), XDG_CACHE_HOME=str(site.folder / "cache"))
    client = [str(Path(sys.executable).parent / "protonclient"), "--api", "net-l3vpn"]
    python = _wall([sys.executable, "-c", "pass"], environment)
    figures = [
        Figure("start", "protonclient --help", _wall([*client, "--help"], environment), "ms", python, "python -c pass"),
        Figure("start", "protonclient port-show", _wall([*client, "port-show", id], environment), "ms", python, "python -c pass"),
    ]
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{server.child.pid}/status").read_text().splitlines())
    figures.append(Figure("start", "memory of the idle server", int(fields["VmRSS"].split()[0]) / 1024, "MiB"))
    await server.stop()
    return [*figures, _compiling(site.folder)]


def _compiling(folder: Path) -> Figure:
    objects = "".join(_OBJECT.format(n=n, attributes=_TWENTY) for n in range(100))
    text = f'file_version: "1.0"\nimports: base.yaml\ninfo: {{name: large, version: "1.0"}}\nobjects:\n{objects}'
    times = []
    for _ in range(3):
        start = time.perf_counter()
        compile_text(text)
        times.append((time.perf_counter() - start) * 1e3)
    return Figure("start", "compile a model of 100 objects, 2,000 attributes", min(times), "ms")


def _wall(command: Sequence[str], environment: dict[str, str]) -> float:
    """Median wall time of the command in milliseconds, after a first run that is not counted."""
    times = []
    for _ in range(12):
        start = time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=30)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[1:])
