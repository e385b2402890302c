# SPDX-License-Identifier: Apache-2.0
"""The state of the etcd cluster in memory: keys, their history, leases. Synchronous, without clocks or faults.

A change of revision r:  versions[key] += KeyValue   events += (r, events of r)   listeners are called
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gluon.kv import limits
from gluon.kv.contract import (
    Compacted,
    Compare,
    Delete,
    Event,
    Get,
    KeyValue,
    LeaseLost,
    Op,
    Page,
    Put,
    Txn,
    TxnResult,
)


@dataclass(frozen=True, slots=True)
class _Decided:
    """A transaction whose conditions have been looked at: all of them are, at every level, before anything is done."""

    succeeded: bool
    ops: tuple[Put | Delete | Get | _Decided, ...]


class Ledger:
    """What a cluster knows. ``listeners`` are called after every change, including compaction and wiping."""

    def __init__(self) -> None:
        self.listeners: set[Callable[[], None]] = set()
        self.incarnation = 0
        self._last_lease = 0
        self._clear()

    def _clear(self) -> None:
        self.revision = 1
        self.compacted = 0
        self._keys: list[str] = []
        self._versions: dict[str, list[KeyValue]] = {}
        self._event_revisions: list[int] = []
        self._events: list[tuple[Event, ...]] = []
        self._leases: dict[int, set[str]] = {}

    # Reading

    def get(self, key: str, revision: int = 0) -> KeyValue | None:
        """The key as it stood at the revision (0: now)."""
        for version in reversed(self._versions.get(key, ())):
            if not revision or version.mod_revision <= revision:
                return version if version.version else None
        return None

    def page(self, prefix: str, after: str | None, limit: int, revision: int) -> Page:
        """See Kv.page."""
        if revision and (revision < self.compacted or revision > self.revision):
            raise Compacted(self.compacted)
        found = [kv for key in self._under(prefix, after) if (kv := self.get(key, revision))]
        more = 0 < limit < len(found)
        return Page(tuple(found[:limit] if more else found), revision or self.revision, more, len(found))

    def _under(self, prefix: str, after: str | None = None) -> Iterator[str]:
        first = prefix if after is None else after + "\0"
        for key in self._keys[bisect_left(self._keys, first) :]:
            if not key.startswith(prefix):
                return
            yield key

    def events(self, prefix: str, start: int) -> Iterator[tuple[int, tuple[Event, ...]]]:
        """The events of keys under the prefix from revision ``start`` on, by revision. Raises Compacted."""
        if start < self.compacted:
            raise Compacted(self.compacted)
        first = bisect_left(self._event_revisions, start)
        for revision, events in zip(self._event_revisions[first:], self._events[first:], strict=True):
            if matching := tuple(event for event in events if event.kv.key.startswith(prefix)):
                yield revision, matching

    # Writing

    def txn(self, txn: Txn) -> TxnResult:
        """Do it. Raises KvRefused and LeaseLost, and has then done nothing."""
        limits.check(txn)
        decided = self._decide(txn)
        writes = False
        for op in _flat(decided):
            if isinstance(op, Put):
                if op.lease and op.lease not in self._leases:
                    raise LeaseLost("etcdserver: requested lease not found")
                writes = True
            elif isinstance(op, Delete):
                writes = writes or any(self._matching(op))
        events: list[Event] = []
        result = self._run(decided, self.revision + writes, events)
        self._record(events)
        return result

    def _decide(self, txn: Txn) -> _Decided:
        succeeded = all(self._holds(compare) for compare in txn.compare)
        ops = txn.success if succeeded else txn.failure
        return _Decided(succeeded, tuple(self._decide(op) if isinstance(op, Txn) else op for op in ops))

    def _holds(self, compare: Compare) -> bool:
        kv = self.get(compare.key)
        if compare.target == "value":
            if kv is None:
                return False
            return _compare(kv.value, compare.result, compare.operand)
        absent = KeyValue(compare.key, b"", 0, 0, 0)
        field = {"create": "create_revision", "mod": "mod_revision"}.get(compare.target, compare.target)
        return _compare(getattr(kv or absent, field), compare.result, compare.operand)

    def _run(self, decided: _Decided, revision: int, events: list[Event]) -> TxnResult:
        responses: list[KeyValue | int | TxnResult | None] = []
        for op in decided.ops:
            match op:
                case Put():
                    events.append(self._put(op, revision))
                    responses.append(None)
                case Delete():
                    gone = [self._remove(key, revision) for key in self._matching(op)]
                    events.extend(gone)
                    responses.append(len(gone))
                case Get():
                    responses.append(self.get(op.key))
                case _Decided():
                    responses.append(self._run(op, revision, events))
        return TxnResult(decided.succeeded, revision, tuple(responses))

    def _matching(self, delete: Delete) -> list[str]:
        keys = self._under(delete.key) if delete.prefix else iter((delete.key,))
        return [key for key in keys if self.get(key)]

    def _put(self, put: Put, revision: int) -> Event:
        old = self.get(put.key)
        self._detach(old)
        created = old.create_revision if old else revision
        version = old.version + 1 if old else 1
        kv = KeyValue(put.key, put.value, created, revision, version, put.lease)
        if put.lease:
            self._leases[put.lease].add(put.key)
        if put.key not in self._versions:
            insort(self._keys, put.key)
        self._versions.setdefault(put.key, []).append(kv)
        return Event("put", kv)

    def _remove(self, key: str, revision: int) -> Event:
        self._detach(self.get(key))
        gone = KeyValue(key, b"", 0, revision, 0)
        self._versions[key].append(gone)
        return Event("delete", gone)

    def _detach(self, kv: KeyValue | None) -> None:
        if kv and kv.lease:
            self._leases[kv.lease].discard(kv.key)

    def _record(self, events: list[Event]) -> None:
        if events:
            self.revision += 1
            self._event_revisions.append(self.revision)
            self._events.append(tuple(events))
            self.notify()

    def notify(self) -> None:
        """Tell the listeners that something may have changed."""
        for listener in tuple(self.listeners):
            listener()

    # Leases

    def grant(self) -> int:
        """A new lease's id. When it ends is the business of whoever has a clock."""
        self._last_lease += 1
        self._leases[self._last_lease] = set()
        return self._last_lease

    def has_lease(self, lease: int) -> bool:
        return lease in self._leases

    def end_lease(self, lease: int) -> None:
        """Expired or revoked: its keys are deleted in one revision."""
        keys = sorted(self._leases.get(lease, ()))
        events = [self._remove(key, self.revision + 1) for key in keys]
        self._leases.pop(lease, None)
        self._record(events)

    # History

    def compact(self, revision: int) -> None:
        """Forget what was before the revision. Raises Compacted where that has been done."""
        if not self.compacted < revision <= self.revision:
            raise Compacted(self.compacted)
        self.compacted = revision
        first = bisect_left(self._event_revisions, revision)
        del self._event_revisions[:first], self._events[:first]
        for key, versions in tuple(self._versions.items()):
            old = sum(1 for kv in versions if kv.mod_revision <= revision)
            del versions[: max(old - 1, 0)]
            if len(versions) == 1 and not versions[0].version and versions[0].mod_revision <= revision:
                del self._versions[key]
                self._keys.remove(key)
        self.notify()

    def wipe(self) -> None:
        """Another, empty cluster stands at the same address."""
        self._clear()
        self.incarnation += 1
        self.notify()


def _flat(decided: _Decided) -> Iterator[Op]:
    for op in decided.ops:
        if isinstance(op, _Decided):
            yield from _flat(op)
        else:
            yield op


def _compare(left: int | bytes, result: str, right: int | bytes) -> bool:
    if result == "=":
        return left == right
    if result == "!=":
        return left != right
    below = left < right  # type: ignore[operator]
    return below if result == "<" else not below and left != right
