# SPDX-License-Identifier: Apache-2.0
"""``make bench``: measure, print a table, write JSON.

Server, shim, etcd and load generator are processes of their own on the same cores. No figure is a pass or a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import binds, rest, shims, starting, syncing
from bench.figures import Figure, table, write
from gluon.parts.site import Site

_GROUPS = {"start": starting.measure, "rest": rest.measure, "bind": binds.measure, "sync": syncing.measure, "shim": shims.measure}


def main() -> int:
    """Measure the groups that were asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[[], *_GROUPS], help=f"which to measure: {', '.join(_GROUPS)} (all)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each run under load (5)")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"), help="where to write the figures")
    args = parser.parse_args()
    figures = asyncio.run(_measure(args.groups or list(_GROUPS), args.seconds))
    print("\n" + table(figures))
    write(figures, args.json)
    print(f"\nAlso in {args.json}.")
    return 0


async def _measure(groups: list[str], seconds: float) -> list[Figure]:
    figures: list[Figure] = []
    for group in groups:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="gluon-bench-") as folder:
            async with Site(Path(folder)) as site:
                found = await _GROUPS[group](site, seconds)
        figures += found
        print(f"{group}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        print(table(found), file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
