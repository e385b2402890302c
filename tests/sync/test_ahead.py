# SPDX-License-Identifier: Apache-2.0
"""One item ahead: the order, the end, what fails, and what is left when nobody takes the rest."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from gluon.sync.ahead import ahead


class Source:
    """Counts to ``last``; ``made`` and ``closed`` tell how far it came."""

    def __init__(self, last: int, fails: bool = False) -> None:
        self.made = 0
        self.closed = False
        self._last = last
        self._fails = fails

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._last):
                await asyncio.sleep(0)
                self.made += 1
                yield number
            if self._fails:
                raise KeyError("what making the next one raises")
        finally:
            self.closed = True


@pytest.mark.parametrize("count", [0, 1, 2, 7])
async def test_the_same_items_one_ahead(count: int) -> None:
    source, taken = Source(count), []
    async for item in ahead(source.items()):
        taken.append(item)
        for _ in range(20):  # it gets all the turns it may want
            await asyncio.sleep(0)
        assert source.made == min(item + 2, count)
    assert taken == list(range(count)) and source.closed


async def test_a_failure_comes_where_it_stands() -> None:
    source, taken = Source(3, fails=True), []
    with pytest.raises(KeyError):
        async for item in ahead(source.items()):
            taken.append(item)
            await asyncio.sleep(0.001)
    assert taken == [0, 1, 2]


async def test_who_takes_no_more_leaves_nothing_behind() -> None:
    source = Source(10)
    taking = ahead(source.items())
    assert await anext(taking) == 0
    await taking.aclose()
    assert source.closed and source.made <= 2
