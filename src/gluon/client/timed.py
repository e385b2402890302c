# SPDX-License-Identifier: Apache-2.0
"""A socket with one limit for a whole exchange.

A socket's own time-out begins anew with every byte, so that whoever sends one now and then holds the reader for as long as it
likes. Here each call is given what is left of the time of all of them together.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class TimedSocket:
    """A connected socket, of TLS or not, with what ``http.client`` asks of one. Sends and reads raise TimeoutError."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._until = time.monotonic()

    def allow(self, seconds: float) -> None:
        """Give all that is sent and read from now on, together, this long."""
        self._until = time.monotonic() + seconds

    def fileno(self) -> int:
        """For ``poll``."""
        return self._socket.fileno()

    def sendall(self, data: ReadableBuffer) -> None:
        """Send; a socket takes its time-out for that of the whole of ``data``, one of TLS too: it hands all over in one write."""
        self._hurry()
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What comes, for ``mode`` rb; it stays open when the socket is closed."""
        return io.BufferedReader(_Incoming(self._socket.makefile("rb", buffering=0), self._hurry))

    def close(self) -> None:
        """Close it, once no file is made of it any more."""
        self._socket.close()

    def _hurry(self) -> None:
        """Give the next call on the socket what is left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)


class _Incoming(io.RawIOBase):
    """The bytes of a socket, which is told to hurry before each read."""

    def __init__(self, bytes: socket.SocketIO, hurry: Callable[[], None]) -> None:
        self._bytes = bytes
        self._hurry = hurry

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._hurry()
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()
