# SPDX-License-Identifier: Apache-2.0
"""wrk as the load generator: Lua scripts for our requests, its summary as numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_HEADERS = 'wrk.headers["Content-Type"] = "application/json"\n'
_DONE = """
function done(summary, latency, requests)
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"max":%f,"status":%d,"broken":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""
_IDS = """
local ids = {}
for line in io.lines("%s") do ids[#ids + 1] = line end
local n = 0
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw. Latencies in milliseconds; ``failed`` counts statuses over 399 and broken connections."""

    rate: float
    p50: float
    p99: float
    failed: int

    @property
    def note(self) -> str:
        """Says so where requests failed."""
        return f"{self.failed} failed" if self.failed else ""


def sending(body: Mapping[str, object], method: str = "POST") -> str:
    """A script that sends the same body each time."""
    return f'wrk.method = "{method}"\n{_HEADERS}wrk.body = [[{json.dumps(body)}]]\n'


def getting(ids: Path, path: str) -> str:
    """A script that gets one of the objects under ``path`` after the other."""
    return _IDS % ids + f'function request() n = n + 1; return wrk.format("GET", "{path}/" .. ids[n % #ids + 1]) end\n'


def patching(ids: Path, path: str, body: str) -> str:
    """A script that patches one object after the other; ``body`` is JSON in which %d becomes a number that only grows."""
    return (
        _HEADERS
        + _IDS % ids
        + f"function request() n = n + 1; return wrk.format('PATCH', '{path}/' .. ids[n % #ids + 1], nil,"
        + f" string.format([[{body}]], n)) end\n"
    )


async def run(script: str, url: str, folder: Path, *, clients: int, seconds: int, timeout: int = 30) -> Load:
    """Run wrk with ``clients`` connections for whole seconds: it knows no others."""
    path = folder / "load.lua"
    path.write_text(script + _DONE)
    words: Sequence[str] = (
        "wrk", "-t1", f"-c{clients}", f"-d{seconds}s", f"--timeout={timeout}s", "-s", str(path), url,
    )  # fmt: skip
    child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output, _ = await child.communicate()
    lines = [line for line in output.decode().splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise RuntimeError(f"wrk said nothing of use:\n{output.decode()}")
    found = json.loads(lines[0].removeprefix("RESULT "))
    return Load(found["requests"] / found["seconds"], found["p50"], found["p99"], found["status"] + found["broken"])
