# SPDX-License-Identifier: Apache-2.0
"""``gluon shim list|hosts``: which shims are alive, and how far behind they are; which hosts OpenStack would bind ports on.

``list`` asks etcd: for which hosts a shim is, which of a name works. ``hosts`` asks Nova, and prints the line for ``shim.conf``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gluon import settings
from gluon.cli.table import table
from gluon.cmd import config, models
from gluon.cmd.hypervisors import NovaError, hypervisors
from gluon.kv import etcd
from gluon.shim.listing import Seen, seen

_HEADS: Final = (
    *("proton", "name", "state", "hosts", "backend", "host", "pid", "since"),
    *("behind", "left", "ready", "pending", "failed"),
)


@dataclass(frozen=True, slots=True)
class _Either:
    """The settings of a shim or of a server: here both only say where etcd is, and the models."""

    default: settings.Default
    api: settings.Api
    database: settings.Database
    sync: settings.Sync
    shim: settings.Shim
    etcd: settings.Etcd


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the shims that are alive, and names of which only reports are left")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.add_argument(
        "--config-file", action="append", default=[], metavar="FILE", help="the settings of a shim or of the server (repeatable)"
    )
    listing.add_argument("protons", nargs="*", metavar="PROTON", help="of these Protons only; of all by default")
    hosts = actions.add_parser(
        "hosts",
        help="print the host_list line of Nova's hypervisors, by the usual OS_* variables",
        description="Print the line for shim.conf that lists Nova's hypervisors as Nova names them in ports. Keystone and Nova"
        " are asked by the usual variables: OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, OS_USER_DOMAIN_NAME, …",
    )
    hosts.add_argument("--all", action="store_true", help="also those that are down and disabled at once")


def run(args: argparse.Namespace) -> int:
    """0 once etcd, or Nova, has told."""
    return _hosts(with_all=args.all) if args.action == "hosts" else _list(args)


def _hosts(*, with_all: bool) -> int:
    """The line on standard output; which hosts are not as they should be, and which are left out, on standard error."""
    found = hypervisors()
    for hypervisor in found:
        if hypervisor.trouble:
            fate = "listed all the same" if with_all or not hypervisor.out_of_service else "left out (--all lists it)"
            print(f"gluon: {hypervisor.host} is {hypervisor.trouble}: {fate}", file=sys.stderr)
    listed = [hypervisor.host for hypervisor in found if with_all or not hypervisor.out_of_service]
    if not listed:
        raise NovaError("Nova has no hypervisor" + (" that is in service" if found else ""))
    print(f"host_list = {', '.join(listed)}")
    return 0


def _list(args: argparse.Namespace) -> int:
    given = config.load(_Either, args.config_file, os.environ)
    known = models.families(given.default)
    models.check(args.protons, known)
    found = asyncio.run(_seen(given.etcd, args.protons or list(known)))
    if args.json:
        print(json.dumps({"shims": [_document(shim) for shim in found]}, indent=2, ensure_ascii=False))
        return 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(_HEADS, [_row(shim) for shim in found], width):
        print(line)
    return 0


async def _seen(where: settings.Etcd, names: Sequence[str]) -> list[Seen]:
    kv = await etcd.connect(where)
    try:
        return [shim for name in names for shim in await seen(kv, name)]
    finally:
        await kv.close()


def _row(shim: Seen) -> list[Any]:
    card = shim.card
    about = (", ".join(card.hosts), card.backend, card.host, card.pid or None, card.since, shim.behind, card.left)
    return [shim.proton, shim.name, shim.state, *about, *(shim.reports.get(state) for state in _HEADS[-3:])]


def _document(shim: Seen) -> dict[str, Any]:
    card = shim.card
    about = {
        "hosts": card.hosts,
        "backend": card.backend,
        "host": card.host,
        "pid": card.pid or None,
        "since": card.since or None,
    }
    progress = {"behind": shim.behind, "left": card.left, "reports": shim.reports}
    return {"proton": shim.proton, "name": shim.name, "state": shim.state, **about, **progress}
