# SPDX-License-Identifier: Apache-2.0
"""Does what a schedule says, several faults side by side, and heals each.

A fault waits until no other one has the parts that it hits; so a run stays alive, and late rather than less. A part that was
started again is up before the next fault may hit it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, Protocol

from chaos.schedule import Fault
from chaos.site import PROTON, SHIMS, Site
from chaos.watcher import everything
from gluon.errors import GluonError
from gluon.kv.contract import KvError
from gluon.particle import keys
from gluon.parts.child import Child, ChildFailed
from gluon.shim import listing

#: Seconds that a server which gave up at its start is left alone before it is started again, as a supervisor does.
_AGAIN: Final = 0.5
#: Seconds after which it is told what is waited for.
_NEWS: Final = 10.0
#: Starts after which a server that gives up again and again is a fault of the run.
_STARTS: Final = 60
#: The same for etcd members and databases.
_PATIENT: Final = 4


class Injuries:
    """``tell`` is called with a line for each fault as it begins and heals."""

    def __init__(self, site: Site, tell: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.hits: defaultdict[str, int] = defaultdict(int)
        self.gave_up = 0
        self._site = site
        self._tell = tell
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._down: set[str] = set()

    async def run(self, faults: Sequence[Fault]) -> None:
        """All of them, each from its time on; returns once all have healed."""
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            watching = asyncio.create_task(self._look_after())
            try:
                hurting = []
                for number, fault in enumerate(faults, 1):
                    await asyncio.sleep(max(0.0, start + fault.at - time.monotonic()))
                    hurting.append(group.create_task(self._hurt(number, fault)))
                await asyncio.gather(*hurting)
            finally:
                watching.cancel()

    async def _hurt(self, number: int, fault: Fault) -> None:
        async with contextlib.AsyncExitStack() as held:
            for part in sorted(fault.locks):
                await held.enter_async_context(self._locks[part])
            target = [await self._site.relay() if part == "relay" else part for part in fault.target]
            self._tell(f"{number:3} {fault}" + (f" (relay: {', '.join(target)})" if "relay" in fault.target else ""))
            begun = time.monotonic()
            try:
                async with self._injury(fault.kind)(target):
                    await asyncio.sleep(fault.seconds)
            except GluonError as error:  # the run goes on, and fails in the end
                self.faults.append(f"fault {number} ({fault}) did not heal: {error}")
                self._tell(f"{number:3} did not heal: {error}")
                return
            self._tell(f"{number:3} healed after {time.monotonic() - begun:.1f} s")
            self.counts[_counted(fault)] += 1

    def _injury(self, kind: str) -> Callable[[Sequence[str]], contextlib.AbstractAsyncContextManager[None]]:
        return {
            "kill": self._killed,
            "orderly restart": self._restarted,
            "pause": self._paused,
            "etcd majority killed": self._killed,
            "etcd all killed": self._killed,
            "etcd majority paused": self._paused,
            "etcd wiped": self._wiped,
            "cut both ways": self._cut_off,
            "cut one way": self._cut_one_way,
        }[kind]

    @contextlib.asynccontextmanager
    async def _killed(self, target: Sequence[str]) -> AsyncIterator[None]:
        self._down.update(target)
        await _each(self._kill, target)
        yield
        await _each(self._start, target)

    @contextlib.asynccontextmanager
    async def _restarted(self, target: Sequence[str]) -> AsyncIterator[None]:
        self._down.update(target)
        await _each(self._stop, target)
        yield
        await _each(self._start, target)

    @contextlib.asynccontextmanager
    async def _paused(self, target: Sequence[str]) -> AsyncIterator[None]:
        for part in target:
            self._process(part).pause()
        try:
            yield
        finally:
            for part in target:
                self._process(part).resume()

    @contextlib.asynccontextmanager
    async def _wiped(self, target: Sequence[str]) -> AsyncIterator[None]:
        """All members lose their data, and with it the memory of the shims, which must live until they have written it again."""
        await self._site.until(self._loaded, "the shims to have loaded what they forgot with an earlier fault", 180.0)
        await self._site.etcd.kill()
        self._site.etcd.wipe()
        yield
        await _each(self._start, target)
        await self._site.until(self._complete, "etcd to be complete after it was wiped", 180.0)
        self._tell("    etcd is complete again")
        there = {item.key for item in (await everything(self._site.kv, keys.objects(PROTON)))[0]}

        async def remembered() -> bool:
            """Whether each shim has reported whatever was there then and still is."""
            try:
                objects, _ = await everything(self._site.kv, keys.objects(PROTON))
                reports, _ = await everything(self._site.kv, keys.controllers(PROTON))
            except KvError:
                return False
            told = {key for item in reports if (key := keys.parse_controller(item.key)) and key.controller}
            left = [key for item in objects if item.key in there and (key := keys.parse_object(item.key))]
            missing = [key for key in left for name in SHIMS.values() if key._replace(controller=name) not in told]
            if missing and time.monotonic() - looked > _NEWS:
                self._tell(f"    not remembered yet: {len(missing)}, such as {missing[0].object} {missing[0].id}")
            return not missing

        looked = time.monotonic()
        await self._site.until(remembered, "the shims to write their memory again", 180.0)

    async def _loaded(self) -> bool:
        """Whether every shim has signed in, and those that work have loaded and follow the relay."""
        try:
            shims = await listing.seen(self._site.kv, PROTON)
        except KvError:
            return False
        there = {shim.card.pid for shim in shims if shim.state == "standby" or shim.behind is not None}
        return there >= {self._site.children[part].pid for part in SHIMS}

    async def _complete(self) -> bool:
        try:
            sync = await self._site.kv.get(keys.sync(PROTON))
            cards = [await self._site.kv.get(keys.shim(PROTON, name)) for name in SHIMS.values()]
        except KvError:
            return False
        return sync is not None and b'"complete"' in sync.value and all(cards)

    @contextlib.asynccontextmanager
    async def _cut_off(self, target: Sequence[str]) -> AsyncIterator[None]:
        one, other = target
        async with self._cut(one, other), self._cut(other, one):
            yield

    @contextlib.asynccontextmanager
    async def _cut_one_way(self, target: Sequence[str]) -> AsyncIterator[None]:
        async with self._cut(*target):
            yield

    @contextlib.asynccontextmanager
    async def _cut(self, sender: str, receiver: str) -> AsyncIterator[None]:
        network = self._site.network
        assert network is not None
        two = [(s, r) for s in self._ends(sender) for r in self._ends(receiver)]
        for one, other in two:
            await asyncio.to_thread(network.cut, one, other)
        try:
            yield
        finally:
            for one, other in two:
                await asyncio.to_thread(network.join, one, other)

    def _ends(self, part: str) -> Sequence[str]:
        """ "etcd" are all members; the clients are with us."""
        return self._site.parts.members if part == "etcd" else ("" if part == "clients" else part,)

    # Parts.

    def _process(self, part: str) -> _Hit:
        if part in self._site.children:
            return self._site.children[part]
        found: _Hit | None = self._site.database if part == "database" else self._site.member(part)
        assert found is not None
        return found

    async def _kill(self, part: str) -> None:
        await self._process(part).kill()

    async def _stop(self, part: str) -> None:
        try:
            await self._process(part).stop()
        except ChildFailed as failure:
            self.faults.append(str(failure))

    async def _start(self, part: str) -> None:
        if part in self._site.parts.servers:
            await self._start_server(part)
        else:
            await self._start_patiently(part)
        self._down.discard(part)

    async def _start_patiently(self, part: str) -> None:
        """Again where it did not come up in its time, as on a machine that is busy."""
        for left in reversed(range(_PATIENT)):
            try:
                await self._process(part).start()
                return
            except GluonError:
                if not left:
                    raise

    async def _start_server(self, part: str) -> None:
        """Start it again as often as it gives up, as it may while its database is away; it must say why in one clear message."""
        child = self._site.children[part]
        for _ in range(_STARTS):
            await child.start()
            if await self._came_up(part, child):
                return
            self.gave_up += 1
            await asyncio.sleep(_AGAIN)
        self.faults.append(f"{part} gave up {_STARTS} times: {child.output()[-500:]}")

    async def _came_up(self, part: str, child: Child) -> bool:
        """Whether it lives; not whether it is ready, which other faults may delay."""
        for _ in range(100):
            if not child.running:
                return False
            if await asyncio.to_thread(self._site.answers, part):
                return True
            await asyncio.sleep(0.1)
        return True

    async def _look_after(self) -> None:
        """A server or shim that ends by itself is a fault; the run goes on with a new one."""
        while True:
            await asyncio.sleep(0.5)
            for part, child in self._site.children.items():
                if part not in self._down and not child.running:
                    self.faults.append(f"{part} ended by itself with status {child.status}: {child.output()[-1500:]}")
                    self._tell(f"    {part} ended by itself with status {child.status}")
                    await child.start()


class _Hit(Protocol):
    """What a database server, an etcd member and a child have in common."""

    async def kill(self) -> None: ...
    async def stop(self) -> None: ...
    async def start(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


async def _each(do: Callable[[str], Awaitable[None]], target: Sequence[str]) -> None:
    await asyncio.gather(*(do(part) for part in target))


def _counted(fault: Fault) -> str:
    """What the summary counts: the kind, and for a single part its sort."""
    sorts = sorted({part.split("-")[0] for part in fault.target})
    return fault.kind if fault.kind.startswith("etcd") else f"{fault.kind}: {' and '.join(sorts)}"
