# SPDX-License-Identifier: Apache-2.0
"""What the URLs of database servers have in common: hosts, TLS, and how they stand in messages."""

from __future__ import annotations

import ssl
from pathlib import Path

import sqlalchemy as sa

from gluon.errors import SettingsError
from gluon.settings import Database


def place(url: sa.URL) -> str:
    """The database as messages name it: no password, no options but hosts."""
    shown = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database).render_as_string()
    found = [f"{n}={text}" for n in ("host", "unix_socket") for text in _all(url.query.get(n, ()))]
    return "?".join([shown, "&".join(found)]) if found else shown


def hosts(url: sa.URL, port: int) -> list[tuple[str, int]]:
    """All hosts with their ports, in the order in which they are tried. Raises SettingsError."""
    named = [(url.host, url.port or port)] if url.host else []
    return named + [_host(text, url.port or port) for text in _all(url.query.get("host", ()))] or [("localhost", port)]


def _all(values: str | tuple[str, ...]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values


def _host(text: str, port: int) -> tuple[str, int]:
    """``host``, ``host:port``, ``[address]:port`` or the folder of a unix socket, which may end with a port too."""
    name, colon, number = text.rpartition(":")
    if not colon or text.endswith("]") or "/" in number:
        return text.strip("[]"), port
    if not number.isdigit():
        raise SettingsError(f"[database] connection: {text!r} is not host:port")
    return name.strip("[]"), int(number)


def tls(settings: Database) -> ssl.SSLContext | None:
    """A context that checks certificate and name, where ``ca_file`` is set. Raises SettingsError."""
    if bool(settings.cert_file) != bool(settings.key_file):
        raise SettingsError("[database] cert_file and key_file go together: one of them is missing")
    if not settings.ca_file:
        if settings.cert_file:
            raise SettingsError("[database] cert_file needs ca_file, the authority that the database's certificate is from")
        return None
    for name in ("ca_file", "cert_file", "key_file"):
        file = getattr(settings, name)
        if file and not Path(file).is_file():
            raise SettingsError(f"[database] {name}: there is no file {file}")
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(f"[database] ca_file, cert_file, key_file: {error}") from error
    return context
