# SPDX-License-Identifier: Apache-2.0
"""The etcd layout: every key that Gluon reads or writes is made, and taken apart, here and nowhere else.

/proton/<proton>/<Object>/<id>                     wanted; written by the relay
/gluon/port/<id>                                   who owns a port; relay
/gluon/sync/<proton>                               how far etcd is; relay
/controller/<proton>/<Object>/<id>                 the answer to a bind; shims
/controller/<proton>/<Object>/<id>/<controller>    a shim's report and memory; that shim
/gluon/shim/<proton>/<controller>                  a shim is alive and works; that shim, under a lease
/gluon/shim/<proton>/<controller>/<lease>          another of the name is alive and stands by; that one, under its lease
/gluon/leader/<database>   /gluon/doorbell/<database>      servers
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

PROTONS: Final = "/proton/"
PORTS: Final = "/gluon/port/"
SYNCS: Final = "/gluon/sync/"
SHIMS: Final = "/gluon/shim/"
LEADERS: Final = "/gluon/leader/"
DOORBELLS: Final = "/gluon/doorbell/"
CONTROLLERS: Final = "/controller/"

#: What stays as it is in a key besides letters and digits; '/', '%', a space and control characters are encoded.
_SAFE: Final = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in "/%")
#: Matches what has nothing to encode, as most ids have: much cheaper than to encode it.
_plain: Final = re.compile(r"[!-$&-.0-~]*").fullmatch


class ObjectKey(NamedTuple):
    """The parts of a ``/proton/…`` or ``/controller/…`` key. ``controller`` is empty but for a report."""

    proton: str
    object: str
    id: str
    controller: str = ""


def encode(part: str) -> str:
    """Percent-encode what may not stand in one segment of a key."""
    return part if _plain(part) else quote(part, safe=_SAFE)


def objects(proton: str) -> str:
    """The prefix of all objects of a Proton."""
    return f"{PROTONS}{proton}/"


def object(proton: str, name: str, id: str) -> str:
    """Where an object as wanted stands."""
    return f"{PROTONS}{proton}/{name}/{encode(id)}"


def port(id: str) -> str:
    """Where a port is registered with Gluon."""
    return f"{PORTS}{encode(id)}"


def sync(proton: str) -> str:
    """Where the relay says how far a Proton's keys are."""
    return f"{SYNCS}{proton}"


def controllers(proton: str) -> str:
    """The prefix of all answers and reports of a Proton."""
    return f"{CONTROLLERS}{proton}/"


def answer(proton: str, name: str, id: str) -> str:
    """Where the answer to a bind stands."""
    return f"{CONTROLLERS}{proton}/{name}/{encode(id)}"


def report(proton: str, name: str, id: str, controller: str) -> str:
    """Where a controller's report on an object stands."""
    return f"{CONTROLLERS}{proton}/{name}/{encode(id)}/{encode(controller)}"


def shim(proton: str, controller: str) -> str:
    """Where a shim says that it is alive."""
    return f"{SHIMS}{proton}/{encode(controller)}"


def standby(proton: str, controller: str, lease: int) -> str:
    """Where a shim says that it stands by."""
    return f"{shim(proton, controller)}/{lease:x}"


def shims(proton: str = "") -> str:
    """The prefix of all shims of a Proton, or of all."""
    return f"{SHIMS}{proton}/" if proton else SHIMS


def parse_shim(key: str) -> tuple[str, str, str] | None:
    """The Proton, the controller and, where it stands by, the lease in a ``/gluon/shim/…`` key; None where it is none."""
    parts = key.split("/")
    if not key.startswith(SHIMS) or len(parts) not in (5, 6):
        return None
    return parts[3], unquote(parts[4]), parts[5] if len(parts) == 6 else ""


def leader(database: str) -> str:
    """Where the servers of a database elect their relay."""
    return f"{LEADERS}{database}"


def doorbell(database: str) -> str:
    """What a server puts to wake the relay."""
    return f"{DOORBELLS}{database}"


def parse_object(key: str) -> ObjectKey | None:
    """Take a ``/proton/…`` key apart; None where it is not one."""
    parts = key.split("/")
    if len(parts) != 5 or parts[0] or parts[1] != "proton":
        return None
    return ObjectKey(parts[2], parts[3], unquote(parts[4]))


def parse_controller(key: str) -> ObjectKey | None:
    """Take an answer's or a report's key apart; None where it is neither."""
    parts = key.split("/")
    if parts[0] or parts[1:2] != ["controller"] or len(parts) not in (5, 6):
        return None
    return ObjectKey(parts[2], parts[3], unquote(parts[4]), unquote(parts[5]) if len(parts) == 6 else "")


def parse_port(key: str) -> str | None:
    """The id in a ``/gluon/port/…`` key; None where it is not one."""
    return unquote(key[len(PORTS) :]) if key.startswith(PORTS) else None
