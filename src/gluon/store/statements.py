# SPDX-License-Identifier: Apache-2.0
"""SQL as a driver takes it: made by SQLAlchemy once, bound to values many times; and JSON as columns hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def to_json(value: Any) -> str | None:
    """A list, structure or object as it is stored."""
    return None if value is None else _encode(value).decode()


def from_json(text: str | None) -> Any:
    """A list, structure or object as it was stored."""
    return None if text is None else _decode(text)


def to_bool(value: Any) -> bool | None:
    """A boolean as a database without booleans returns it."""
    return None if value is None else bool(value)


def param(name: str) -> sa.BindParameter[Any]:
    """A parameter of a statement."""
    return sa.bindparam(name)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for one driver. ``names`` are its parameters in order; ``constants`` the values that SQLAlchemy put in itself."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters in the driver's order."""
        return tuple(values[n] if n in values else self.constants[n] for n in self.names)


def compiled(statement: sa.ClauseElement, dialect: sa.Dialect) -> Statement:
    """Compile a statement whose parameters are positional in this dialect."""
    result: Any = statement.compile(dialect=dialect)
    given = {k: v for k, v in result.params.items() if v is not None}
    return Statement(result.string, tuple(result.positiontup or ()), given)
