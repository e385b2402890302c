# SPDX-License-Identifier: Apache-2.0
"""Which transitions Nova is told of, and by whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from gluon.backends.plugged import Plugged
from gluon.kv.memory import MemoryKv
from gluon.plugin.notifying import GONE, Notifying, Transition
from tests.backends.test_registrations import until

KEY = "/gluon/leader/neutron"


def plugged(status: str | None, device: str | None = "vm", incarnation: str = "i", binding: str = "b") -> Plugged:
    return Plugged(binding, incarnation, 1, "t", device, "compute:nova", "h", status, None)


THERE, ALONE = plugged("ACTIVE"), plugged("DOWN", None)
UP = Transition("p", "vm", "compute:nova", "DOWN", "ACTIVE")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (plugged("DOWN"), plugged("ACTIVE"), UP),
        (None, plugged("ACTIVE"), UP),
        (plugged("BUILD"), plugged("ACTIVE"), UP._replace(before="BUILD")),
        (plugged("DOWN"), plugged("ERROR"), UP._replace(now="ERROR")),
        (plugged("ACTIVE"), plugged("DOWN", None), UP._replace(before="ACTIVE", now="DOWN")),
        (plugged("ACTIVE"), plugged("ACTIVE"), None),
        (plugged("DOWN"), plugged("ACTIVE", None), None),
        (plugged("DOWN", None), plugged("DOWN"), None),
        (plugged("ACTIVE"), None, UP._replace(before="ACTIVE", now=GONE)),
        (plugged("DOWN"), None, UP._replace(now=GONE)),
        (plugged("DOWN", None), None, None),
        (plugged("ACTIVE"), plugged("TESTING"), None),
        (plugged("ACTIVE", binding="a"), plugged("ACTIVE"), UP),
        (plugged("ACTIVE", binding="a"), plugged("DOWN"), UP._replace(before="ACTIVE", now="DOWN")),
        (plugged("ACTIVE", incarnation="old"), plugged("ACTIVE"), [UP._replace(before="ACTIVE", now=GONE), UP]),
        (plugged("ACTIVE", incarnation="old"), plugged("DOWN", None), UP._replace(before="ACTIVE", now=GONE)),
        (THERE, THERE, UP._replace(before="ACTIVE")),
        (ALONE, ALONE, None),
    ],
)
async def test_what_is_told(before: Plugged | None, now: Plugged | None, told: Transition | list[Transition] | None) -> None:
    kv, sent = MemoryKv(), list[Any]()
    async with standing(kv, sent) as notifying:
        await until_it_tells(notifying, sent)
        notifying.changed("p", before, now)
        notifying.changed("last", plugged("DOWN"), plugged("ACTIVE"))
        await until(lambda: sent[-1:] == [UP._replace(id="last")])
    expected = told if isinstance(told, list) else [told]
    assert sent[:-1] == [transition for transition in expected if transition]


@asynccontextmanager
async def standing(kv: MemoryKv, sent: list[Any]) -> AsyncIterator[Notifying]:
    notifying = Notifying(sent.append)
    task = asyncio.create_task(notifying.run(kv, KEY, "me"))
    try:
        yield notifying
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_it_tells(notifying: Notifying, sent: list[Any]) -> None:
    """Return once this one is elected: it then tells of what was before, too."""
    notifying.changed("probe", plugged("DOWN"), plugged("ACTIVE"))
    await until(lambda: sent == [UP._replace(id="probe")])
    sent.clear()


async def test_one_tells_and_another_goes_on_where_it_ended() -> None:
    kv, first, second = MemoryKv(), list[Any](), list[Any]()
    async with AsyncExitStack() as stack:
        early = await stack.enter_async_context(standing(kv, first))
        await until_it_tells(early, first)
        async with standing(kv.beside(), second) as late:
            for notifying in (early, late):
                notifying.changed("p", plugged("DOWN"), plugged("ACTIVE"))
            await until(lambda: first == [UP])
            assert second == []
            await stack.aclose()
            await until(lambda: second == [UP])
