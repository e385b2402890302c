# SPDX-License-Identifier: Apache-2.0
"""Where ``postgresql://user:password@host:port/database?host=other:port`` leads, and how asyncpg is told."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.settings import Database
from gluon.store.places import hosts, place, tls

_PORT: Final = 5432
#: What may stand after the ``?``.
_QUERY: Final = ("host", "sslmode")


@dataclass(frozen=True, slots=True)
class Target:
    """``place`` for messages; the hosts with their ports, in order; the other ``options`` for asyncpg.connect."""

    place: str
    hosts: Sequence[tuple[str, int]]
    options: Mapping[str, Any]


def target(url: sa.URL, settings: Database) -> Target:
    """Raises SettingsError where the URL or the files for TLS are wrong."""
    for name in url.query:
        if name not in _QUERY:
            raise SettingsError(
                f"[database] connection: unknown option {name!r}; a postgresql:// URL may have {', '.join(_QUERY)}"
            )
    if not url.database:
        raise SettingsError("[database] connection: the URL names no database; expected postgresql://user:password@host/database")
    context: ssl.SSLContext | str | None = tls(settings)
    options: dict[str, Any] = {
        "database": url.database,
        "ssl": context or url.query.get("sslmode", "prefer"),
    }
    if url.username:
        options["user"] = url.username
    if url.password:
        options["password"] = str(url.password)
    return Target(place(url), hosts(url, _PORT), options)
