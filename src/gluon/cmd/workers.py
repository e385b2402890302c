# SPDX-License-Identifier: Apache-2.0
"""Several server processes on one listening socket: start them, replace one that dies, stop them all together."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

_log = logging.getLogger(__name__)
_SOON = 5.0  # seconds; a worker that ends sooner than this after its start would end again


def supervise(program: str, files: Sequence[str], count: int, listening: socket.socket) -> int:
    """Run ``count`` workers until SIGTERM or SIGINT; returns the exit status: not 0 where a worker could not start."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    fd = listening.fileno()
    command = [sys.executable, "-m", "gluon.cmd.proton_server", "--worker", str(os.getpid()), str(fd)]
    command += [f"--config-file={file}" for file in files]
    workers = [(subprocess.Popen(command, pass_fds=[fd]), time.monotonic()) for _ in range(count)]
    status = 0
    while not stopping:
        time.sleep(0.2)
        for index, (worker, since) in enumerate(workers):
            if worker.poll() is None or stopping:
                continue
            if time.monotonic() - since < _SOON:
                _log.error("%s: worker %d ended with status %s at its start", program, worker.pid, worker.returncode)
                status, stopping = 1, True
                break
            _log.warning("%s: worker %d ended with status %s and is replaced", program, worker.pid, worker.returncode)
            workers[index] = (subprocess.Popen(command, pass_fds=[fd]), time.monotonic())
    listening.close()  # each worker closes its own: then nobody is left waiting in a queue that nobody serves
    for worker, _ in workers:
        if worker.poll() is None:
            worker.terminate()
    # One that was told to stop before it could listen to signals ends by the signal: that is as clean.
    ends = [worker.wait() for worker, _ in workers]
    return max([status, *(abs(end) for end in ends if end != -signal.SIGTERM)])
