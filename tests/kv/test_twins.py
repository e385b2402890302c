# SPDX-License-Identifier: Apache-2.0
"""Any programme of transactions has the same outcome in memory as in etcd."""

import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluon.kv.contract import Compare, Delete, Get, KeyValue, KvRefused, Put, Txn, TxnResult
from gluon.kv.etcd import connect
from gluon.kv.memory import MemoryKv
from gluon.settings import Etcd

from .conftest import LIMIT

_KEYS = st.sampled_from(["a", "a/1", "a/2", "b"])
_VALUES = st.sampled_from([b"", b"x", b"y"])
_NUMBERS = st.integers(0, 3)
_COMPARES = st.one_of(
    st.builds(Compare, _KEYS, st.just("version"), st.sampled_from(["=", "!=", "<", ">"]), _NUMBERS),
    st.builds(Compare, _KEYS, st.just("create"), st.sampled_from(["=", "!=", ">"]), st.just(0)),
    st.builds(Compare, _KEYS, st.just("value"), st.sampled_from(["=", "!=", "<", ">"]), _VALUES),
)
_OPS = st.one_of(st.builds(Put, _KEYS, _VALUES), st.builds(Delete, _KEYS, st.booleans()), st.builds(Get, _KEYS))


def _txns(ops: st.SearchStrategy) -> st.SearchStrategy[Txn]:
    branch = st.lists(ops, max_size=3).map(tuple)
    return st.builds(Txn, st.lists(_COMPARES, max_size=2).map(tuple), branch, branch)


_TXNS = _txns(st.recursive(_OPS, _txns, max_leaves=6))


def _under(folder: str, op):
    """The operation on keys in this folder."""
    if isinstance(op, Txn):
        return Txn(*(tuple(_under(folder, part) for part in parts) for parts in (op.compare, op.success, op.failure)))
    return replace(op, key=folder + op.key)


def _relative(value, base: int):
    """An outcome with revisions counted from ``base``."""
    if isinstance(value, KeyValue):
        created = value.create_revision and value.create_revision - base
        return replace(value, create_revision=created, mod_revision=value.mod_revision - base)
    if isinstance(value, TxnResult):
        return replace(value, revision=value.revision - base, responses=tuple(_relative(each, base) for each in value.responses))
    return value


async def _run(kv, folder, programme):
    base = await kv.revision()
    outcomes = []
    for txn in programme:
        try:
            outcomes.append(_relative(await kv.txn(_under(folder, txn)), base))
        except KvRefused as refused:
            outcomes.append(str(refused))
    page = await kv.page(folder)
    last = await kv.revision()
    events = []
    watch = kv.watch(folder, start=base + 1)
    if last > base:
        async for batch in watch:
            events += [(event.type, _relative(event.kv, base)) for event in batch.events]
            if batch.revision >= last:
                break
    await watch.aclose()
    return outcomes, [_relative(kv, base) for kv in page.items], events


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(programme=st.lists(_TXNS, max_size=8))
@pytest.mark.usefixtures("patient")
async def test_the_same_outcome(etcd_endpoint, programme):
    folder = f"/twins/{uuid.uuid4().hex}/"
    kv = await connect(Etcd(endpoints=(etcd_endpoint,), timeout=LIMIT))
    real = await _run(kv, folder, programme)
    await kv.close()
    assert await _run(MemoryKv(), folder, programme) == real
