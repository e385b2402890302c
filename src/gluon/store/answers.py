# SPDX-License-Identifier: Apache-2.0
"""What a shim's answer to a bind means: a pure judgement, from a port's record and the answer to columns to set.

Answers come from foreign programs: whatever their shape, nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gluon.model.schema import BindingState, Object
from gluon.model.types import Enum, String
from gluon.store.contract import Record

#: The vif_type by which a shim says that it cannot bind.
BINDING_FAILED: Final = "binding_failed"

_ACTIVE: Final = "ACTIVE"
_NO_REASON: Final = "no reason given"
#: The texts in an answer, and the columns that bound them.
_TEXTS: Final = {"vif_type": "vif_type", "status": "status", "controller": "binding_controller", "reason": None}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means: columns to set (none where it changes nothing), or why it cannot be understood."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None


def judge(port: Object, record: Record, answer: Any) -> Verdict:
    """What a shim's answer to the port's present binding changes. An answer of any shape is judged, none raises."""
    if not isinstance(answer, Mapping):
        return Verdict(fault="not an object")
    vif_type = answer.get("vif_type")
    if vif_type is None or vif_type == "" or record["binding_state"] == BindingState.UNBOUND:
        return Verdict()
    details, unreadable = _details(port, answer.get("vif_details"))
    faults = [_text_fault(port, name, answer.get(name), column) for name, column in _TEXTS.items()] + [unreadable]
    if any(faults):
        return Verdict(fault="; ".join(fault for fault in faults if fault))
    failed = vif_type == BINDING_FAILED
    if failed and record["binding_state"] == BindingState.BOUND:
        return Verdict()
    answered = {
        "vif_type": vif_type,
        "vif_details": None if failed else details,
        "status": answer.get("status") or (record["status"] if failed else _ACTIVE),
        "binding_state": (BindingState.FAILED if failed else BindingState.BOUND).value,
        "binding_reason": _cut(port, "binding_reason", answer.get("reason") or _NO_REASON) if failed else None,
        "binding_controller": answer.get("controller") or None,
    }
    return Verdict({name: value for name, value in answered.items() if record.get(name) != value})


def _text_fault(port: Object, name: str, value: Any, column: str | None) -> str | None:
    """What is wrong with a text in an answer, measured by the column that takes it."""
    if value is None:
        return None
    if not isinstance(value, str):
        return f"{name} is not a string"
    if "\0" in value or not _encodes(value):
        return f"{name} holds characters that are not text"
    match port.by_name[column].type if column else None:
        case Enum(values=values) if value and value not in (*values, BINDING_FAILED):
            return f"{name} is none of {', '.join(values)}"
        case String(length=length) if len(value) > length:
            return f"{name} is longer than {length}"
    return None


def _details(port: Object, value: Any) -> tuple[Any, str | None]:
    """vif_details as the model stores them (JSON text where a classic model types them so), and what is wrong with them."""
    if value is None or value == "":
        return None, None
    try:
        details = msgspec.json.decode(value) if isinstance(value, str) else value
        text = msgspec.json.encode(details).decode()
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None, "vif_details is not JSON"
    if not isinstance(details, dict):
        return None, "vif_details is not an object"
    kind = port.by_name["vif_details"].type
    if not isinstance(kind, String):
        return details, None
    return (text, None) if len(text) <= kind.length else (None, f"vif_details is longer than {kind.length}")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cut(port: Object, name: str, value: str | None) -> str | None:
    """A text for people, cut to its column."""
    kind = port.by_name[name].type
    return value[: kind.length] if value and isinstance(kind, String) else value
