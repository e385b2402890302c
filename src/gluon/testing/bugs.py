# SPDX-License-Identifier: Apache-2.0
"""What a backend raised that it may not raise: noted in whichever thread it came up, raised where the test goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class BackendFailed(AssertionError):
    """The backend raised what is neither Temporary nor Permanent: a bug. ``__cause__`` is what it raised."""


class Bugs:
    """The first bug of all backends of a stack. Where they are not ``strict``, bugs are left to the shim."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._first: Exception | None = None
        self._noticed = asyncio.Event()

    def alarm(self) -> Callable[[Exception], None]:
        """What a backend's witness calls with a bug, in any thread."""
        loop = asyncio.get_running_loop()

        def alarm(error: Exception) -> None:
            if self._strict:
                loop.call_soon_threadsafe(self._note, error)

        return alarm

    def check(self) -> None:
        """Raises BackendFailed if there was one."""
        if self._first is not None:
            raise BackendFailed(f"the backend raised {self._first!r}") from self._first

    async def unless(self, task: asyncio.Task[T]) -> T:
        """The task's result, unless there is a bug before: then BackendFailed, and the task goes on."""
        self.check()
        noticed = asyncio.create_task(self._noticed.wait())
        await asyncio.wait([task, noticed], return_when=asyncio.FIRST_COMPLETED)
        noticed.cancel()
        self.check()
        return task.result()

    def _note(self, error: Exception) -> None:
        self._first = self._first or error
        self._noticed.set()
