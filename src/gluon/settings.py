# SPDX-License-Identifier: Apache-2.0
"""The settings, as frozen values handed to whoever needs them. ``gluon.cmd.config`` reads them from files and environment.

Each field's ``help`` is what the samples under etc/ and the settings page are made from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


def _option(default: Any, help: str, min: float | None = None) -> Any:
    return field(default=default, metadata={"help": help, "min": min})


@dataclass(frozen=True, slots=True)
class Default:
    """[DEFAULT]"""

    debug: bool = _option(False, "Log at level DEBUG.")
    model_path: tuple[str, ...] = _option(
        (), "Folders whose top-level *.yaml files are models, besides those that ship and those of installed packages."
    )
    protons: tuple[str, ...] = _option((), "The Protons to have, by name, of all that have a model; where none is named, all.")


@dataclass(frozen=True, slots=True)
class Api:
    """[api]"""

    host: str = _option("127.0.0.1", "Address to listen on.")
    port: int = _option(2705, "TCP port to listen on.", min=0)
    workers: int = _option(1, "Server processes that share the port.", min=1)
    auth_strategy: Literal["noauth"] = _option("noauth", "Who may ask: noauth lets everyone do everything.")
    noauth_beyond_loopback: bool = _option(
        False, "Let a server without authentication listen on an address that others can reach."
    )
    bind_timeout: float = _option(
        8.0, "Seconds that a request waits for the answer to a bind before it is answered with 202.", min=0
    )
    public_url: str = _option("", "Base URL that /gluon/port/<id> carries; by default made from host and port.")
    page_size: int = _option(1000, "Objects on a page of a list where the client does not say.", min=1)
    max_page_size: int = _option(10000, "The most objects on a page, however many a client asks for.", min=1)
    max_body: int = _option(2 * 2**20, "The largest request body, in bytes.", min=1024)
    access_log: bool = _option(False, "Log every request, not only those that fail.")


@dataclass(frozen=True, slots=True)
class Database:
    """[database]"""

    connection: str = _option(
        "sqlite:////var/lib/proton/gluon.sqlite",
        "URL of the database: sqlite:////path/to/file, postgresql://user:password@host:5432/database or"
        " mysql://user:password@host:3306/database. More hosts, tried in order: ?host=first:5432&host=second:5432.",
    )
    pool_size: int = _option(10, "The most connections that a server process reads with; PostgreSQL and MariaDB.", min=1)
    timeout: float = _option(5.0, "Seconds until a statement that the database server does not answer is given up.", min=0.1)
    ca_file: str = _option(
        "", "PEM file with the authorities that the database server's certificate is checked against; turns TLS on."
    )
    cert_file: str = _option("", "PEM file with the client certificate for the database server.")
    key_file: str = _option("", "PEM file with the client certificate's key.")
    auto_apply: Literal["safe", "never", ""] = _option(
        "",
        "What a start does to tables that lack what the models need: the safe steps of gluon db apply (safe), or nothing"
        " (never). By default safe on SQLite, never on a database server.",
    )


@dataclass(frozen=True, slots=True)
class Etcd:
    """[etcd]"""

    endpoints: tuple[str, ...] = _option(("http://127.0.0.1:2379",), "URLs of the members of the etcd cluster; https:// for TLS.")
    ca_file: str = _option("", "PEM file with the authorities that etcd's certificates are checked against.")
    cert_file: str = _option("", "PEM file with the client certificate.")
    key_file: str = _option("", "PEM file with the client certificate's key.")
    username: str = _option("", "User name for etcd's own authentication.")
    password: str = _option("", "Password for etcd's own authentication.")
    timeout: float = _option(5.0, "Seconds until a call that no member answers fails.", min=0.1)


@dataclass(frozen=True, slots=True)
class Sync:
    """[sync]"""

    batch: int = _option(1000, "Changes that the relay reads at a time.", min=1)
    leader_ttl: float = _option(4.0, "Seconds until a relay that died is replaced.", min=1)
    lag_limit: float = _option(30.0, "Seconds that the oldest change may wait before /readyz says so.", min=0)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Everything in proton.conf."""

    default: Default = Default()
    api: Api = Api()
    database: Database = Database()
    etcd: Etcd = Etcd()
    sync: Sync = Sync()


@dataclass(frozen=True, slots=True)
class Shim:
    """[shim]"""

    host_list: tuple[str, ...] = _option(
        (), "Hosts that this shim binds ports on; * for all. The one setting that must be given."
    )
    name: str = _option("", "The controller name by which the shim signs; the host's name by default.")
    handlers: tuple[str, ...] = _option(
        ("net-l3vpn:net-l3vpn-dummy",),
        "proton:backend, or proton:backend:model; one for each Proton.",
    )
    binds: bool = _option(True, "Whether this shim answers binds.")
    tenants: tuple[str, ...] = _option((), "Take on the objects of these tenants only; all by default.")
    lease_ttl: float = _option(10.0, "Seconds until a shim that died is known to be gone.", min=1)


@dataclass(frozen=True, slots=True)
class ShimSettings:
    """Everything in shim.conf."""

    default: Default = Default()
    shim: Shim = Shim()
    etcd: Etcd = Etcd()
