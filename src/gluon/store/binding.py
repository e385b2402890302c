# SPDX-License-Identifier: Apache-2.0
"""The binding of a port: a pure state machine over records, and the one write that stores an answer.

                    host and device given               answer: success
    UNBOUND ─────────────────────────────────► BINDING ─────────────────► BOUND
       ▲                                        │    ▲ given again           │ other host or device: BINDING anew
       │                         answer: failure▼    │                       │
       │                                        FAILED ──── late success ────┤
       └──────────────── host or device emptied, from any state ─────────────┘

It knows the attributes of BasePort and the bookkeeping of a port, no object's name.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gluon.errors import Conflict
from gluon.model.schema import BINDING_ID, BindingState, Object
from gluon.particle.wording import named
from gluon.store.answers import judge
from gluon.store.contract import Record, Tx
from gluon.store.revisions import revised
from gluon.store.sizes import require_fitting

_log = logging.getLogger(__name__)

#: What a bind request is made of.
PLACE: Final = ("host_id", "device_id")

_DOWN: Final = "DOWN"
_CLEARED: Final = {"vif_type": None, "vif_details": None, "binding_reason": None, "binding_controller": None, "status": _DOWN}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a change means for the binding: columns to set, and the binding_id whose answer the request waits for."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    waits_for: str | None = None


def place(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """The host and device that a port is to be bound to; None where one of them is empty."""
    host, device = (record.get(name) or "" for name in PLACE)
    return (host, device) if host and device else None


def decide(before: Record | None, after: Mapping[str, Any], given: Mapping[str, Any], fresh: str) -> Decision:
    """What follows for the binding where a port goes from ``before`` (None: it is created) to ``after``.

    ``given`` is what the request named: naming host or device again repeats a request. ``fresh`` is the binding_id to take
    where this is a bind request.
    """
    wanted = place(after)
    if wanted is None:
        return _unbind(before)
    if before is None or place(before) != wanted or before["binding_state"] == BindingState.UNBOUND:
        return _bind(fresh)
    if not any(name in given for name in PLACE):
        return Decision()
    match before["binding_state"]:
        case BindingState.FAILED:
            return _bind(fresh)
        case BindingState.BINDING:
            return Decision(waits_for=before[BINDING_ID])
        case _:
            return Decision()


def _bind(fresh: str) -> Decision:
    return Decision({**_CLEARED, "binding_state": BindingState.BINDING.value, BINDING_ID: fresh}, fresh)


def _unbind(before: Record | None) -> Decision:
    if before is None or before["binding_state"] == BindingState.UNBOUND:
        return Decision()
    return Decision({**_CLEARED, "binding_state": BindingState.UNBOUND.value, BINDING_ID: None})


async def store_answer(tx: Tx, port: Object, id: Any, answer: Any, *, binding_id: str) -> Record | None:
    """Store a shim's answer to this binding; the port's record as it then stands, None where the binding is another by now.

    Only what differs is written. A malformed answer changes nothing and is logged. Raises TooLarge where it makes the port
    larger than an object may be.
    """
    record = await tx.lock(port, id)
    if record is None or record[BINDING_ID] != binding_id:
        return None
    verdict = judge(port, record, answer)
    if verdict.fault:
        _log.warning("the answer for %s %s is not understood and changes nothing: %s", port.name, id, verdict.fault)
    if not verdict.changes:
        return record
    changes = revised(record, verdict.changes, wanted=False)
    after = {**record, **changes}
    require_fitting(port, id, after)
    await tx.update(port, id, changes)
    await tx.log_change(port, id)
    return after


def overtaken(port: Object, id: Any, record: Record | None) -> Conflict:
    """Why a request that waited for a bind waits no longer; ``record`` is the port as it now stands, if it does."""
    what = "deleted" if record is None else "changed by another request"
    return Conflict(f"{named(port, id)} was {what} while it was being bound")
