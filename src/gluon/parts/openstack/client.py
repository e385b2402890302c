# SPDX-License-Identifier: Apache-2.0
"""The ``openstack`` command as a user runs it. Starting it takes seconds; ``api`` is the quick way."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any, Final

from gluon.errors import GluonError
from gluon.parts.openstack.layout import Layout
from gluon.parts.openstack.program import clean_environment
from gluon.parts.openstack.users import User

_PATIENCE: Final = 120.0  # seconds for one run of it
#: What ends the output of one command of several.
_END: Final = "END-OF-COMMAND"


class CommandFailed(GluonError):
    """It ended with another status than 0; the text has what it said."""


class OpenStackCommand:
    """``openstack`` with the variables of one user."""

    def __init__(self, layout: Layout, user: User) -> None:
        self._program = layout.environment("keystone").program("openstack")
        self.environment = user.environment(layout.auth_url)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it with these words, however it ends."""
        return subprocess.run(
            (self._program, *words),
            env=clean_environment(self.environment),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def batch(self, *lines: Sequence[str]) -> list[str]:
        """What each of these commands says, errors among it; all of them in one process, one after the other."""
        text = "".join(f"{shlex.join(line)}\n!echo {_END}\n" for line in lines)
        done = subprocess.run(
            (self._program,),
            env=clean_environment({**self.environment, "PYTHONUNBUFFERED": "1"}),
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        *said, _ = done.stdout.split(f"{_END}\n")
        if len(said) != len(lines):
            raise CommandFailed(f"openstack ended after {len(said)} of {len(lines)} commands: {done.stdout}")
        return said

    def run(self, *words: str) -> str:
        """What it prints. Raises CommandFailed."""
        done = self.call(*words)
        if done.returncode:
            raise CommandFailed(f"openstack {' '.join(words)} ended with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def read(self, *words: str) -> Any:
        """What a command that shows or lists prints as JSON, decoded. Raises CommandFailed."""
        return json.loads(self.run(*words, "-f", "json"))
