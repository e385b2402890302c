# SPDX-License-Identifier: Apache-2.0
"""Where ``mysql://user:password@host:port/database?host=other:port`` leads, and how asyncmy is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.settings import Database
from gluon.store.places import hosts, place, tls

_PORT: Final = 3306
#: What may stand after the ``?``.
_QUERY: Final = ("host", "unix_socket")


@dataclass(frozen=True, slots=True)
class Target:
    """``place`` for messages; ``ways``: what leads to each server, by its name for messages, in the order in which they are
    tried; ``options``: what they have in common. Both are for asyncmy."""

    place: str
    ways: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]


def target(url: sa.URL, settings: Database) -> Target:
    """Raises SettingsError where the URL or the files for TLS are wrong."""
    for name in url.query:
        if name not in _QUERY:
            raise SettingsError(f"[database] connection: unknown option {name!r}; a mysql:// URL may have {', '.join(_QUERY)}")
    if not url.database:
        raise SettingsError("[database] connection: the URL names no database; expected mysql://user:password@host/database")
    options: dict[str, Any] = {"database": url.database, "charset": "utf8mb4", "autocommit": None}
    if url.username:
        options["user"] = url.username
    if url.password:
        options["password"] = str(url.password).encode()
    socket = url.query.get("unix_socket")
    if isinstance(socket, str):
        return Target(place(url), {socket: {"unix_socket": socket}}, options)
    context = tls(settings)
    ways = {f"{host}:{port}": {"host": host, "port": port, "ssl": context} for host, port in hosts(url, _PORT)}
    return Target(place(url), ways, options)
