# SPDX-License-Identifier: Apache-2.0
"""Which call comes next for one object: from what is wanted and what was handed to the backend, never from what happened.

    next_call(wanted, handed, offer) ──► Call ──► begun(…) ──► the backend ──► done(…) | refused(…) | settled(…) ──► handed

Repeating this until there is no call brings the backend from anywhere to what is wanted. Pure functions; the order between
objects is ``gluon.shim.ordering``'s.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from gluon.particle.shimtypes import Record, State
from gluon.shim.reports import Handed

_NOTHING: Final[Mapping[str, Any]] = {}


class Verb(enum.Enum):
    """What is to be done about an object. FORGET calls no method: only the memory of it goes."""

    BIND = "bind"
    UNBIND = "unbind"
    MODIFY = "modify"
    DELETE = "delete"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Call:
    """One step. ``new`` and ``prev`` are what the backend's ``changes`` will hold."""

    verb: Verb
    new: State
    prev: State


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that is to be there: its state, a print of what it refers to, and whether it is to be bound by this shim."""

    record: Record
    links: str = ""
    bind: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What the backend has methods for, of one kind. ``keeps``: modify or delete, so that its objects are handed over."""

    keeps: bool
    binds: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Which objects are this shim's: the ports of some hosts (``*``: of all), the objects of some tenants (none: of all)."""

    hosts: frozenset[str]
    tenants: frozenset[str] = frozenset()

    def takes(self, record: Record) -> bool:
        """Whether the shim takes the object on. What belongs to no tenant is everyone's."""
        return not self.tenants or record.get("tenant_id") in (None, "", *self.tenants)

    def binds(self, port: Record) -> bool:
        """Whether the port is to be bound on a host of this shim."""
        host = port.get("host_id")
        wanted = bool(host and port.get("device_id") and port["binding_id"])
        return wanted and not self.hosts.isdisjoint(("*", host))


def generation_of(record: State) -> int:
    """What drives work: grows with every change that the server did not make itself. A foreign writer may not keep it."""
    given = record.get("generation") or record.get("revision")
    return int(given) if given else zlib.crc32(msgspec.json.encode(record)) + 1


def incarnation_of(record: State) -> str:
    """Another one under the same id means deleted and created again."""
    return record.get("incarnation") or ""


def same_generation(one: State, other: State) -> bool:
    """Whether nothing but what the server writes itself differs between two states."""
    return (incarnation_of(one), generation_of(one)) == (incarnation_of(other), generation_of(other))


def next_call(wanted: Wanted | None, had: Handed | None, offer: Offer) -> Call | None:
    """The next step for an object; None where the backend has what is wanted."""
    if had is None:
        return _first(wanted, offer) if wanted else None
    if wanted is None or incarnation_of(wanted.record) != had.incarnation:
        return _removal(had, offer)
    return _change(wanted, had, offer)


def _change(wanted: Wanted, had: Handed, offer: Offer) -> Call | None:
    record = wanted.record
    if had.bound and (had.lost or not wanted.bind or not _in_place(record, had)):
        return Call(Verb.UNBIND, record, had.last)
    if offer.keeps and not had.generation:
        return Call(Verb.MODIFY, record, had.before)
    if offer.binds and wanted.bind and had.settled != record["binding_id"]:
        return Call(Verb.BIND, record, _NOTHING if _made_with_host(record, had) else had.before)
    if offer.keeps:
        done = had.generation == generation_of(record) and had.links == wanted.links
        return None if done else Call(Verb.MODIFY, record, had.before)
    return None if wanted.bind else Call(Verb.FORGET, record, had.last)


def _first(wanted: Wanted, offer: Offer) -> Call | None:
    if offer.keeps:
        return Call(Verb.MODIFY, wanted.record, _NOTHING)
    return Call(Verb.BIND, wanted.record, _NOTHING) if offer.binds and wanted.bind else None


def _removal(had: Handed, offer: Offer) -> Call:
    if had.bound:
        return Call(Verb.UNBIND, _NOTHING, had.last)
    return Call(Verb.DELETE if offer.keeps else Verb.FORGET, _NOTHING, had.last)


def _made_with_host(port: Record, had: Handed) -> bool:
    """Whether this is the port's first bind and nothing was handed over before it but the same state."""
    return not had.settled and had.bound in ("", port["binding_id"]) and had.generation == generation_of(port)


def _in_place(port: Record, had: Handed) -> bool:
    return (port.get("host_id"), port.get("device_id")) == (had.host, had.device)


def begun(verb: Verb, wanted: Wanted | None, had: Handed | None) -> Handed | None:
    """What must be remembered before the call is made; ``had`` itself where nothing more."""
    if wanted is None or verb not in (Verb.MODIFY, Verb.BIND):
        return had
    record = wanted.record
    now = had or Handed(incarnation_of(record))
    if record is not now.record and record is not now.attempt:
        now = replace(now, attempt=record)
    if verb is Verb.BIND and now.bound != record["binding_id"]:
        now = replace(now, bound=record["binding_id"], host=record.get("host_id"), device=record.get("device_id"))
    return now


def done(verb: Verb, wanted: Wanted | None, had: Handed | None) -> Handed | None:
    """What is remembered once a modify, unbind, delete or forget has succeeded."""
    if verb in (Verb.DELETE, Verb.FORGET) or had is None:
        return None
    if verb is Verb.UNBIND:
        return replace(had, bound="", host="", device="", settled=had.settled if had.lost else "", lost=False, refusal="")
    assert wanted is not None
    return replace(
        had,
        record=wanted.record,
        attempt=None,
        generation=generation_of(wanted.record),
        links=wanted.links,
        reason="",
        failed=False,
    )


def refused(wanted: Wanted, had: Handed, reason: str) -> Handed:
    """What is remembered of a modify that can never succeed for the object as it is."""
    return replace(had, generation=generation_of(wanted.record), links=wanted.links, reason=reason, failed=True)


def settled(wanted: Wanted, had: Handed, offer: Offer, *, refusal: str = "", lost: bool = False) -> Handed:
    """What is remembered of a bind that needs no further call: answered, refused, without an answer, or lost to another."""
    whole = not offer.keeps or had.generation == generation_of(wanted.record)
    now = replace(had, record=wanted.record, attempt=None) if whole and not had.failed else had
    return replace(now, settled=wanted.record["binding_id"], refusal=refusal, lost=lost)
