# SPDX-License-Identifier: Apache-2.0
"""``make chaos``: random faults under load, then proofs. Prints seed, faults and a summary; status 1 where a proof fails.

scripts/chaos --database postgresql --faults 300 --minutes 45 --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chaos import campaign
from chaos.network import Network
from chaos.schedule import schedule
from chaos.site import Site, parts
from gluon.errors import GluonError

DATABASES = ("sqlite", "postgresql", "mariadb")


def main() -> int:
    """0 where all was proved, 1 where not, 130 where it was ended before."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="sqlite", help=f"{', '.join(DATABASES)}, or the URL of an empty database (sqlite)")
    parser.add_argument("--faults", type=int, default=40, help="how many (40)")
    parser.add_argument("--minutes", type=float, default=5.0, help="over how long they are spread (5)")
    parser.add_argument("--seed", type=int, help="the same seed makes the same schedule (a new one each time)")
    parser.add_argument("--clients", type=int, default=24, help="how many ask at the same time (24)")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two requests of a client, on average (0.3)")
    parser.add_argument("--no-network", action="store_true", help="all on loopback: needs no root, and cuts nothing off")
    parser.add_argument("--folder", type=Path, help="where logs and data go (a temporary folder, removed where all was proved)")
    parser.add_argument("--list", action="store_true", help="print the schedule and do nothing")
    args = parser.parse_args()
    args.seed = random.randrange(10**9) if args.seed is None else args.seed
    try:
        return asyncio.run(_main(args))
    except GluonError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("chaos: ended before its time; everything was removed", file=sys.stderr)
        return 130


async def _main(args: argparse.Namespace) -> int:
    begun = time.monotonic()

    def tell(line: str) -> None:
        passed = time.monotonic() - begun
        print(f"{int(passed // 60):02}:{passed % 60:04.1f}  {line}", flush=True)

    what = parts(args.database, network=not args.no_network)
    faults = schedule(args.seed, args.faults, args.minutes * 60, what)
    title = f"seed {args.seed}: {len(faults)} faults over {args.minutes:g} minutes on {args.database.partition('://')[0]}"
    print(title, flush=True)
    if args.list:
        print("\n".join(f"{fault.at:8.1f}  {fault}" for fault in faults))
        return 0
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    folder = _folder(args.folder)
    network = None if args.no_network else Network.make(what.all)
    try:
        async with Site(folder, args.database, network) as site:
            tell("everything runs")
            outcome = await campaign.run(site, faults, seed=args.seed, clients=args.clients, pause=args.pause, tell=tell)
    finally:
        if network:
            network.close()
    tell("everything is removed")
    print("\n".join([title, *outcome.lines()]), flush=True)
    if outcome.faults:
        print(f"logs are in {folder}", flush=True)
        return 1
    if args.folder is None:
        shutil.rmtree(folder)
    return 0


def _folder(wanted: Path | None) -> Path:
    """Where logs and data go."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="gluon-chaos-"))
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted


if __name__ == "__main__":
    raise SystemExit(main())
