# SPDX-License-Identifier: Apache-2.0
"""The story of ``make demo-openstack`` holds."""

import subprocess
import sys

from gluon.parts.child import clean_environment


def test_every_step_holds() -> None:
    command = (sys.executable, "-m", "gluon.cmd.demo_openstack")
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout[-3000:]
    assert "the machine is ACTIVE" in done.stdout and done.stdout.endswith("Every step held.\n")
