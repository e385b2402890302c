# SPDX-License-Identifier: Apache-2.0
"""What a database server must be able to do for the pooled engine: a thin seam over its driver.

A driver knows the wire and the words of its errors; it knows no table of Gluon's. Everything else (groups, repetition,
pools, what a violated constraint means) is written once, over this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import sqlalchemy as sa

Row = Sequence[Any]


class DatabaseError(Exception):
    """Base of what a connection raises. The text is for people: what the database said."""


class Violation(DatabaseError):
    """A constraint stands in the way. ``constraint`` is its name (or ``PRIMARY``), as far as the database says it."""

    def __init__(self, text: str, kind: Literal["unique", "reference"], constraint: str, table: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.constraint = constraint
        self.table = table


class Undone(DatabaseError):
    """The database ended the whole transaction and kept nothing of it: deadlock, serialization, certification, a lock that
    took too long, a transaction left idle. The connection is as good as before (or ``alive`` says no). May be run again."""


class Lost(DatabaseError):
    """The connection is gone. Raised by ``commit``: whether it was committed is not known."""


class Refused(DatabaseError):
    """The database refuses for a reason of its own: disk full, read-only, not ready, no such table, a value out of range."""


class Unstorable(DatabaseError):
    """A value that no column can hold: an integer beyond 64 bits, a lone surrogate, a NUL in text, too long a text."""


class Connection(Protocol):
    """One connection, used by one task at a time. Every method raises DatabaseErrors only.

    Reads outside a transaction are statements of their own.
    """

    @property
    def alive(self) -> bool:
        """Whether it can be used again."""
        ...

    @property
    def optimistic(self) -> bool:
        """Whether locks are this server's alone: others of its cluster learn at COMMIT what was changed, and never what was only
        locked."""
        ...

    async def fetch(self, sql: str, parameters: Row = ()) -> list[Row]:
        """All rows of one statement (none for one that returns none)."""
        ...

    async def many(self, sql: str, rows: Sequence[Row]) -> None:
        """The same statement for each of these rows, in as few round trips as the wire allows."""
        ...

    async def begin(self) -> None:
        """A transaction that writes: READ COMMITTED; it locks what it must."""
        ...

    async def snapshot(self) -> None:
        """A transaction that reads only, on one snapshot, which holds all that was committed before (on a cluster too)."""
        ...

    async def commit(self) -> None:
        """Raises Undone where the database says that nothing was kept, Lost where nobody knows."""
        ...

    async def rollback(self) -> None:
        """End the transaction; does not raise: a connection that cannot roll back is not ``alive`` any more."""
        ...

    async def close(self) -> None:
        """End it, whatever it is doing; does not raise."""
        ...


class Driver(Protocol):
    """Makes connections to one database."""

    @property
    def name(self) -> Literal["postgresql", "mariadb"]:
        """As ``gluon.particle.tables.sql`` knows it."""
        ...

    @property
    def dialect(self) -> sa.Dialect:
        """For compiling statements; its parameters are positional."""
        ...

    @property
    def place(self) -> str:
        """The database without its password, for messages: ``postgresql://gluon@10.0.0.1/gluon``."""
        ...

    async def connect(self) -> Connection:
        """A new connection, prepared (isolation, limits on idle transactions, time-outs). Raises Lost or Refused, with a reason
        that a person can act on."""
        ...
