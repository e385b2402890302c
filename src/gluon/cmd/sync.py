# SPDX-License-Identifier: Apache-2.0
"""``gluon sync check|repair|stuck``: compare etcd with the database by hand, beside the servers that run or without them.

``check`` reads both sides and lists the keys that differ. ``repair`` asks the server that relays to put them right. ``stuck``
lists the keys that etcd refused for good, and has them sent again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gluon.cmd import config, models, stuck
from gluon.cmd.progress import Progress
from gluon.kv import etcd
from gluon.kv.contract import Kv
from gluon.model.schema import Proton
from gluon.settings import ServerSettings
from gluon.store.contract import Store
from gluon.store.opening import open_store
from gluon.sync import resync

_Work = Callable[[Sequence[Proton], Kv, Store], Awaitable[int]]
_KINDS: Final = {"missing": "is missing", "other": "says something else", "extra": "should not be there"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="list the keys in etcd that are not as the database wants them")
    repair = actions.add_parser("repair", help="have the server that relays compare both sides and put etcd right")
    repair.add_argument("--force", action="store_true", help="even where that deletes more than a tenth of the keys")
    repair.add_argument("--wait", action="store_true", help="until it is done, with progress on stderr")
    aside = actions.add_parser("stuck", help="list the keys that etcd refused for good, or have them sent again")
    aside.add_argument("--json", action="store_true", help="print one JSON object")
    aside.add_argument("--retry", nargs="*", metavar="KEY", help="send these keys again; all where none is named")
    aside.set_defaults(protons=[])
    for action in (check, repair, aside):
        action.add_argument(
            "--config-file", action="append", default=[], metavar="FILE", help="the server's settings (repeatable)"
        )
    for action in (check, repair):
        action.add_argument("protons", nargs="*", metavar="PROTON", help="these Protons only; all by default")


def run(args: argparse.Namespace) -> int:
    """0 if nothing differs or is set aside, or what was asked for will be done, else 1."""

    async def repair(protons: Sequence[Proton], kv: Kv, store: Store) -> int:
        for proton in protons:
            await resync.repair(proton, kv, store, force=args.force)
            if args.wait:
                await resync.outcome(proton, kv, Progress(proton.name))
                print(f"{proton.name}: repaired", flush=True)
                continue
            print(f"{proton.name}: asked for; /readyz and /gluon/sync/{proton.name} say how it goes", flush=True)
        return 0

    async def aside(protons: Sequence[Proton], kv: Kv, store: Store) -> int:
        if args.retry is None:
            return await stuck.show(store.log, as_json=args.json)
        return await stuck.retry(store.log, args.retry)

    settings = config.load(ServerSettings, args.config_file, os.environ)
    work: dict[str, _Work] = {"check": _check, "repair": repair, "stuck": aside}
    return asyncio.run(_joined(settings, args.protons, work[args.action]))


async def _joined(settings: ServerSettings, names: Sequence[str], work: _Work) -> int:
    """Do the work on these Protons with the server's own database and etcd."""
    families = models.families(settings.default)
    models.check(names, families)
    newest = {name: family.newest for name, family in families.items()}
    store = await open_store(settings.database.connection, list(newest.values()), auto_apply=False, settings=settings.database)
    try:
        kv = await etcd.connect(settings.etcd)
        try:
            return await work([newest[name] for name in names or newest], kv, store)
        finally:
            await kv.close()
    finally:
        await store.close()


async def _check(protons: Sequence[Proton], kv: Kv, store: Store) -> int:
    differing = 0
    for proton in protons:
        async for difference in resync.check(proton, kv, store, Progress(proton.name)):
            differing += 1
            print(f"{difference.key} {_KINDS[difference.kind]}", flush=True)
    return 1 if differing else 0
