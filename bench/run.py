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
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import binds, neutron, outbox, rest, resync, shims, starting, syncing, takeover
from bench.figures import Figure, table, write
from bench.ground import KINDS, Ground, database
from gluon.errors import GluonError

_GROUPS = {
    "start": starting.measure,
    "rest": rest.measure,
    "workers": rest.workers,
    "outbox": outbox.measure,
    "bind": binds.measure,
    "sync": syncing.measure,
    "shim": shims.measure,
    "takeover": takeover.measure,
    "resync": resync.measure,
    "neutron": neutron.measure,
}
#: What does not depend on the kind of database is measured on the first.
_ONCE = ("start", "shim", "neutron")
#: What needs more than ``scripts/setup bench`` installs is measured only where it is named: scripts/openstack-setup.
_NAMED = ("neutron",)


def main() -> int:
    """Measure the groups that were asked for. 0 where all were measured, 1 where not."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", choices=[[], *_GROUPS], help=f"which to measure: {', '.join(_GROUPS)} (all but neutron)"
    )
    parser.add_argument("--database", choices=[*KINDS, "all"], default="sqlite", help="on which database (sqlite), or all three")
    parser.add_argument("--seconds", type=int, default=5, help="whole seconds that each run under load lasts (5)")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"), help="where to write the figures")
    args = parser.parse_args()
    kinds = KINDS if args.database == "all" else (args.database,)
    try:
        figures = asyncio.run(_measure(args.groups or [g for g in _GROUPS if g not in _NAMED], kinds, args.seconds))
    except GluonError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print("\n" + table(figures))
    write(figures, args.json)
    print(f"\nAlso in {args.json}.")
    return 0


async def _measure(groups: Sequence[str], kinds: Sequence[str], seconds: int) -> list[Figure]:
    figures: list[Figure] = []
    for group in groups:
        for kind in kinds[:1] if group in _ONCE else kinds:
            start = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="gluon-bench-") as name:
                folder = Path(name)
                async with database(folder / "database", kind) as url, Ground(folder, kind, url) as ground:
                    found = await _GROUPS[group](ground, seconds)
            figures += found
            print(f"{group} on {kind}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
            print(table(found), file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
