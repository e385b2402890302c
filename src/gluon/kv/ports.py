# SPDX-License-Identifier: Apache-2.0
"""TCP ports on loopback for servers that we start, each given to one process.

A port that the kernel chooses it may choose again, for anybody, until the server listens and whenever that is down. So ours are
below the range from which it chooses (ip(7), ip_local_port_range), in blocks. A process that needs one takes a block by binding a
socket to the block's name in the abstract namespace (unix(7)), which is that of the ports: of the network namespace. With the
process the socket goes, whatever its end. Only a program that asks for a port by its number can still be faster.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from gluon.errors import GluonError

_BLOCK: Final = 100
#: Fewer blocks than that are too few to choose from; then the kernel chooses ports.
_ENOUGH: Final = 20
_LOWEST: Final = 10_240
#: Not ``random`` itself: who seeds that would have processes try the same blocks in the same order.
_RANDOM: Final = random.SystemRandom()


class Supply:
    """The ports from ``lowest`` up to, not including, ``end``, for one process. Used by any thread."""

    def __init__(self, lowest: int, end: int, enough: int = _ENOUGH) -> None:
        self._blocks = range(lowest, end - _BLOCK + 1, _BLOCK)
        self._enough = enough
        self.begin_anew()

    def begin_anew(self) -> None:
        """In a process that was forked: it takes blocks of its own."""
        self._giving = threading.Lock()
        self._left: Iterator[int] = iter(())

    def give(self, count: int) -> list[int]:
        """That many different ports on which nothing listens. Raises GluonError where there is none."""
        with self._giving:
            if len(self._blocks) < self._enough:
                return _of_kernel(count)
            return [self._next() for _ in range(count)]

    def _next(self) -> int:
        while True:
            for port in self._left:
                if _is_free(port):
                    return port
            self._left = iter(self._take_block())

    def _take_block(self) -> range:
        for first in _RANDOM.sample(self._blocks, len(self._blocks)):
            with socket.socket(socket.AF_UNIX) as name:
                try:
                    name.bind(f"\0gluon-ports-{first}")
                except OSError:
                    continue  # another process has it, or this one, and has given all of it
                name.detach()  # open until the process ends
                return range(first, first + _BLOCK)
        raise GluonError(f"all TCP ports from {self._blocks[0]} to {self._blocks[-1] + _BLOCK - 1} are taken")


def free_ports(count: int) -> list[int]:
    """That many different ports on loopback on which nothing listens. Raises GluonError where there is none."""
    return _SUPPLY.give(count)


def _kernels_lowest() -> int:
    """Where the kernel's own range begins; 0 where that is not told."""
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) if sys.platform == "linux" else 0


def _of_kernel(count: int) -> list[int]:
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


_SUPPLY: Final = Supply(_LOWEST, _kernels_lowest())
os.register_at_fork(after_in_child=_SUPPLY.begin_anew)
