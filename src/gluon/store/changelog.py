# SPDX-License-Identifier: Apache-2.0
"""The relay's side of a database, for every engine.

A change row names a key. ``take`` reads rows and the objects as they are now in one snapshot; ``settle`` deletes exactly those
rows. Row ids are never used twice, and rows are taken from the oldest on: where the first of a batch is gone, another relay has
taken over and settled it, and nothing that this one says counts any more. ``settle`` locks that first row, so that of two
relays that settle at once one sees what the other did.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Awaitable, Callable, Collection, Sequence, Set
from typing import Any, Protocol, TypeVar

from gluon.model.schema import Object
from gluon.model.types import Integer, Reference
from gluon.store.aging import Aging
from gluon.store.conditions import packed
from gluon.store.contract import Backlog, Change, ChangeBatch, StuckKey, SyncMark
from gluon.store.logplans import DROPPED, PENDING, LogPlans
from gluon.store.plans import Plans
from gluon.store.transactions import RowReads, RowTx, chunks

T = TypeVar("T")


class _Read(Protocol):
    async def __call__(self, work: Callable[[RowReads], Awaitable[T]]) -> T: ...


class _Write(Protocol):
    async def __call__(self, work: Callable[[RowTx], Awaitable[T]]) -> T: ...


class RowChangeLog:
    """See ``gluon.store.contract.ChangeLog``."""

    def __init__(self, read: _Read, write: _Write, plans: Plans, log: LogPlans) -> None:
        self._read = read
        self._write = write
        self._plans = plans
        self._log = log
        self._notified: list[Callable[[Set[str]], None]] = []
        self._aging = Aging()

    def on_change(self, notify: Callable[[Set[str]], None]) -> None:
        """See the contract."""
        self._notified.append(notify)

    def changed(self, protons: Set[str]) -> None:
        """A commit logged changes of these: tell who wants to know. Runs on the event loop."""
        for notify in self._notified:
            notify(protons)

    async def database_id(self) -> str:
        """See the contract."""

        async def work(tx: RowReads) -> str:
            return str((await tx.run(self._log.get_meta, {"name": "database"}))[0][0])

        return await self._read(work)

    async def take(self, proton: str, limit: int) -> ChangeBatch:
        """See the contract."""
        objects = self._plans.protons[proton].by_name

        async def work(tx: RowReads) -> ChangeBatch:
            rows = await tx.run(self._log.take, {"proton": proton, "limit": limit})
            last: dict[tuple[str, str], None] = {}
            for _, name, id in rows:
                last.pop((name, id), None)
                last[name, id] = None
            # An object that the model has no more has no key that is ours: its rows are settled with the others.
            known = [(objects[name], identifier(objects[name], id)) for name, id in last if name in objects]
            wanted: dict[Object, list[Any]] = {}
            for obj, id in known:
                wanted.setdefault(obj, []).append(id)
            records = {obj: await tx.several(obj, ids) for obj, ids in wanted.items()}
            changes = tuple(Change(obj, id, records[obj].get(id)) for obj, id in known)
            return ChangeBatch(proton, tuple(row[0] for row in rows), changes)

        return await self._read(work)

    async def settle(self, batch: ChangeBatch, mark: SyncMark) -> None:
        """See the contract. What is in ``batch.changes`` counts as sent."""

        async def work(tx: RowTx) -> None:
            if batch.rows and not await tx.run(self._log.find, {"id": batch.rows[0]}):
                return
            for part in chunks(batch.rows, DROPPED):
                await tx.run(self._log.drop, {f"id{n}": id for n, id in enumerate(part)})
            if await tx.run(self._log.stuck, {}):
                for change in batch.changes:
                    await tx.run(self._log.drop_stuck, _key(change))
            await self._set_mark(tx, batch.proton, mark)

        await self._write(work)

    async def mark(self, proton: str) -> SyncMark | None:
        """See the contract."""

        async def work(tx: RowReads) -> SyncMark | None:
            rows = await tx.run(self._log.get_mark, {"proton": proton})
            return SyncMark(*rows[0]) if rows else None

        return await self._read(work)

    async def set_mark(self, proton: str, mark: SyncMark) -> None:
        """See the contract."""

        async def work(tx: RowTx) -> None:
            await self._set_mark(tx, proton, mark)

        await self._write(work)

    async def pending(self, obj: Object, ids: Sequence[Any]) -> set[Any]:
        """See the contract."""

        async def work(tx: RowReads) -> set[Any]:
            found: set[Any] = set()
            for part in chunks([str(id) for id in ids], PENDING):
                wanted = {f"id{n}": id for n, id in enumerate(part)}
                rows = await tx.run(self._log.pending, {"proton": obj.proton, "object": obj.name, **wanted})
                found.update(identifier(obj, row[0]) for row in rows)
            return found

        return await self._read(work)

    async def backlog(self) -> Backlog:
        """See the contract."""
        protons = packed(list(self._plans.protons), self._plans.dialect)

        async def work(tx: RowReads) -> Backlog:
            ((rows, at, oldest, newest),) = await tx.run(self._log.backlog, {"protons": protons})
            if not rows:
                self._aging.empty()
                return Backlog(0, 0.0)
            return Backlog(rows, self._aging.seen(oldest, newest, time.time() - at / 1000))

        return await self._read(work)

    async def set_aside(self, change: Change, reason: str) -> None:
        """See the contract."""
        since = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

        async def work(tx: RowTx) -> None:
            await tx.run(self._log.drop_stuck, _key(change))
            await tx.run(self._log.add_stuck, {**_key(change), "reason": reason, "since": since})

        await self._write(work)

    async def stuck(self) -> list[StuckKey]:
        """See the contract."""

        async def work(tx: RowReads) -> list[StuckKey]:
            return await self._stuck(tx)

        return await self._read(work)

    async def retry_stuck(self, only: Collection[StuckKey] | None = None) -> int:
        """See the contract."""

        async def work(tx: RowTx) -> int:
            keys = [key for key in await self._stuck(tx) if only is None or key in only]
            for key in keys:
                objects = self._plans.protons[key.proton].by_name
                if key.object in objects:
                    await tx.log_change(objects[key.object], key.id)
                await tx.run(self._log.drop_stuck, {"proton": key.proton, "object": key.object, "object_id": key.id})
            return len(keys)

        return await self._write(work)

    async def _stuck(self, tx: RowReads) -> list[StuckKey]:
        keys = [StuckKey(*row) for row in await tx.run(self._log.stuck, {})]
        return [key for key in keys if key.proton in self._plans.protons]

    async def _set_mark(self, tx: RowTx, proton: str, mark: SyncMark) -> None:
        await tx.run(self._log.drop_mark, {"proton": proton})
        await tx.run(self._log.add_mark, {"proton": proton, "epoch": mark.epoch, "batch": mark.batch})


def probing(log: LogPlans) -> Callable[[RowTx], Awaitable[None]]:
    """A unit of work that writes something, and nothing that matters."""

    async def work(tx: RowTx) -> None:
        await tx.run(log.set_meta, {"key": "probed", "new": str(time.time_ns())})

    return work


def identifier(obj: Object, text: str) -> Any:
    """An identifier as it is in a record, from its text in the change log."""
    kind = obj.identifier.type
    if isinstance(kind, Reference):
        kind = kind.key
    return int(text) if isinstance(kind, Integer) else text


def _key(change: Change) -> dict[str, str]:
    return {"proton": change.object.proton, "object": change.object.name, "object_id": str(change.id)}
