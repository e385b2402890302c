# SPDX-License-Identifier: Apache-2.0
"""A short run of ``make chaos`` with a fixed seed, as a user starts it: all is proved and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gluon.parts.child import clean_environment

ROOT = Path(__file__).resolve().parents[2]
#: As root with everything in namespaces of its own; else on loopback, where nothing can be cut off.
NETWORK = () if os.geteuid() == 0 else ("--no-network",)


def chaos(*words):
    command = (sys.executable, str(ROOT / "chaos" / "run.py"), *NETWORK, *words)
    return subprocess.Popen(
        command, env=clean_environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def namespaces(pid):
    done = subprocess.run(("ip", "netns", "list"), capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if f"gluon-{pid}-" in line]


@pytest.mark.parametrize(("database", "seed"), [("sqlite", 11), ("postgresql", 12)])
def test_nothing_is_lost_in_a_short_run(tmp_path, database, seed):
    run = chaos(
        "--database", database, "--seed", str(seed), "--faults", "9", "--minutes", "0.25", "--folder", str(tmp_path / "run")
    )
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert f"seed {seed}: 9 faults" in said
    assert "faults healed: 9" in said
    assert "PROVED" in said
    assert namespaces(run.pid) == []


def test_what_is_ended_before_its_time_leaves_nothing(tmp_path):
    run = chaos("--seed", "1", "--faults", "200", "--minutes", "10", "--folder", str(tmp_path / "run"))
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if " 3 " in line and "healed" in line:
            break
    run.send_signal(signal.SIGTERM)
    rest, _ = run.communicate(timeout=60)
    assert run.returncode == 130, "".join(said) + rest
    assert namespaces(run.pid) == []
    assert _running_in(tmp_path) == []


def _running_in(folder):
    """Processes whose command line names this folder, a moment after they were killed."""
    for _ in range(50):
        found = [file.parent.name for file in Path("/proc").glob("[0-9]*/cmdline") if str(folder).encode() in _read(file)]
        if not found:
            return []
        time.sleep(0.1)
    return found


def _read(file):
    try:
        return file.read_bytes()
    except OSError:
        return b""
