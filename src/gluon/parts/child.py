# SPDX-License-Identifier: Apache-2.0
"""One child process with a log of its own, ended by its id and never by name."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gluon.errors import GluonError
from gluon.kv.program import hang

_PATIENCE = 30.0  # seconds that a child gets to end after SIGTERM


class ChildFailed(GluonError):
    """A child did not come up, or did not end as it should. The text ends with the tail of its log."""


class Child:
    """A command of Gluon, run by this interpreter as ``PREFIX python -m MODULE ARGUMENTS``."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._command = (*prefix, sys.executable, "-m", *command)
        self._environment = clean_environment(**(environment or {}))
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; only while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def status(self) -> int | None:
        """Its exit status (negative: the signal that ended it); None while it runs or before it was started."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """Start it, or start it again after it ended. Output is appended to the log."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment
            )

    async def stop(self) -> None:
        """SIGTERM, and insist on exit status 0 within 30 seconds; killed and ChildFailed otherwise.

        No error where it has ended already.
        """
        if not self.running:
            return
        assert self._process is not None
        self._process.terminate()
        try:
            status = await asyncio.wait_for(self._process.wait(), _PATIENCE)
        except TimeoutError:
            await self.kill()
            raise self.failure(f"did not end within {_PATIENCE:g} s of SIGTERM") from None
        if status:
            raise self.failure(f"ended with status {status}")

    async def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        if self.running:
            assert self._process is not None
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """SIGSTOP; it does nothing from now on."""
        hang(self.pid)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def wait(self) -> int:
        """Wait for its end; returns the status."""
        assert self._process is not None
        return await self._process.wait()

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def failure(self, what: str) -> ChildFailed:
        """The error that says ``what`` about this child and shows the end of its log."""
        return ChildFailed(f"{self.name} {what}; its log ends with:\n{self.output()[-3000:]}")


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without the settings of other servers, and with ``more``."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GLUON_", "OS_PROTON_"))} | more
