# SPDX-License-Identifier: Apache-2.0
"""The demo is the first thing that a user runs: it ends with 0, and --stay leaves what it says."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from gluon.parts.child import clean_environment

DEMO = (sys.executable, "-m", "gluon.cmd.gluon", "demo")


def test_the_story_is_told():
    done = subprocess.run(DEMO, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vif_type ovs" in done.stdout
    assert "bind_port" in done.stdout
    assert done.stdout.rstrip().endswith("Every step held.")


def test_it_stays_until_ctrl_c_and_leaves_nothing():
    demo = subprocess.Popen(
        (*DEMO, "--stay"),
        env=clean_environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    assert demo.stdout is not None
    for line in demo.stdout:
        said.append(line)
        if line.startswith("Logs and database are in"):
            break
    text = "".join(said)
    port = re.search(r"export OS_PROTON_PORT=(\d+)", text)
    folder = re.search(r"Logs and database are in (\S+)", text)
    assert port and folder, text
    with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/proton", timeout=10) as answer:
        assert {p["proton_service"] for p in json.load(answer)["protons"]} == {"net-l3vpn", "ietf-sfc"}
    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, rest
    assert "Traceback" not in rest
    assert not Path(folder[1]).exists()
