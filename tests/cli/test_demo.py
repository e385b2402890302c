# SPDX-License-Identifier: Apache-2.0
"""``gluon demo`` where it does not come to its end: what it is given, and being stopped. The story itself is in tests/e2e."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gluon.cmd.gluon import main
from gluon.parts.child import clean_environment


@pytest.mark.parametrize("port", ["x", "99999", "-1"])
def test_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", f"--port={port}"])
    assert (ended.value.code, f"argument --port: '{port}' is not a TCP port" in capsys.readouterr().err) == (2, True)


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit):
        main(["demo", "--port", str(taken.getsockname()[1])])
    assert "Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_before_its_end_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "gluon.cmd.gluon", "demo"],
        env=clean_environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("  proton-server"):
            break
    demo.send_signal(number)
    rest, _ = demo.communicate(timeout=60)
    assert (demo.returncode, list(tmp_path.iterdir())) == (130, [])
    assert "Stopped before the end of the story." in rest
