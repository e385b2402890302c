# SPDX-License-Identifier: Apache-2.0
"""What runs within ``async with``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Standing(ABC):
    """Started at the beginning, closed at the end; where it does not come up, nothing of it is left behind."""

    @abstractmethod
    async def start(self) -> None:
        """Return once it serves."""

    @abstractmethod
    async def close(self) -> None:
        """End it, also where it is not up."""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
