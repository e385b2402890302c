# SPDX-License-Identifier: Apache-2.0
"""An independent look at etcd: within an incarnation of an object no revision falls, and what was deleted stays deleted.

It follows all members, and loads again where the watch cannot go on (etcd was wiped). What it has seen before counts on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gluon.kv.contract import Event, KeyValue, Kv, KvError
from gluon.particle import keys

_RETRY: Final = 0.2


@dataclass(slots=True)
class Seen:
    """The newest of each key, by incarnation, and whatever contradicted it."""

    last: dict[tuple[str, str], int] = field(default_factory=dict)
    deleted: set[tuple[str, str]] = field(default_factory=set)
    present: dict[str, str] = field(default_factory=dict)  # key -> incarnation
    faults: list[str] = field(default_factory=list)
    events: int = 0
    loads: int = 0

    def change(self, event: Event) -> None:
        """An event of the watch."""
        self.events += 1
        if event.type == "put":
            self.put(event.kv)
        elif incarnation := self.present.pop(event.kv.key, ""):
            self.deleted.add((event.kv.key, incarnation))

    def put(self, item: KeyValue) -> None:
        """A key as it stands."""
        value = json.loads(item.value)
        known = item.key, value["incarnation"]
        before = self.last.get(known, 0)
        if value["revision"] < before:
            self.faults.append(f"{item.key} fell from revision {before} to {value['revision']}")
        if known in self.deleted:
            self.faults.append(f"{item.key} came back after it was deleted, at revision {value['revision']}")
        self.last[known] = max(before, value["revision"])
        self.present[item.key] = value["incarnation"]

    def load(self, items: Iterable[KeyValue]) -> None:
        """All that is there, after a watch that could not go on."""
        self.loads += 1
        self.present.clear()
        for item in items:
            self.put(item)


class Watcher:
    """Runs until it is cancelled."""

    def __init__(self, kv: Kv) -> None:
        self.seen = Seen()
        self._kv = kv

    async def run(self) -> None:
        while True:
            try:
                items, revision = await everything(self._kv, keys.PROTONS)
                self.seen.load(items)
                async with contextlib.aclosing(self._kv.watch(keys.PROTONS, start=revision + 1)) as batches:
                    async for batch in batches:
                        for event in batch.events:
                            self.seen.change(event)
            except KvError:  # compacted, wiped, or away for longer than a call waits: look again at the whole
                await asyncio.sleep(_RETRY)


async def everything(kv: Kv, prefix: str) -> tuple[list[KeyValue], int]:
    """All keys with this prefix at one revision, and that revision. Raises KvError."""
    found: list[KeyValue] = []
    page = await kv.page(prefix)
    found += page.items
    revision = page.revision
    while page.more:
        page = await kv.page(prefix, after=found[-1].key, revision=revision)
        found += page.items
    return found, revision
