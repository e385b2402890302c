# SPDX-License-Identifier: Apache-2.0
"""TCP ports that nothing listens on. They can only be guessed: another process may be faster."""

from __future__ import annotations

import socket


def free_ports(count: int) -> list[int]:
    """That many different ports on loopback that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
