# SPDX-License-Identifier: Apache-2.0
"""What a failed call to etcd means: one table from gRPC status and etcd's text to what the client does or raises.

Source: etcd's api/v3rpc/rpctypes/error.go, whose texts are part of its API.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import grpc

from gluon.kv import explaining
from gluon.kv.contract import Compacted, KvError, KvRefused, LeaseLost


class Verdict(Enum):
    """What to do about a failed try."""

    UNSENT = auto()  # it was certainly not done: try the next member
    UNKNOWN = auto()  # it may have been done: another member only if a repetition does no harm
    SILENT = auto()  # as UNKNOWN, and the connection is suspected
    LOGIN = auto()  # not done: the token is old
    FINAL = auto()  # not done and will not be: raise ``error``


@dataclass(frozen=True, slots=True)
class Failure:
    verdict: Verdict
    detail: str
    error: KvError | None = None
    #: Whether a connection with the certificates as they now are may do better.
    renew: bool = False


_LOGIN = ("invalid auth token", "revision of auth store is old", "user name is empty")
_UNSENT = ("failed to connect", "connection refused", "too many requests", "name resolution", "dns resolution")
_LOST = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.ABORTED,
)


def judge(code: grpc.StatusCode, detail: str) -> Failure:
    """Sort a failed try."""
    text = detail.lower()
    if any(part in text for part in _LOGIN):
        return Failure(Verdict.LOGIN, detail, KvRefused(explaining.refusal(detail) or detail, whole=True))
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Failure(Verdict.SILENT, "no answer in time")
    if any(part in text for part in _UNSENT):
        insecure = explaining.handshake(detail) is not None
        return Failure(Verdict.UNSENT, explaining.unreachable(detail), renew=insecure)
    if code in _LOST:
        return Failure(Verdict.UNKNOWN, detail)
    return Failure(Verdict.FINAL, detail, _final(code, text, detail))


def _final(code: grpc.StatusCode, text: str, detail: str) -> KvError:
    if code is grpc.StatusCode.OUT_OF_RANGE:
        return Compacted(0)
    if "lease not found" in text:
        return LeaseLost(detail)
    meaning = explaining.refusal(detail)
    return KvRefused(meaning or detail, whole=code is grpc.StatusCode.UNIMPLEMENTED or meaning is not None)
