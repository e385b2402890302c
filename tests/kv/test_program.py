# SPDX-License-Identifier: Apache-2.0
"""Starting and hanging a program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from gluon.kv.program import hang

_BUSY = """
import threading
def run():
    while True: sum(range(1000))
for _ in range(20): threading.Thread(target=run, daemon=True).start()
print("up", flush=True)
run()
"""


def test_what_hangs_runs_no_more() -> None:
    with subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE, text=True) as busy:
        assert busy.stdout is not None
        assert busy.stdout.readline() == "up\n"
        hang(busy.pid)
        states = {thread.read_text().rpartition(")")[2].split()[0] for thread in Path(f"/proc/{busy.pid}/task").glob("*/stat")}
        os.kill(busy.pid, signal.SIGKILL)
    assert states == {"T"}
