# SPDX-License-Identifier: Apache-2.0
"""Brings one Proton's keys in etcd back to what the database says, while new changes flow.

    guard ─► what is missing or other, in the order of references ─► what is gone, reversed ─► "complete"

Each slice reads etcd, then holds the writer, reads the database, and writes only keys that are as they were read. A slice
never undoes the relay's work: what waits in the change log is left to it, and what it wrote meanwhile no longer is as read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from gluon.errors import GluonError
from gluon.kv.contract import Compare, Delete, KeyValue, Kv, Put, Txn
from gluon.model.schema import Proton
from gluon.particle import keys
from gluon.store.contract import Change, Store
from gluon.sync.ahead import ahead
from gluon.sync.batching import Batching, Unit, groups, size
from gluon.sync.comparison import Comparison, Finding, Suspects
from gluon.sync.naming import answer_key
from gluon.sync.parts import Parts, ProtonState
from gluon.sync.position import Position, Verdict, decide
from gluon.sync.registering import foreign
from gluon.sync.sending import send
from gluon.sync.writer import BYTES, OPS, Writer

HANDFUL: Final = 100  # keys that a repair may always delete
_LOOK: Final = 0.2  # seconds between looks at how a repair goes
_DEPTH: Final = 2  # a removal nests up to three operations, which etcd counts against what the transaction has left


class Refused(GluonError):
    """The repair would delete more than it may unasked."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that is not as the database wants it."""

    kind: Literal["missing", "other", "extra"]
    key: str


class Repair:
    """One repair of one Proton by the server that leads."""

    def __init__(self, proton: Proton, parts: Parts, writer: Writer, batching: Batching) -> None:
        self._proton = proton
        self._parts = parts
        self._writer = writer
        self._done = 0
        self._sides = Comparison(proton, parts.kv, parts.store, batching, self._compared)

    async def run(self, *, force: bool) -> None:
        """Repair, then say ``complete``. Raises Refused before anything is written, and what the writer raises."""
        if not force:
            try:
                await self._guard()
            except Refused as refusal:
                async with self._writer.exclusive:
                    await self._writer.write(replace(self._position, refused=str(refusal)))
                raise
        async for suspects in ahead(self._sides.wanted()):
            await self._fix(suspects)
        async for strays in self._sides.stray():
            await self._sweep(strays)
        async for suspects in self._sides.unwanted():
            await self._fix(suspects)
        async with self._writer.exclusive:
            await self._writer.write(replace(self._position, state="complete", force=False, compared=0))

    def _compared(self, objects: int) -> None:
        """Say on the board, and so in /readyz, how it goes; the sync key says it with what is written next."""
        self._done = objects
        self._parts.board.states[self._proton.name] = ProtonState("repairing", f"{objects:,} objects compared so far")

    @property
    def _position(self) -> Position:
        assert self._writer.position is not None
        return replace(self._writer.position, compared=self._done, refused="")

    async def _guard(self) -> None:
        total = await self._sides.total()
        if total <= HANDFUL:
            return
        extra = 0
        async for strays in self._sides.stray():
            extra += len(strays)
        async for suspects in self._sides.unwanted():
            extra += len(suspects.ids)
        if extra > HANDFUL and extra * 10 > total:
            raise Refused(
                f"the repair would delete {extra} of {total} keys, more than a tenth: is this the right database? "
                f"If so, ask for it: gluon sync repair --force {self._proton.name}; until then new changes are relayed and "
                "nothing is deleted"
            )

    async def _fix(self, suspects: Suspects) -> None:
        found = suspects.found or await self._sides.read(suspects)  # what is older than it seems is not written: see _unchanged
        async with self._writer.exclusive:
            findings = await self._sides.examine(suspects, found)
            await self._send(_unit(finding) for finding in findings if not _anothers(finding))

    async def _sweep(self, strays: Sequence[KeyValue]) -> None:
        async with self._writer.exclusive:
            for start in range(0, len(strays), OPS):
                part = strays[start : start + OPS]
                ops = [Txn((_unchanged(kv.key, kv),), (Delete(kv.key),)) for kv in part]
                await self._writer.write(self._position, ops)
                self._parts.board.repaired += len(part)

    async def _send(self, units: Iterable[Unit]) -> None:
        for group in groups(units, OPS - _DEPTH, BYTES):
            self._parts.board.repaired += len(await send(self._parts, self._writer, self._position, group))


