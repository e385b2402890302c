# SPDX-License-Identifier: Apache-2.0
"""What a shim's answer to a bind says, and what a port's record means to those who wait. Pure.

An answer is a JSON object: vif_type, vif_details, controller and, from shims that know them, binding_id, status, reason.
What it makes of a port is ``gluon.store.binding``'s to judge; here only what it is about.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gluon.errors import Conflict, GluonError
from gluon.model.schema import BINDING_ID, BindingState, Object
from gluon.store.binding import overtaken
from gluon.store.contract import Record

Answer = dict[str, Any]
#: Where a port's record keeps what an answer says.
_TOLD: Final = {"vif_type": "vif_type", "vif_details": "vif_details", "controller": "binding_controller"}


class Malformed(GluonError):
    """The value is no answer: not JSON, no object, or with a binding_id that is not text."""


def read(value: bytes) -> Answer | None:
    """The answer; None where it says nothing (``{}``, or no vif_type). Raises Malformed."""
    try:
        answer = msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None
    if not isinstance(answer.get(BINDING_ID), str | None):
        raise Malformed("binding_id is not a string")
    return answer if answer.get("vif_type") not in (None, "") else None


def told(record: Record, answer: Answer) -> bool:
    """Whether the port's record says all this already, or is about another binding, so that nothing need be stored."""
    named = answer.get(BINDING_ID)
    if record["binding_state"] == BindingState.UNBOUND or (named and named != record[BINDING_ID]):
        return True
    if record["binding_state"] != BindingState.BOUND or answer.get("status") not in (None, record["status"]):
        return False
    return all(record[column] == answer.get(name) for name, column in _TOLD.items())


def verdict(port: Object, id: Any, binding_id: str, record: Record | None) -> Record | Conflict | None:
    """What a port's committed record means for a request that waits for the answer to ``binding_id``; None: wait on."""
    if record is None or record[BINDING_ID] != binding_id or record["binding_state"] == BindingState.UNBOUND:
        return overtaken(port, id, record)
    return None if record["binding_state"] == BindingState.BINDING else record
