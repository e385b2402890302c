# SPDX-License-Identifier: Apache-2.0
"""The table from gRPC's status and etcd's texts to what is done."""

import grpc
import pytest

from gluon.kv.contract import Compacted, KvRefused, LeaseLost
from gluon.kv.status import Verdict, judge

_CODE = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "text", "verdict"),
    [
        (_CODE.UNAVAILABLE, "failed to connect to all addresses; last error: …", Verdict.UNSENT),
        (_CODE.UNAVAILABLE, "Socket closed", Verdict.UNKNOWN),
        (_CODE.UNAVAILABLE, "etcdserver: request timed out", Verdict.UNKNOWN),
        (_CODE.UNAVAILABLE, "etcdserver: no leader", Verdict.UNKNOWN),
        (_CODE.RESOURCE_EXHAUSTED, "etcdserver: too many requests", Verdict.UNSENT),
        (_CODE.DEADLINE_EXCEEDED, "Deadline Exceeded", Verdict.SILENT),
        (_CODE.UNAUTHENTICATED, "etcdserver: invalid auth token", Verdict.LOGIN),
        (_CODE.INVALID_ARGUMENT, "etcdserver: revision of auth store is old", Verdict.LOGIN),
        (_CODE.INVALID_ARGUMENT, "etcdserver: user name is empty", Verdict.LOGIN),
        (_CODE.UNKNOWN, "something odd", Verdict.UNKNOWN),
    ],
)
def test_what_is_tried_again(code, text, verdict):
    assert judge(code, text).verdict is verdict


@pytest.mark.parametrize(
    ("code", "text", "kind", "whole"),
    [
        (_CODE.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Compacted, None),
        (_CODE.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision", Compacted, None),
        (_CODE.NOT_FOUND, "etcdserver: requested lease not found", LeaseLost, None),
        (_CODE.INVALID_ARGUMENT, "etcdserver: request is too large", KvRefused, False),
        (_CODE.INVALID_ARGUMENT, "etcdserver: too many operations in txn request", KvRefused, False),
        (_CODE.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request", KvRefused, False),
        (_CODE.RESOURCE_EXHAUSTED, "grpc: received message larger than max", KvRefused, False),
        (_CODE.PERMISSION_DENIED, "etcdserver: permission denied", KvRefused, True),
        (_CODE.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", KvRefused, True),
        (_CODE.INVALID_ARGUMENT, "etcdserver: authentication failed, invalid user ID or password", KvRefused, True),
        (_CODE.UNIMPLEMENTED, "unknown service", KvRefused, True),
    ],
)
def test_what_is_final(code, text, kind, whole):
    failure = judge(code, text)
    assert failure.verdict is Verdict.FINAL
    assert isinstance(failure.error, kind)
    assert getattr(failure.error, "whole", None) is whole
