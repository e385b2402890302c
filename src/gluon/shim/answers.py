# SPDX-License-Identifier: Apache-2.0
"""The answers to binds at ``/controller/<proton>/<Object>/<id>``: whose stand there, whether one may be written, and how.

A foreign shim may answer with the three classic fields alone (vif_type, vif_details, controller) and a plain put. Pure values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gluon.kv.contract import Compare, Get, KeyValue, Put, Txn

#: The vif_type by which an answer says that the port cannot be bound.
FAILED: Final = "binding_failed"
#: What of a backend's answer is passed on.
_PASSED: Final = ("vif_type", "vif_details", "status", "reason")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An answer as it stands, with the revision of its key. An empty one ({}) says that the port is not bound."""

    controller: str = ""
    vif_type: str = ""
    binding_id: str = ""
    mod_revision: int = 0

    @property
    def success(self) -> bool:
        """Whether it says that the port is bound."""
        return bool(self.vif_type) and self.vif_type != FAILED


ABSENT: Final = Answer()


class _Read(msgspec.Struct, frozen=True):
    """What of an answer matters here; fields of another type than they should be count as missing."""

    controller: Any = None
    vif_type: Any = None
    binding_id: Any = None


_READ: Final = msgspec.json.Decoder(_Read)
_ENCODER: Final = msgspec.json.Encoder()


def read(kv: KeyValue | None) -> Answer:
    """The answer in a key. What is no JSON object counts as an empty answer."""
    if kv is None or not kv.create_revision:
        return ABSENT
    try:
        found = _READ.decode(kv.value)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return Answer(mod_revision=kv.mod_revision)
    return Answer(_text(found.controller), _text(found.vif_type), _text(found.binding_id), kv.mod_revision)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def success(answer: Any, controller: str, binding_id: str) -> bytes:
    """What is written for a backend's answer. Raises TypeError where that is not a mapping with a vif_type."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("vif_type"), str):
        raise TypeError(f"bind_port must return a mapping with a vif_type, or None; it returned {type(answer).__name__}")
    passed = {name: answer[name] for name in _PASSED if answer.get(name) is not None}
    return _ENCODER.encode({"vif_details": {}, **passed, "controller": controller, "binding_id": binding_id})


def failure(reason: str, controller: str, binding_id: str) -> bytes:
    """What is written where a bind is refused for good."""
    return success({"vif_type": FAILED, "reason": reason}, controller, binding_id)


def refusal(answer: Mapping[str, Any]) -> str:
    """Why a backend's answer says that the port cannot be bound; empty where it is bound."""
    return str(answer.get("reason") or "refused") if answer["vif_type"] == FAILED else ""


def put_if(object_key: str, object_revision: int, answer_key: str, standing: Answer, value: bytes) -> Txn:
    """Write an answer where neither the object nor the answer has changed; else show both as they are."""
    return Txn(
        (Compare(object_key, "mod", "=", object_revision), Compare(answer_key, "mod", "=", standing.mod_revision)),
        (Put(answer_key, value),),
        (Get(object_key), Get(answer_key)),
    )


def clear_if(answer_key: str, standing: Answer) -> Txn:
    """Write {} over an answer that has not changed; else show it as it is."""
    return Txn((Compare(answer_key, "mod", "=", standing.mod_revision),), (Put(answer_key, b"{}"),), (Get(answer_key),))
