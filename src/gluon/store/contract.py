# SPDX-License-Identifier: Apache-2.0
"""What a database must do for Gluon: a seam with one contract suite for all of them.

    verbs (objects, ports, binding)    what the API means: written once, over Tx
    ───────────────────────────────
    Store · Reads · Tx · ChangeLog     this file
    ───────────────────────────────
    sqlite  (postgresql, mariadb)      statements compiled once, run raw, commits in groups

A *record* is a dict from column name to value: all attributes of the object in the model's order, the bookkeeping columns
(revision, generation, incarnation, created_at, updated_at) and, for a port, binding_id. Values are what JSON would hold:
str, int, float, bool, None, list, dict; times are RFC 3339 text in UTC with microseconds and Z.

A unit of work is an async function of a transaction. It may be run again from its start (after a deadlock, say), so it
must have no effect but through the transaction. An engine that is synchronous inside (SQLite) drives it without ever
suspending it: work awaits nothing but the methods of its transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from gluon.model.schema import Attribute, Object

T = TypeVar("T")
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """A page of a list: records whose attributes equal ``where`` and are each one of those values ``among`` (None matches
    null), in the order of the identifier, after the identifier ``after``, at most ``limit``."""

    where: Mapping[str, Any]
    limit: int
    after: Any = None
    among: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Referrer:
    """An object that refers to another: through which of its attributes (a reference or a list of references)."""

    object: Object
    id: Any
    attribute: Attribute


class Reads(Protocol):
    """Reads on one consistent snapshot."""

    async def get(self, obj: Object, id: Any) -> Record | None: ...

    async def page(self, obj: Object, query: Query) -> list[Record]: ...

    async def carried(self, binding: Object, ports: Sequence[Any]) -> list[tuple[Any, Record]]:
        """The service bindings of this kind on the interfaces of these ports, each behind the identifier of its port."""
        ...


class Tx(Reads, Protocol):
    """One transaction. ``insert`` and ``update`` take complete and partial records; neither writes a change row by itself."""

    async def insert(self, obj: Object, record: Record) -> None:
        """Raises Conflict naming the attributes (and where it can the object) in the way: same identifier, same unique value.

        The identifiers of ports are unique among the ports of all Protons: Gluon lists them as ``/gluon/port/<id>``.
        """
        ...

    async def update(self, obj: Object, id: Any, values: Mapping[str, Any]) -> None:
        """Sets these columns. Raises Conflict as insert does."""
        ...

    async def delete(self, obj: Object, id: Any) -> None:
        """Removes the row (and what the tables keep of its lists). The caller has looked for referrers."""
        ...

    async def lock(self, obj: Object, id: Any) -> Record | None:
        """get, and no other transaction changes or deletes it before this one ends."""
        ...

    async def hold(self, obj: Object, id: Any) -> Record | None:
        """get, and no other transaction deletes it before this one ends; many may hold it at once."""
        ...

    async def referrers(self, obj: Object, id: Any, limit: int = 10) -> list[Referrer]:
        """The objects that refer to this one; those of one attribute together."""
        ...

    async def referring(self, obj: Object, attribute: Attribute, target: Any) -> list[Record]:
        """Every record of ``obj`` whose ``attribute`` refers to ``target``."""
        ...

    async def free_value(self, obj: Object, attribute: Attribute) -> int | None:
        """A value between the attribute's min and max that no record has; None where all are taken."""
        ...

    async def log_change(self, obj: Object, id: Any) -> None:
        """Add a change row for this object, in this transaction."""
        ...


@dataclass(frozen=True, slots=True)
class SyncMark:
    """How far a Proton's keys in etcd are, as the database recorded it: the last batch that was sent in this epoch."""

    epoch: str
    batch: int


@dataclass(frozen=True, slots=True)
class Change:
    """What is now of a key that changed: a record, or None where the object is gone."""

    object: Object
    id: Any
    record: Record | None


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """Changes of one Proton, one per key, in the order in which the keys last changed, with the rows that named them."""

    proton: str
    rows: tuple[int, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be sent: how many change rows, and the age of the oldest in seconds (0.0 where there are none).

    The age is by this process's monotonic clock where it saw the row come, and by what the row says where that is longer and
    it did not.
    """

    rows: int
    age: float


@dataclass(frozen=True, slots=True)
class StuckKey:
    """A change that etcd refused for good and that was set aside."""

    proton: str
    object: str
    id: str
    reason: str
    since: str


class ChangeLog(Protocol):
    """The relay's side of the store: of its Protons alone. What a database holds of others is neither counted nor changed."""

    async def database_id(self) -> str:
        """A UUID that the database was given when its tables were made."""
        ...

    async def take(self, proton: str, limit: int) -> ChangeBatch:
        """Read up to ``limit`` change rows and the objects they name, in one snapshot. Removes nothing."""
        ...

    async def settle(self, batch: ChangeBatch, mark: SyncMark) -> None:
        """In one transaction: delete exactly the batch's rows, record the mark, forget that keys in ``changes`` were set aside.

        A change that was set aside is left out of ``changes`` by the caller; its rows stay in ``rows``. Where the first row is
        gone, another relay has settled it (this one was deposed and does not know it yet): then nothing is done.
        """
        ...

    async def mark(self, proton: str) -> SyncMark | None: ...

    async def set_mark(self, proton: str, mark: SyncMark) -> None: ...

    async def pending(self, obj: Object, ids: Sequence[Any]) -> set[Any]:
        """Which of these ids have change rows now."""
        ...

    async def backlog(self) -> Backlog: ...

    async def set_aside(self, change: Change, reason: str) -> None:
        """Remember that etcd refuses this key; a newer change of it takes its place (settle clears it when the key is sent)."""
        ...

    async def stuck(self) -> list[StuckKey]: ...

    async def retry_stuck(self, only: Collection[StuckKey] | None = None) -> int:
        """Log a change for every key set aside, or for these of them, and forget that it was; returns how many."""
        ...

    def on_change(self, notify: Callable[[Set[str]], None]) -> None:
        """Call ``notify`` on the event loop after each commit that logged changes, with the Protons they are of. Several may be
        added."""
        ...


class Store(Protocol):
    """A database with the tables of some Protons (the newest version of each)."""

    @property
    def log(self) -> ChangeLog: ...

    async def get(self, obj: Object, id: Any) -> Record | None:
        """The committed record, at the least cost the engine can do."""
        ...

    async def page(self, obj: Object, query: Query) -> list[Record]: ...

    async def read(self, work: Callable[[Reads], Awaitable[T]]) -> T:
        """Run ``work`` on one snapshot."""
        ...

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction shared with others (group commit) and return its result once COMMIT has succeeded.

        An error that ``work`` raises undoes it alone, and comes back as it is. Raises Unavailable where the database fails or
        the outcome of the commit is not known.
        """
        ...

    async def ready(self) -> None:
        """Return if the database can be written; raises Unavailable with the reason otherwise."""
        ...

    async def close(self) -> None:
        """Finish what runs, refuse what comes after."""
        ...
