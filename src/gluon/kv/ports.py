# SPDX-License-Identifier: Apache-2.0
"""TCP ports on loopback for servers that we start, each given to one process of this user.

A port that the kernel chooses it may choose again, for anybody, until the server listens and whenever that is down. So ours are
below the range from which it chooses (ip(7), ip_local_port_range), and whoever is given one has it until his process ends: by a
lock of that byte of a file. Who knows nothing of that file, another user or a program that asks for a port by its number, can
still be faster.
"""

from __future__ import annotations

import fcntl
import functools
import os
import random
import socket
import tempfile
import threading
from pathlib import Path
from typing import Final

from gluon.errors import GluonError

_LOWEST: Final = 10_240
#: Where the kernel's range begins if nobody has said otherwise.
_KERNELS: Final = 32_768
#: Fewer ports than that are too few to choose from; then the kernel chooses.
_ENOUGH: Final = 1000
_TRIES: Final = 1000
#: Not ``random`` itself: whoever seeds that would have us guess the same again and again.
_RANDOM: Final = random.SystemRandom()

_given: set[int] = set()
_giving: Final = threading.Lock()


def free_ports(count: int) -> list[int]:
    """That many different ports on which nothing listens. Raises GluonError where none is to be found."""
    with _giving:
        return [_give() for _ in range(count)]


def _give() -> int:
    for _ in range(_TRIES):
        port = _guess()
        if port not in _given and _is_free(port) and _lock(port):
            _given.add(port)
            return port
    raise GluonError(f"no TCP port on loopback was found free in {_TRIES} tries")


def _guess() -> int:
    end = _range_of_kernel()
    return _RANDOM.randrange(_LOWEST, end) if end - _LOWEST >= _ENOUGH else _of_kernel()


@functools.cache
def _range_of_kernel() -> int:
    """Its lowest port."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        return _KERNELS


def _of_kernel() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _lock(port: int) -> bool:
    """Whether it is nobody else's. The file is touched, lest those who clean up take it for old."""
    file = _file()
    try:
        os.utime(file)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    return True


@functools.cache
def _file() -> int:
    """Never closed: with that all locks of the process would go."""
    path = Path(tempfile.gettempdir()) / f"gluon-ports-{os.getuid()}"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise GluonError(f"{path}, by which processes tell each other which TCP ports they have: {error.strerror}") from None
