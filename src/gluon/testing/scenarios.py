# SPDX-License-Identifier: Apache-2.0
"""What may happen to a backend: each scenario acts on a rig and asserts what must be so at its end.

They know no model: objects are made of whatever the Proton has. A scenario about something that the Proton or the backend
lacks (ports, binds) ends at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from gluon.model.schema import Role
from gluon.shim.backend import Permanent, Temporary
from gluon.testing.observing import Planted, Seen, no_fault
from gluon.testing.rig import ELSEWHERE, HERE, Rig

_MANY: Final = 10_000


async def life(rig: Rig) -> None:
    """Everything is created, changed, bound, unbound, and deleted again."""
    await rig.start()
    made = await rig.world()
    await rig.agreed()
    await _change_all(rig)
    await rig.agreed()
    if rig.binds:
        port = made[rig.port]
        binding = await rig.wanted.bind(port, HERE)
        await rig.agreed()
        await rig.answered(port, binding)
        await rig.wanted.unbind(port)
        await rig.agreed()
        await rig.emptied(port)
    await rig.clear()
    await rig.agreed()


async def duplicate_calls(rig: Rig) -> None:
    """Each call comes twice."""
    rig.seen.repeats = 2
    await life(rig)


async def restart_between_any_two_calls(rig: Rig) -> None:
    """The shim dies at its first call, at its second, and so on, before or after it reaches the backend."""
    at = 0
    while True:
        at += 1
        for after in (False, True):
            if not await _life_with_crash(rig, at, after):
                return


async def _life_with_crash(rig: Rig, at: int, after: bool) -> bool:
    """Live through everything with a crash at one call of it; False where there are fewer calls."""
    crash = _Crash(rig, len(rig.seen.calls) + at, after)
    rig.seen.fault = crash
    await rig.start()
    story = asyncio.create_task(_story(rig))
    died = asyncio.create_task(crash.due.wait())
    await asyncio.wait([story, died], return_when=asyncio.FIRST_COMPLETED)
    if crash.due.is_set():
        await rig.crash()
        rig.seen.fault = no_fault
        await rig.start()
    died.cancel()
    await story
    await rig.agreed()
    await rig.stop()
    return crash.due.is_set()


async def _story(rig: Rig) -> None:
    made = await rig.world()
    await rig.agreed()
    if rig.binds:
        await rig.wanted.bind(made[rig.port], HERE)
        await rig.agreed()
        await rig.wanted.bind(made[rig.port], ELSEWHERE)
        await rig.agreed()
        await rig.wanted.bind(made[rig.port], HERE)
    await _change_all(rig)
    await rig.agreed()
    await rig.clear()
    await rig.agreed()


class _Crash:
    """Cuts the shim off at one call and sets ``due``. Called in any thread."""

    def __init__(self, rig: Rig, at: int, after: bool) -> None:
        self.due = asyncio.Event()
        self._rig, self._at, self._after = rig, at, after
        self._loop = asyncio.get_running_loop()

    def __call__(self, seen: Seen, reached: bool) -> None:
        if seen.number == self._at and reached == self._after:
            self._loop.call_soon_threadsafe(self._rig.cut)
            self._loop.call_soon_threadsafe(self.due.set)
            raise Planted("the shim dies here")


async def temporary(rig: Rig) -> None:
    """The first try of each call cannot be done now."""
    rig.seen.fault = _First(lambda: Temporary("not now", delay=0.005), reached=False)
    await life(rig)


async def any_exception(rig: Rig) -> None:
    """The first try of each call ends with a bug after the backend did what it was told."""
    rig.seen.fault = _First(lambda: Planted("a bug"), reached=True)
    await life(rig)


class _First:
    """Fails the first call of each method for each object."""

    def __init__(self, error: Callable[[], Exception], *, reached: bool) -> None:
        self._error, self._reached = error, reached
        self._failed: set[tuple[str, str, str]] = set()

    def __call__(self, seen: Seen, reached: bool) -> None:
        key = (seen.method, seen.kind, seen.id)
        if reached == self._reached and key not in self._failed:
            self._failed.add(key)
            raise self._error()


async def permanent(rig: Rig) -> None:
    """One object cannot be handed over as it is: that is reported, all others are, and it is once it changes."""
    kind = rig.proton.order[-1].name
    if not rig.keeps(kind):
        return
    await rig.start()
    made = await rig.world()
    await rig.agreed()

    def fault(seen: Seen, reached: bool) -> None:
        if seen.id == made[kind] and seen.method.startswith("modify_") and not reached and seen.kind == rig.kind(kind):
            raise Permanent("never so")

    rig.seen.fault = fault
    await _change_all(rig)
    await rig.until(lambda: len(rig.differences()) == 1, "all but one are to be handed over")
    await rig.reported_as(kind, made[kind], "failed", "never so")
    rig.seen.fault = no_fault
    await rig.wanted.put(kind, made[kind])
    await rig.agreed()
    await rig.reported_as(kind, made[kind], "ready", "")


async def refusal(rig: Rig) -> None:
    """A port cannot be bound; the answer says why, and the next request may succeed."""
    if not rig.binds:
        return
    await rig.start()
    port = await rig.one(rig.port)

    def fault(seen: Seen, reached: bool) -> None:
        if seen.method == "bind_port" and not reached:
            raise Permanent("no room")

    rig.seen.fault = fault
    binding = await rig.wanted.bind(port, HERE)
    answer = await rig.answered(port, binding)
    assert answer is None or (answer["vif_type"], answer["reason"]) == ("binding_failed", "no room"), answer
    rig.seen.fault = no_fault
    binding = await rig.wanted.bind(port, HERE)
    await rig.agreed()
    await rig.answered(port, binding)


async def delete_while_bound(rig: Rig) -> None:
    """A bound port is deleted: it is unbound first."""
    if not rig.binds:
        return
    await rig.start()
    port = await rig.one(rig.port)
    await rig.wanted.bind(port, HERE)
    await rig.agreed()
    await rig.wanted.delete(rig.port, port)
    await rig.agreed()


async def host_change(rig: Rig) -> None:
    """A bound port moves to another host and back, then to another device."""
    if not rig.binds:
        return
    await rig.start()
    port = await rig.one(rig.port)
    for host, device in ((HERE, "one"), (ELSEWHERE, "one"), (HERE, "one"), (HERE, "two")):
        binding = await rig.wanted.bind(port, host, device)
        await rig.agreed()
        if host == HERE:
            await rig.answered(port, binding)
        else:
            await rig.emptied(port)


async def created_again(rig: Rig) -> None:
    """An object is deleted and created again under its id while nobody looked: the old one is undone first."""
    await rig.start()
    made = await rig.world()
    await rig.agreed()
    await rig.stop()
    for obj in reversed(rig.proton.order):
        await rig.wanted.delete(obj.name, made[obj.name])
    for obj in rig.proton.order:
        await rig.again(obj.name, made)
    await rig.start()
    await rig.agreed()
    for obj in rig.proton.order:
        if rig.deletes(obj.name):
            method = rig.method("delete", obj.name)
            assert rig.seen.count(method, made[obj.name]) == 1, f"{method} was to come for the {obj.name} that is gone"


async def late_references(rig: Rig) -> None:
    """Objects arrive before what they refer to: they wait for it."""
    made = await rig.world()
    late = [(kind, id) for kind, id in made.items() if rig.proton.by_name[kind].role is not Role.PORT]
    records = {key: rig.wanted.records.pop(key) for key in late}
    await rig.wanted.send(late)
    await rig.start()
    await rig.agreed()
    for key in reversed(late):
        rig.wanted.records[key] = records[key]
        await rig.wanted.send([key])
    await rig.agreed()


async def many(rig: Rig) -> None:
    """Ten thousand objects come, and go again."""
    await rig.start()
    made: dict[str, str] = {}
    each = _MANY // len(rig.proton.order)
    for obj in rig.proton.order:
        changed = [rig.prepared(obj.name, made) for _ in range(each)]
        made[obj.name] = changed[-1][1]
        await rig.wanted.send(changed)
    await rig.agreed()
    await rig.clear()
    await rig.agreed()


async def _change_all(rig: Rig) -> None:
    """Every object gets a new generation."""
    changed = [rig.wanted.change(kind, id) for kind, id in list(rig.wanted.records)]
    await rig.wanted.send(changed)


ALL: Final = (
    life,
    duplicate_calls,
    restart_between_any_two_calls,
    temporary,
    permanent,
    any_exception,
    refusal,
    delete_while_bound,
    host_change,
    created_again,
    late_references,
    many,
)
