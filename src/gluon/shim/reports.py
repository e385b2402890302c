# SPDX-License-Identifier: Apache-2.0
"""What a shim reports on an object, which is also its memory of what it has handed to the backend.

    /controller/<proton>/<Object>/<id>/<controller>
    {"state": "pending" | "ready" | "failed", "reason", "generation", "data"}   data = the shim's own: Memory, below

``Handed`` is the same in memory. Pure values; ``gluon.shim.journal`` writes them. Secrets are never kept in a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from gluon.particle import shimtypes
from gluon.particle.shimtypes import Malformed, Record, ShimType, without_secrets

#: A state larger than this is not kept in the report; after a restart it is then not known as ``prev``.
_LARGEST_STATE: Final = 512 * 1024
_NONE: Final[Mapping[str, Any]] = {}


State = Literal["pending", "ready", "failed"]


class Report(msgspec.Struct, frozen=True, gc=False):
    """A controller's report on an object, as other controllers read it."""

    state: State = "pending"
    reason: str = ""
    generation: int = 0
    data: Mapping[str, Any] | None = None


class Handed(msgspec.Struct, frozen=True, gc=False):
    """What the backend has been handed of one object.

    ``record`` is the state of the last modify that succeeded (or was recorded where the backend has none); ``attempt`` the
    state of calls that have begun since and are not known to have ended well. ``generation`` and ``links`` (a print of the
    objects referred to) are those of the last modify that is finished, well or refused for good (``reason`` says why).
    ``bound`` is the binding that bind_port was last called for and unbind_port not since, at ``host`` and ``device``;
    ``settled`` the one that needs no bind any more; ``refusal`` why it was refused; ``lost``: another controller's answer
    stands, so that what was bound is to be unbound.
    """

    incarnation: str
    record: Record | None = None
    attempt: Record | None = None
    generation: int = 0
    links: str = ""
    reason: str = ""
    failed: bool = False
    bound: str = ""
    host: str = ""
    device: str = ""
    settled: str = ""
    refusal: str = ""
    lost: bool = False

    @property
    def last(self) -> shimtypes.State:
        """The newest state that the backend may know."""
        return self.attempt or self.record or _NONE

    @property
    def before(self) -> shimtypes.State:
        """The newest state that the backend is known to have taken."""
        return self.record or _NONE


#: Stands for a state that is not there; it is not written.
_ABSENT: Final = msgspec.Raw()


class _Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report's ``data``, as this shim writes it."""

    incarnation: str = ""
    record: msgspec.Raw = _ABSENT
    attempt: msgspec.Raw = _ABSENT
    generation: int = 0
    links: str = ""
    bound: str = ""
    host: str = ""
    device: str = ""
    settled: str = ""
    refusal: str = ""


class _Written(msgspec.Struct, frozen=True):
    """A report as this shim writes it."""

    state: State
    reason: str
    generation: int
    data: _Memory


_ENCODER: Final = msgspec.json.Encoder()
_REPORT: Final = msgspec.json.Decoder(Report)
_WRITTEN: Final = msgspec.json.Decoder(_Written)


def encode(handed: Handed, state: State | None = None, reason: str = "") -> bytes:
    """The report's value. ``pending``: calls for the object are under way, or will be repeated for this ``reason``; where no
    state is given, it is what the memory says of calls that ended."""
    why = reason or handed.reason or handed.refusal
    shown = state or ("failed" if handed.failed or handed.refusal else "ready")
    memory = _Memory(
        incarnation=handed.incarnation,
        record=_kept(handed.record),
        attempt=_kept(handed.attempt),
        generation=handed.generation,
        links=handed.links,
        bound=handed.bound,
        host=handed.host,
        device=handed.device,
        settled=handed.settled,
        refusal=handed.refusal,
    )
    generation = handed.last.get("generation") or handed.generation
    return _ENCODER.encode(_Written(shown, why, generation, memory))


def _kept(record: Record | None) -> msgspec.Raw:
    if record is None:
        return _ABSENT
    kept = _ENCODER.encode(without_secrets(record))
    return msgspec.Raw(kept if len(kept) <= _LARGEST_STATE else _ENCODER.encode({"incarnation": record["incarnation"]}))


def decode(value: bytes) -> Report:
    """Anyone's report. Raises Malformed."""
    try:
        return _REPORT.decode(value)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Malformed(str(error)) from error


def recall(value: bytes, type: ShimType, standing: Record | None = None) -> Handed:
    """What this shim remembers in its own report. Raises Malformed.

    Where the state that was handed over is the one that stands, memory and copy share it.
    """
    try:
        written = _WRITTEN.decode(value)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Malformed(str(error)) from error
    memory = written.data
    record = standing if _is_of(memory, standing) and written.state == "ready" else None
    if record is None and memory.record:
        record = type.decode(memory.record)
    return Handed(
        incarnation=memory.incarnation,
        record=record,
        attempt=type.decode(memory.attempt) if memory.attempt else None,
        generation=memory.generation,
        links=memory.links,
        reason=written.reason if written.state == "failed" else "",
        failed=written.state == "failed" and not memory.refusal,
        bound=memory.bound,
        host=memory.host,
        device=memory.device,
        settled=memory.settled,
        refusal=memory.refusal,
    )


def _is_of(memory: _Memory, standing: Record | None) -> bool:
    """Whether the state handed over is, but for what the server writes itself, the one that stands."""
    if standing is None or not memory.record or memory.attempt:
        return False
    return (standing["incarnation"], standing["generation"]) == (memory.incarnation, memory.generation)
