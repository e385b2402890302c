# SPDX-License-Identifier: Apache-2.0
"""Plain functions in threads: quick ones share a thread, slow ones hold up nobody."""

import asyncio
import threading
import time

import pytest

from gluon.shim.threads import Threads


async def test_what_is_returned_and_raised() -> None:
    threads = Threads(2)
    assert await threads.run(divmod, (7, 2)) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, (7, 0))
    assert await asyncio.gather(*(threads.run(abs, (-n,)) for n in range(1000))) == list(range(1000))
    threads.close()


async def test_those_that_block_run_side_by_side_and_no_more_than_allowed() -> None:
    threads = Threads(4)
    together = threading.Barrier(4, timeout=30)
    await asyncio.gather(*(threads.run(together.wait, ()) for _ in range(8)))
    threads.close()


async def test_a_result_does_not_wait_for_a_slow_one_behind_it() -> None:
    threads = Threads(1)
    go_on = threading.Event()
    quick = asyncio.create_task(threads.run(time.sleep, (0.001,)))
    slow = asyncio.create_task(threads.run(go_on.wait, (60,)))
    async with asyncio.timeout(30):
        await quick
    assert not slow.done()
    urgent = asyncio.create_task(threads.run(abs, (-1,), urgent=True))
    go_on.set()
    assert await slow and await urgent == 1
    threads.close()


async def test_what_was_given_up_before_it_began_is_not_run() -> None:
    threads = Threads(1)
    go_on, ran = threading.Event(), []
    first = asyncio.create_task(threads.run(go_on.wait, (60,)))
    second = asyncio.create_task(threads.run(ran.append, (1,)))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    go_on.set()
    await first
    await threads.run(abs, (1,))
    assert ran == []
    threads.close()
