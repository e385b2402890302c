# SPDX-License-Identifier: Apache-2.0
"""One Proton's two sides, etcd and the database, compared in pages: bounded memory however many objects there are.

    candidates   database ─► etcd: missing or other there;  etcd ─► database: gone there
    examine      candidates read again, etcd before the database, so that what only seemed to differ drops out

Reads only. What waits in the change log is no difference: the relay will see to it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gluon.kv import paging
from gluon.kv.contract import Get, KeyValue, Kv, Txn
from gluon.model.schema import Object, Proton
from gluon.particle import keys
from gluon.store.contract import Change, Query, Reads, Record, Store
from gluon.sync.batching import Batching
from gluon.sync.naming import identifier, object_key
from gluon.sync.registering import foreign

SLICE: Final = 60  # objects that are read from etcd at a time: a port has two keys
_FEW: Final = 8  # objects that are looked up one by one


@dataclass(frozen=True, slots=True)
class Finding:
    """An object whose keys are not what they should be. ``record`` None: it is gone from the database.

    ``found`` is each of its keys as etcd has it, ``wanted`` those that should have another value.
    """

    object: Object
    id: Any
    record: Record | None
    found: dict[str, KeyValue | None]
    wanted: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Suspects:
    """Objects that seem to differ. ``after``: an identifier just before the first, where one is known; it only saves time.

    ``found``: their keys as etcd had them when they began to be suspected, where they were read.
    """

    object: Object
    ids: list[Any]
    after: Any = None
    found: dict[str, KeyValue | None] | None = None


class Comparison:
    """The sides of one Proton. ``progress`` is told now and again how many objects of either side were looked at so far."""

    def __init__(
        self, proton: Proton, kv: Kv, store: Store, batching: Batching, progress: Callable[[int], None] = lambda compared: None
    ) -> None:
        self._proton = proton
        self._kv = kv
        self._store = store
        self._batching = batching
        self._progress = progress
        self._compared = 0

    async def wanted(self) -> AsyncGenerator[Suspects, None]:
        """Objects that seem to be missing in etcd or to be other there; in the order of references."""
        for obj in self._proton.order:
            before: Any = None
            while records := await self._store.page(obj, Query({}, SLICE, before)):
                ids = [record[obj.identifier.name] for record in records]
                found = await self._read(obj, ids)
                differ = [id for id, record in zip(ids, records, strict=True) if self._other(Change(obj, id, record), found)]
                self._count(ids)
                if differ:
                    yield Suspects(obj, differ, before, found)
                before = ids[-1]
                if len(records) < SLICE:
                    break

    async def unwanted(self) -> AsyncIterator[Suspects]:
        """Objects that seem to be gone from the database but are in etcd; in the order of references reversed."""
        for obj in reversed(self._proton.order):
            async for page in paging.pages(self._kv, f"{keys.objects(self._proton.name)}{obj.name}/"):
                texts = [parts.id for kv in page if (parts := keys.parse_object(kv.key)) is not None]
                async for gone in self._gone(obj, texts):
                    yield gone
            if obj.is_port:
                async for page in paging.pages(self._kv, keys.PORTS):
                    texts = [
                        id
                        for kv in page
                        if _registered(kv.value).get("service") == self._proton.name
                        and (id := keys.parse_port(kv.key)) is not None
                    ]
                    async for gone in self._gone(obj, texts):
                        yield gone

    async def stray(self) -> AsyncIterator[list[KeyValue]]:
        """Keys below the Proton's prefix that no object of the model could have."""
        prefix = keys.objects(self._proton.name)
        async for directory in paging.leaps(self._kv, prefix, until="/"):
            obj = self._proton.by_name.get(directory)
            async for page in paging.pages(self._kv, f"{prefix}{directory}/"):
                if strays := [kv for kv in page if obj is None or not _fits(obj, kv.key)]:
                    yield strays

    async def total(self) -> int:
        """How many keys the Proton has in etcd."""
        return (await self._kv.page(keys.objects(self._proton.name), limit=1)).count

    async def read(self, suspects: Suspects) -> dict[str, KeyValue | None]:
        """These objects' keys as etcd has them."""
        return await self._read(suspects.object, suspects.ids)

    async def examine(self, suspects: Suspects, found: dict[str, KeyValue | None]) -> list[Finding]:
        """What really differs, given what etcd had before the database is read now."""
        obj, ids = suspects.object, suspects.ids
        records = await self._records(obj, ids, suspects.after)
        pending = await self._store.log.pending(obj, ids)
        findings = []
        for id, record in zip(ids, records, strict=True):
            own = {key: found.get(key) for key in _keys(obj, id)}
            if id in pending:
                continue
            if record is not None:
                if wanted := self._other(Change(obj, id, record), own):
                    findings.append(Finding(obj, id, record, own, wanted))
            elif any(kv is not None and not foreign(kv, self._proton.name) for kv in own.values()):
                findings.append(Finding(obj, id, None, own, {}))
        return findings

    def _other(self, change: Change, found: dict[str, KeyValue | None]) -> dict[str, bytes]:
        """The keys of the object that do not say what they should, with the value that they should have."""
        return {key: value for key, value in self._batching.values(change).items() if not _says(found[key], value)}

    async def _read(self, obj: Object, ids: Sequence[Any]) -> dict[str, KeyValue | None]:
        names = [key for id in ids for key in _keys(obj, id)]
        result = await self._kv.txn(Txn((), tuple(map(Get, names))), idempotent=True)
        return {key: kv if isinstance(kv, KeyValue) else None for key, kv in zip(names, result.responses, strict=True)}

    async def _records(self, obj: Object, ids: Sequence[Any], after: Any) -> list[Record | None]:
        """These objects' records. Most often they stand next to each other after ``after``: what a page there does not hold
        is looked up."""
        name = obj.identifier.name

        async def work(reads: Reads) -> list[Record | None]:
            page = await reads.page(obj, Query({}, len(ids), after)) if len(ids) > _FEW else ()
            known = {record[name]: record for record in page}
            return [known.get(id) or await reads.get(obj, id) for id in ids]

        return await self._store.read(work)

    async def _gone(self, obj: Object, texts: Sequence[str]) -> AsyncIterator[Suspects]:
        ids = [id for text in texts if (id := identifier(obj, text)) is not None]
        for start in range(0, len(ids), SLICE):
            part, before = ids[start : start + SLICE], ids[start - 1] if start else None
            records = await self._records(obj, part, before)
            self._count(part)
            if gone := [id for id, record in zip(part, records, strict=True) if record is None]:
                yield Suspects(obj, gone)

    def _count(self, ids: Sequence[Any]) -> None:
        self._compared += len(ids)
        self._progress(self._compared)


def _says(found: KeyValue | None, wanted: bytes) -> bool:
    """Whether a key says what it should. Which server a port is registered with is as good as any other."""
    if found is None or found.value == wanted:
        return found is not None
    return found.key.startswith(keys.PORTS) and _registered(found.value) == _registered(wanted)


def _registered(value: bytes) -> dict[str, Any]:
    """What a registration says but for the URL; nothing where it cannot be read."""
    try:
        said = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return {}
    return {name: of for name, of in said.items() if name != "url"} if isinstance(said, dict) else {}


def _keys(obj: Object, id: Any) -> tuple[str, ...]:
    """The keys that the relay writes of an object."""
    key = object_key(obj, id)
    return (key, keys.port(str(id))) if obj.is_port else (key,)


def _fits(obj: Object, key: str) -> bool:
    parts = keys.parse_object(key)
    return parts is not None and (id := identifier(obj, parts.id)) is not None and object_key(obj, id) == key
