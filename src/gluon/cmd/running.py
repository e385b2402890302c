# SPDX-License-Identifier: Apache-2.0
"""What every long-running command shares: its arguments, its way to fail with one clear message, its end on a signal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop

from gluon import __version__
from gluon.errors import GluonError

_PR_SET_PDEATHSIG = 1


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """An argument parser with what all of them take."""
    made = argparse.ArgumentParser(prog=program, description=description)
    made.add_argument(
        "--config-file",
        action="append",
        default=[],
        metavar="FILE",
        help="settings file (INI); may be given several times, later ones win",
    )
    made.add_argument("--version", action="version", version=f"{program} {__version__}")
    return made


def reporting(program: str, main: Callable[[], int]) -> int:
    """Run ``main``; turn an error that is meant for the user into a message and exit status 1."""
    try:
        return main()
    except GluonError as error:
        for line in str(error).splitlines():
            print(f"{program}: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def until_stopped(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Run ``serve`` on a new event loop; SIGTERM and SIGINT set the event it is given, and it then ends by itself."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(stop)

    uvloop.run(run())
    return 0


def end_with_parent(parent: int) -> None:
    """Ask Linux to send SIGTERM to this process when ``parent``, which started it, ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we could ask
            os.kill(os.getpid(), signal.SIGTERM)


def allow_open_files() -> None:
    """Take as many file descriptors as the system lets us: each request that waits for a bind holds a connection.

    The soft limit that a process commonly starts with, 1024, is meant for programs that use select(2).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a system that does not let us: serve with what there is
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def arguments(argv: Sequence[str] | None) -> Sequence[str]:
    """What the command was called with."""
    return sys.argv[1:] if argv is None else argv
