# SPDX-License-Identifier: Apache-2.0
"""Between the values of the contract and etcd's messages, in both directions. Pure; puts pass here, so it stays lean.

Keys are text in Gluon and bytes in etcd: UTF-8, with surrogate escapes for what others wrote otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from gluon.kv.contract import Compare, Delete, Event, Get, KeyValue, Op, Page, Put, Txn, TxnResult
from gluon.kv.wire import MESSAGES, build

_RESULTS = {"=": 0, ">": 1, "<": 2, "!=": 3}
_TARGETS = {
    "version": (0, "version"),
    "create": (1, "create_revision"),
    "mod": (2, "mod_revision"),
    "value": (3, "value"),
    "lease": (4, "lease"),
}
_DELETED = 1


class Codec:
    """Makes requests and reads responses. ``messages`` are the classes by name."""

    def __init__(self) -> None:
        self.messages = build(MESSAGES)
        self._put = self.messages["PutRequest"]
        self._range = self.messages["RangeRequest"]
        self._delete = self.messages["DeleteRangeRequest"]
        self._op = self.messages["RequestOp"]
        self._compare = self.messages["Compare"]
        self._txn = self.messages["TxnRequest"]

    def message(self, name: str, /, **fields: Any) -> Any:
        """A message of this name."""
        return self.messages[name](**fields)

    def put(self, key: str, value: bytes, lease: int) -> Any:
        if lease:
            return self._put(key=_encode(key), value=value, lease=lease)
        return self._put(key=_encode(key), value=value)

    def get(self, key: str) -> Any:
        return self._range(key=_encode(key))

    def page(self, prefix: str, after: str | None, limit: int, revision: int) -> Any:
        first, end = span(prefix)
        if after is not None:
            first = _encode(after) + b"\0"
        return self._range(key=first, range_end=end, limit=limit, revision=revision)

    def delete(self, key: str, prefix: bool) -> Any:
        if prefix:
            first, end = span(key)
            return self._delete(key=first, range_end=end)
        return self._delete(key=_encode(key))

    def txn(self, txn: Txn) -> Any:
        return self._txn(
            compare=[self._condition(compare) for compare in txn.compare],
            success=[self._operation(op) for op in txn.success],
            failure=[self._operation(op) for op in txn.failure],
        )

    def _operation(self, op: Op) -> Any:
        match op:
            case Put():
                return self._op(request_put=self.put(op.key, op.value, op.lease))
            case Get():
                return self._op(request_range=self.get(op.key))
            case Delete():
                return self._op(request_delete_range=self.delete(op.key, op.prefix))
            case Txn():
                return self._op(request_txn=self.txn(op))
            case _:
                assert_never(op)

    def _condition(self, compare: Compare) -> Any:
        target, field = _TARGETS[compare.target]
        return self._compare(result=_RESULTS[compare.result], target=target, key=_encode(compare.key), **{field: compare.operand})


def _encode(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def span(prefix: str) -> tuple[bytes, bytes]:
    """etcd's half-open range for a prefix; no prefix is every key."""
    first = _encode(prefix)
    stem = first.rstrip(b"\xff")
    return first or b"\0", stem[:-1] + bytes((stem[-1] + 1,)) if stem else b"\0"


def key_value(kv: Any) -> KeyValue:
    return KeyValue(
        kv.key.decode("utf-8", "surrogateescape"), kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease
    )


def page(response: Any, revision: int) -> Page:
    """``revision``: the one asked for, or 0."""
    return Page(tuple(map(key_value, response.kvs)), revision or response.header.revision, response.more, response.count)


def events(response: Any) -> Iterable[Event]:
    """The events of a watch response, in order."""
    for event in response.events:
        yield Event("delete" if event.type == _DELETED else "put", key_value(event.kv))


def result(response: Any, txn: Txn, revision: int = 0) -> TxnResult:
    """A transaction's result; etcd gives nested ones no revision, so the outermost's is handed on."""
    revision = revision or response.header.revision
    branch = txn.success if response.succeeded else txn.failure
    answers = zip(response.responses, branch, strict=True)
    return TxnResult(response.succeeded, revision, tuple(_answer(answer, op, revision) for answer, op in answers))


def _answer(answer: Any, op: Op, revision: int) -> KeyValue | int | TxnResult | None:
    match op:
        case Put():
            return None
        case Get():
            found = answer.response_range.kvs
            return key_value(found[0]) if found else None
        case Delete():
            return int(answer.response_delete_range.deleted)
        case Txn():
            return result(answer.response_txn, op, revision)
        case _:
            assert_never(op)
