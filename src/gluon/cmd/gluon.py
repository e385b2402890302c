# SPDX-License-Identifier: Apache-2.0
"""``gluon``: the command of whoever writes models and runs servers.

Each subcommand is a module with ``configure(parser)`` and ``run(args) -> exit code``, imported only when it is called.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, cast

from gluon import __version__
from gluon.errors import GluonError

PROGRAM: Final = "gluon"


class Subcommand(Protocol):
    """What the module of a subcommand offers."""

    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class _Entry(NamedTuple):
    module: str
    help: str


#: By name: where it is, and what ``gluon --help`` says of it.
SUBCOMMANDS: Final = {
    "check": _Entry("gluon.cmd.check", "read models and report everything that is wrong in them"),
    "diff": _Entry("gluon.cmd.diff", "list what changed from one model to another for clients: additive, breaking"),
    "render": _Entry("gluon.cmd.render", "print what is derived from a model: openapi, sql, cli, keys, docs, rules"),
    "db": _Entry("gluon.cmd.db", "bring a database to the models: plan, apply, history"),
    "sync": _Entry("gluon.cmd.sync", "compare etcd with the database, and have it repaired: check, repair, stuck"),
    "shim": _Entry("gluon.cmd.shims", "say which shims are alive, for which hosts, how far behind; Nova's hosts: list, hosts"),
    "neutron": _Entry("gluon.cmd.neutron", "the network in Neutron that stands for Gluon's ports: setup"),
    "port": _Entry("gluon.cmd.port", "the ports of every Proton and what they are bound to: list, show, bind, unbind"),
    "demo": _Entry("gluon.cmd.demo", "run everything on this machine and tell the story of an L3VPN port"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """The console script."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _run(words)
        sys.stdout.flush()
    except GluonError as error:
        for line in filter(None, str(error).splitlines()):
            print(f"{PROGRAM}: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _not_written(error)
    return code


def _not_written(error: OSError) -> int:
    """The output's reader has gone, or its disk is full. What is left goes nowhere, or the interpreter would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 141
    print(f"{PROGRAM}: {error}", file=sys.stderr)
    return 1


def _run(words: Sequence[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), "")
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Work with models of networking services.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    listed = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True, title="commands")
    made = {known: listed.add_parser(known, help=entry.help, description=entry.help) for known, entry in SUBCOMMANDS.items()}
    if name not in SUBCOMMANDS:
        parser.parse_args(words)  # prints help, the version, or what is wrong, and ends
    subcommand = cast("Subcommand", importlib.import_module(SUBCOMMANDS[name].module))
    subcommand.configure(made[name])
    return subcommand.run(parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main())