def _own(finding: Finding) -> dict[str, KeyValue | None]:
    """The keys of what was found, without a registration that is another service's."""
    return {key: kv for key, kv in finding.found.items() if not foreign(kv, finding.object.proton)}


def _anothers(finding: Finding) -> bool:
    """Whether it is a port whose identifier another service has: it is set aside when it changes, and not written here either."""
    return finding.record is not None and len(_own(finding)) < len(finding.found)


def _unit(finding: Finding) -> Unit:
    """What puts a finding right, each key only where it is as it was read."""
    obj, id = finding.object, finding.id
    if finding.record is not None:
        ops = [Txn((_unchanged(key, finding.found[key]),), (Put(key, value),)) for key, value in finding.wanted.items()]
    else:
        found = _own(finding)
        doomed = [*found, *([answer_key(obj, id)] if obj.is_port else [])]
        as_read = tuple(_unchanged(key, kv) for key, kv in found.items())
        ops = [Txn(as_read, tuple(map(Delete, doomed)))]
    return Unit(Change(obj, id, finding.record), tuple(ops), sum(map(size, ops)))


def _unchanged(key: str, found: KeyValue | None) -> Compare:
    return Compare(key, "mod", "=", found.mod_revision if found else 0)


async def check(
    proton: Proton, kv: Kv, store: Store, progress: Callable[[int], None] = lambda compared: None
) -> AsyncIterator[Difference]:
    """Every key of the Proton that is not as the database wants it. Changes nothing, needs no leadership.

    ``progress`` is told how many objects of either side were looked at so far.
    """
    sides = Comparison(proton, kv, store, Batching(proton, url=""), progress)
    async for suspects in ahead(sides.wanted()):
        for difference in await _confirmed(sides, suspects):
            yield difference
    async for strays in sides.stray():
        for kv_ in strays:
            yield Difference("extra", kv_.key)
    async for suspects in sides.unwanted():
        for difference in await _confirmed(sides, suspects):
            yield difference


async def _confirmed(sides: Comparison, suspects: Suspects) -> list[Difference]:
    differences: list[Difference] = []
    for finding in await sides.examine(suspects, await sides.read(suspects)):
        if finding.record is None:
            differences += [Difference("extra", key) for key, kv in _own(finding).items() if kv is not None]
        else:
            differences += [Difference("other" if finding.found[key] else "missing", key) for key in finding.wanted]
    return differences


async def repair(proton: Proton, kv: Kv, store: Store, *, force: bool = False) -> None:
    """Ask whoever leads to compare and repair the Proton; ``force``: whatever that deletes.

    Takes a new epoch, so every shim loads again. Raises Refused where the keys are another database's.
    """
    database = await store.log.database_id()
    asked = Put(keys.sync(proton.name), Position(database, "", 0, "repairing", force=force).encode())
    done = False
    while not done:  # the relay may write a batch between the two
        found = await kv.get(keys.sync(proton.name))
        decision = decide(database, None, found)
        if decision.verdict is Verdict.FOREIGN:
            raise Refused(f"{proton.name}: {decision.reason}")
        done = (await kv.txn(Txn((_unchanged(keys.sync(proton.name), found),), (asked,)))).succeeded


async def outcome(proton: Proton, kv: Kv, progress: Callable[[int], None]) -> None:
    """Return once the repair that was asked for is done. Raises Refused where it waits to be forced."""
    while True:
        found = await kv.get(keys.sync(proton.name))
        if found is not None:
            said = msgspec.json.decode(found.value, type=Position)
            if said.refused:
                raise Refused(said.refused)
            if said.state == "complete":
                return
            progress(said.compared)
        await asyncio.sleep(_LOOK)
