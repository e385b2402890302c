# SPDX-License-Identifier: Apache-2.0
"""Tells whether a process of this machine has ended, so that what it held may be taken at once.

    <boot of the kernel>/<namespace of process ids>/<process id>/<start, in ticks since the boot>

Only what is certain counts: a process of another machine, container or boot has never ended for all that is known here.
Where there is no /proc nothing is ever certain.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
#: Fields of /proc/<pid>/stat after the name: the state, and the start.
_STATE: Final = 0
_START: Final = 19
_ENDED: Final = ("Z", "X")


def identity() -> str:
    """This process, as no other one is called; empty where that cannot be said."""
    here, stat = _here(), _stat(os.getpid())
    return f"{here}/{os.getpid()}/{stat[_START]}" if here and stat else ""


def ended(process: str) -> bool:
    """Whether the process of this identity has certainly ended."""
    place, _, rest = process.rpartition("/")[0].rpartition("/")
    start = process.rpartition("/")[2]
    if not place or place != _here() or not rest.isdecimal():
        return False
    pid = int(rest)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is there, and another user's
    stat = _stat(pid)
    return stat is not None and (stat[_START] != start or (stat[_STATE] in _ENDED and _threads(pid) == 1))


def _here() -> str:
    """The boot and the namespace in which a process id means one process."""
    try:
        if (_PROC / "self").readlink().name != str(os.getpid()):
            return ""
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    """What the kernel says of a process; None where it shows none, which need not mean that there is none."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _threads(pid: int) -> int:
    """How many threads a process has (one that has ended and waits to be collected still shows its first); 0: unknown."""
    try:
        return len(list((_PROC / str(pid) / "task").iterdir()))
    except OSError:
        return 0
