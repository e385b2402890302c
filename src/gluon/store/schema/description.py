# SPDX-License-Identifier: Apache-2.0
"""What a database has, in words that are the same for SQLite, PostgreSQL and MariaDB: frozen values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["integer", "bigint", "double", "boolean", "text", "other"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column can hold. ``length``: of text, in characters; None is any. ``ascii``: text that holds no other character.

    ``said`` is the database's own word, for messages; two kinds are equal whatever it is.
    """

    family: Family
    length: int | None = None
    ascii: bool = False
    said: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.said or self.family

    def holds(self, other: Kind) -> bool:
        """Whether every value of the other kind fits here, stored in the same way."""
        if self.family == "text" and other.family == "text":
            longer = self.length is None or (other.length is not None and self.length >= other.length)
            return longer and not (self.ascii and not other.ascii)
        if self.family == "bigint":
            return other.family in ("bigint", "integer")
        return self.family == other.family != "other"

    def joined(self, other: Kind) -> Kind | None:
        """The least kind that holds both; None where there is none that stores both in the same way."""
        if self.holds(other):
            return self
        if other.holds(self):
            return other
        if self.family == other.family == "text":
            unbounded = self.length is None or other.length is None
            return Kind("text", None if unbounded else max(self.length or 0, other.length or 0), self.ascii and other.ascii)
        return None


@dataclass(frozen=True, slots=True)
class Column:
    """``default``: SQL, as the database or the model writes it. ``type``: how a wanted column is made; it may hold more than the
    ``kind`` that it must."""

    name: str
    kind: Kind
    nullable: bool = True
    default: str | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """An index beside the primary key's. ``ready``: False where making it was interrupted."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    ready: bool = True


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """``checked``: False where rows that were there before it may dangle."""

    name: str
    columns: tuple[str, ...]
    table: str
    pointed: tuple[str, ...]
    cascades: bool = False
    checked: bool = True

    @property
    def meaning(self) -> tuple[object, ...]:
        """What two foreign keys share that differ by name only."""
        return self.columns, self.table, self.pointed, self.cascades


@dataclass(frozen=True, slots=True)
class Table:
    """``key`` names the columns of the primary key."""

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()


Tables = Mapping[str, Table]
