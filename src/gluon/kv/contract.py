# SPDX-License-Identifier: Apache-2.0
"""What the rest of Gluon needs of etcd (v3), as a seam with two implementations and one contract suite.

``gluon.kv.etcd`` speaks to a cluster; ``gluon.kv.memory`` is its twin for unit tests. Keys are text, values are bytes;
revisions are the cluster's. Everything above decides in values (``Compare``, ``Put``, ``Txn``); here only I/O happens.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from gluon.errors import GluonError

MAX_TXN_OPS = 128
MAX_REQUEST_BYTES = 1_500_000


class KvError(GluonError):
    """Base of what can go wrong with etcd."""


class KvUnavailable(KvError):
    """No member answered in time. Whether a write took effect is not known."""


class KvRefused(KvError):
    """etcd refuses this request and will refuse it again: too large, too many operations; or (``whole``) any, until its
    operator sees to it: no space, no such user, no right."""

    def __init__(self, detail: str, *, whole: bool = False) -> None:
        super().__init__(detail)
        #: True where the refusal is of the whole cluster or user (NOSPACE, auth, rights), not of what was sent.
        self.whole = whole


class Compacted(KvError):
    """The revision asked for has been compacted, or was never this cluster's: load a snapshot and go on from there.

    ``revision`` is the oldest that is left, or 0 where etcd did not say.
    """

    def __init__(self, revision: int) -> None:
        super().__init__(f"etcd no longer has the history asked for (compacted at revision {revision or 'unknown'})")
        self.revision = revision


class LeaseLost(KvError):
    """The lease has expired or was revoked."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as it stood at some revision."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a range, in the order of keys, all as of ``revision`` (the cluster's revision where none was asked for).

    ``count`` is how many keys there are from this page's beginning on, whatever its limit.
    """

    items: tuple[KeyValue, ...]
    revision: int
    more: bool
    count: int


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one key. For a deletion ``value`` is empty and ``create_revision`` 0."""

    type: Literal["put", "delete"]
    kv: KeyValue


@dataclass(frozen=True, slots=True)
class WatchBatch:
    """Events in order; all of a revision's events are in one batch. Every change up to ``revision`` has been seen.

    A batch with no events only tells progress.
    """

    events: tuple[Event, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition of a transaction on one key. An absent key has create, mod, version and lease 0;
    no comparison of its value holds."""

    key: str
    target: Literal["create", "mod", "version", "value", "lease"]
    result: Literal["=", "!=", "<", ">"]
    operand: int | bytes


@dataclass(frozen=True, slots=True)
class Put:
    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete ``key``, or every key that starts with it where ``prefix``."""

    key: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    key: str


@dataclass(frozen=True, slots=True)
class Txn:
    """All of ``compare`` holds ? ``success`` : ``failure``, atomically. Nests; counts at most MAX_TXN_OPS on each path."""

    compare: tuple[Compare, ...]
    success: tuple[Op, ...]
    failure: tuple[Op, ...] = ()


Op = Put | Delete | Get | Txn


@dataclass(frozen=True, slots=True)
class TxnResult:
    """``responses`` has an entry for each operation of the branch taken: for Get the key or None, for Delete the count,
    for Put None, for Txn its TxnResult."""

    succeeded: bool
    revision: int
    responses: tuple[KeyValue | int | TxnResult | None, ...]


class Lease(Protocol):
    """A lease that is kept alive in the background until it is revoked or lost."""

    @property
    def id(self) -> int: ...

    @property
    def alive(self) -> bool:
        """False from the moment its holder must assume that it may have expired (by its own monotonic clock)."""
        ...

    async def lost(self) -> None:
        """Return once the lease is no longer alive."""
        ...

    async def revoke(self) -> None:
        """Give it up; its keys are deleted. No error where it has gone already or etcd cannot be reached."""
        ...


class Kv(Protocol):
    """A connection to etcd. Each call retries other members within its time limit and raises KvUnavailable after it.

    Reads are linearizable. A put, delete or txn whose outcome is not known is repeated on another member only where
    that cannot do harm (``idempotent``, the default for put and delete; for a txn the caller says).
    """

    async def get(self, key: str) -> KeyValue | None: ...

    async def page(self, prefix: str, *, after: str | None = None, limit: int = 1000, revision: int = 0) -> Page:
        """The keys that start with ``prefix``, after the key ``after``; ``revision`` 0 is now. Raises Compacted."""
        ...

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Returns the revision."""
        ...

    async def delete(self, key: str, *, prefix: bool = False) -> int:
        """Returns how many keys were deleted."""
        ...

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult: ...

    def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        """Follow the keys that start with ``prefix`` from revision ``start`` on (0: from now).

        The first batch comes at once and has no events; it says that the watch stands. Survives lost members and
        connections by resuming after the last revision seen; a stream that is silent 2 s after a progress request is
        reopened on another member.
        Raises Compacted when it cannot resume without a gap. Close it with ``aclose()``.
        """
        ...

    async def lease(self, ttl: float) -> Lease:
        """Grant a lease of ``ttl`` seconds and keep it alive."""
        ...

    async def revoke(self, lease: int) -> None:
        """End a lease that another holder left behind; its keys are deleted. No error where it has gone already."""
        ...

    async def revision(self) -> int:
        """The cluster's revision, from a linearizable read; raises KvUnavailable where it has no quorum."""
        ...

    async def close(self) -> None: ...
