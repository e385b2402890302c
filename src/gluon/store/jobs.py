# SPDX-License-Identifier: Apache-2.0
"""Units of work that share a transaction, and those who wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False)
class Job:
    """A unit of work, who waits for it, and what came of it. ``changed``: of which Protons it logged changes."""

    work: Callable[[Any], Awaitable[Any]]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    changed: Set[str] = frozenset()


def deliver(jobs: Sequence[Job], committed: Callable[[Set[str]], None]) -> None:
    """Tell what was ``committed``, and those who still wait what came of theirs."""
    if changed := set[str]().union(*(job.changed for job in jobs if job.error is None)):
        committed(changed)
    for job in jobs:
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
