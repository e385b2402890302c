# SPDX-License-Identifier: Apache-2.0
"""etcd's own limits on a request, for the twin in memory, which must refuse what a cluster would refuse.

Pure: values in, an error or nothing out. The cluster checks for itself, so ``gluon.kv.etcd`` does not use this.
"""

from __future__ import annotations

from collections.abc import Iterable

from gluon.kv.contract import MAX_REQUEST_BYTES, MAX_TXN_OPS, Delete, Get, KvRefused, Op, Put, Txn

_OP_OVERHEAD = 16


def check(op: Op) -> None:
    """Raise KvRefused where etcd would: an empty key, too many operations, one key written twice, too large."""
    match op:
        case Txn():
            _check_count(op, MAX_TXN_OPS)
            _written(op.success)
            _written(op.failure)
        case Put() | Get():
            _check_key(op.key)
        case Delete():
            _check_key(op.key, prefix=op.prefix)
    if _size(op) > MAX_REQUEST_BYTES:
        raise KvRefused("etcdserver: request is too large")


def _check_key(key: str, *, prefix: bool = False) -> None:
    if not key and not prefix:
        raise KvRefused("etcdserver: key is not provided")


def _check_count(txn: Txn, allowed: int) -> None:
    """Each level may have as many as the levels above it left over."""
    most = max(len(txn.compare), len(txn.success), len(txn.failure))
    if most > allowed:
        raise KvRefused("etcdserver: too many operations in txn request")
    for compare in txn.compare:
        _check_key(compare.key)
    for op in (*txn.success, *txn.failure):
        match op:
            case Txn():
                _check_count(op, allowed - most)
            case Delete():
                _check_key(op.key, prefix=op.prefix)
            case Put() | Get():
                _check_key(op.key)


def _written(ops: Iterable[Op]) -> tuple[set[str], list[Delete]]:
    """The keys that a branch may put and what it may delete; raises KvRefused where these overlap on one path."""
    listed = tuple(ops)
    puts: set[str] = set()
    deletes = [op for op in listed if isinstance(op, Delete)]
    for op in listed:
        if isinstance(op, Txn):
            then_puts, then_deletes = _written(op.success)
            else_puts, else_deletes = _written(op.failure)
            _refuse_overlap(then_puts | else_puts, puts, deletes)
            puts |= then_puts | else_puts
            deletes += then_deletes + else_deletes
    for op in listed:
        if isinstance(op, Put):
            _refuse_overlap({op.key}, puts, deletes)
            puts.add(op.key)
    return puts, deletes


def _refuse_overlap(keys: set[str], puts: set[str], deletes: list[Delete]) -> None:
    if keys & puts or any(covers(delete, key) for delete in deletes for key in keys):
        raise KvRefused("etcdserver: duplicate key given in txn request")


def covers(delete: Delete, key: str) -> bool:
    """Whether this deletes that key."""
    return key.startswith(delete.key) if delete.prefix else key == delete.key


def _size(op: Op) -> int:
    match op:
        case Put():
            return _OP_OVERHEAD + _length(op.key) + len(op.value)
        case Get() | Delete():
            return _OP_OVERHEAD + _length(op.key)
        case Txn():
            operands = (len(compare.operand) if isinstance(compare.operand, bytes) else 0 for compare in op.compare)
            compares = sum(operands) + sum(_OP_OVERHEAD + _length(compare.key) for compare in op.compare)
            return _OP_OVERHEAD + compares + sum(map(_size, (*op.success, *op.failure)))


def _length(key: str) -> int:
    return len(key.encode("utf-8", "surrogateescape"))
