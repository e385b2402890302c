# SPDX-License-Identifier: Apache-2.0
"""Has the next item made while the last one is being used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

_T = TypeVar("_T")


async def ahead(items: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    """The same items in the same order, one ahead of who takes them. What making one raises comes where it would have stood."""
    async with aclosing(items):
        coming = asyncio.create_task(_next(items))
        try:
            while found := await coming:
                coming = asyncio.create_task(_next(items))
                yield found[0]
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _next(items: AsyncGenerator[_T, None]) -> tuple[_T] | None:
    """The next item, in a tuple of its own; None at the end."""
    async for item in items:
        return (item,)
    return None
