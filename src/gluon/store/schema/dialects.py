# SPDX-License-Identifier: Apache-2.0
"""The three dialects as plans are written in them: SQL that stands for itself, without parameters."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from gluon.particle.quoting import quoting

_MODULES: Final[dict[str, Any]] = {"sqlite": sqlite, "postgresql": postgresql, "mariadb": mysql}


def dialect(name: str) -> sa.Dialect:
    """The dialect that ``gluon.particle.tables.sql`` calls so. With parameters of another style it would double each % in a
    literal."""
    made: Any = _MODULES[name].dialect(paramstyle="qmark")
    if name == "mariadb":
        made.is_mariadb, made.name = True, name
    quoting(made)
    return made  # type: ignore[no-any-return]


def quoted(name: str, dialect: sa.Dialect) -> str:
    """A name as a statement writes it."""
    return dialect.identifier_preparer.quote(name)


def literal(text: str, dialect: sa.Dialect) -> str:
    """A text as a statement writes it."""
    doubled = text.replace("'", "''")
    return f"'{doubled.replace(chr(92), chr(92) * 2)}'" if dialect.name == "mariadb" else f"'{doubled}'"
