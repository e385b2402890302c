# SPDX-License-Identifier: Apache-2.0
"""What a shim's answer to a bind says, and what a port's record means to those who wait. Pure.

An answer is a JSON object: vif_type, vif_details, controller and, from shims that know them, binding_id, status, reason.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gluon.errors import Conflict, GluonError
from gluon.model.schema import BINDING_ID, BindingState
from gluon.store.contract import Record


class Malformed(GluonError):
    """The value is no answer: not JSON, no object, or a field of the wrong type."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer's fields; what else stands in the value is not ours."""

    vif_type: str
    vif_details: dict[str, Any] | None = None
    controller: str | None = None
    binding_id: str | None = None
    status: str | None = None
    reason: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that were given, as the store takes them."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}

    def told_by(self, record: Record) -> bool:
        """Whether the port's record says all this already, or is about another binding, so that nothing need be stored."""
        if self.binding_id is not None and self.binding_id != record[BINDING_ID]:
            return True
        return (
            record["binding_state"] == BindingState.BOUND
            and record["vif_type"] == self.vif_type
            and record["vif_details"] == self.vif_details
            and record["binding_controller"] == self.controller
            and self.status in (None, record["status"])
        )


def read(value: bytes) -> Answer | None:
    """The answer; None where it says nothing (``{}``, or no vif_type). Raises Malformed."""
    try:
        said = msgspec.json.decode(value, type=dict[str, Any])
        return msgspec.convert(said, Answer) if said.get("vif_type") not in (None, "") else None
    except msgspec.MsgspecError as error:
        raise Malformed(str(error)) from None
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8: {error.reason}") from None


def verdict(binding_id: str, record: Record | None) -> Record | Conflict | None:
    """What a port's committed record means for a request that waits for the answer to ``binding_id``; None: wait on."""
    if record is None:
        return Conflict("the port was deleted while its binding was awaited")
    if record[BINDING_ID] != binding_id or record["binding_state"] == BindingState.UNBOUND:
        return Conflict("another request has changed the port's binding meanwhile")
    return None if record["binding_state"] == BindingState.BINDING else record
