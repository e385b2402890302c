# SPDX-License-Identifier: Apache-2.0
"""The messages of etcd's v3 API that Gluon uses: names, field numbers and types, and the classes made of them.

The classes are built when a client is, so that no generated code ties us to one version of protobuf. Enumerations are
int32 here and the syntax is proto2, which writes a field that was set even where it is zero: the same bytes on the wire.
Source: etcd's API reference, rpc.proto and kv.proto (etcd.io/docs/v3.5/dev-guide/api_reference_v3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "gluon.kv"

#: Message -> its fields as name:number:type; a type with * is repeated, one that is no scalar is another message.
MESSAGES: Mapping[str, str] = {
    "KeyValue": "key:1:bytes create_revision:2:int64 mod_revision:3:int64 version:4:int64 value:5:bytes lease:6:int64",
    "Event": "type:1:int32 kv:2:KeyValue",
    "Header": "cluster_id:1:uint64 member_id:2:uint64 revision:3:int64",
    "RangeRequest": "key:1:bytes range_end:2:bytes limit:3:int64 revision:4:int64 count_only:9:bool",
    "RangeResponse": "header:1:Header kvs:2:KeyValue* more:3:bool count:4:int64",
    "PutRequest": "key:1:bytes value:2:bytes lease:3:int64",
    "PutResponse": "header:1:Header",
    "DeleteRangeRequest": "key:1:bytes range_end:2:bytes",
    "DeleteRangeResponse": "header:1:Header deleted:2:int64",
    "RequestOp": "request_range:1:RangeRequest request_put:2:PutRequest request_delete_range:3:DeleteRangeRequest "
    "request_txn:4:TxnRequest",
    "ResponseOp": "response_range:1:RangeResponse response_put:2:PutResponse response_delete_range:3:DeleteRangeResponse "
    "response_txn:4:TxnResponse",
    "Compare": "result:1:int32 target:2:int32 key:3:bytes version:4:int64 create_revision:5:int64 mod_revision:6:int64 "
    "value:7:bytes lease:8:int64",
    "TxnRequest": "compare:1:Compare* success:2:RequestOp* failure:3:RequestOp*",
    "TxnResponse": "header:1:Header succeeded:2:bool responses:3:ResponseOp*",
    "WatchCreateRequest": "key:1:bytes range_end:2:bytes start_revision:3:int64 progress_notify:4:bool fragment:8:bool",
    "WatchProgressRequest": "",
    "WatchRequest": "create_request:1:WatchCreateRequest progress_request:3:WatchProgressRequest",
    "WatchResponse": "header:1:Header watch_id:2:int64 created:3:bool canceled:4:bool compact_revision:5:int64 "
    "cancel_reason:6:string fragment:7:bool events:11:Event*",
    "LeaseGrantRequest": "TTL:1:int64 ID:2:int64",
    "LeaseGrantResponse": "header:1:Header ID:2:int64 TTL:3:int64 error:4:string",
    "LeaseRevokeRequest": "ID:1:int64",
    "LeaseRevokeResponse": "header:1:Header",
    "LeaseKeepAliveRequest": "ID:1:int64",
    "LeaseKeepAliveResponse": "header:1:Header ID:2:int64 TTL:3:int64",
    "AuthenticateRequest": "name:1:string password:2:string",
    "AuthenticateResponse": "header:1:Header token:2:string",
}

#: Method -> (path, request, response). A keep-alive is one message each way, so it is called like the others although
#: etcd declares it a stream.
CALLS: Mapping[str, tuple[str, str, str]] = {
    "range": ("/etcdserverpb.KV/Range", "RangeRequest", "RangeResponse"),
    "put": ("/etcdserverpb.KV/Put", "PutRequest", "PutResponse"),
    "delete": ("/etcdserverpb.KV/DeleteRange", "DeleteRangeRequest", "DeleteRangeResponse"),
    "txn": ("/etcdserverpb.KV/Txn", "TxnRequest", "TxnResponse"),
    "grant": ("/etcdserverpb.Lease/LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse"),
    "revoke": ("/etcdserverpb.Lease/LeaseRevoke", "LeaseRevokeRequest", "LeaseRevokeResponse"),
    "keep_alive": ("/etcdserverpb.Lease/LeaseKeepAlive", "LeaseKeepAliveRequest", "LeaseKeepAliveResponse"),
    "authenticate": ("/etcdserverpb.Auth/Authenticate", "AuthenticateRequest", "AuthenticateResponse"),
}

WATCH = ("/etcdserverpb.Watch/Watch", "WatchRequest", "WatchResponse")


def build(messages: Mapping[str, str]) -> Mapping[str, Any]:
    """The message classes of such a table, in a descriptor pool of their own."""
    file = descriptor_pb2.FileDescriptorProto(name="gluon/kv/wire", package=_PACKAGE, syntax="proto2")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for spec in fields.split():
            field, number, kind = spec.split(":")
            _add_field(message, field, int(number), kind)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in messages}


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    types = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number, label=types.LABEL_OPTIONAL)
    if kind.endswith("*"):
        field.label = types.LABEL_REPEATED
        kind = kind[:-1]
    scalar = getattr(types, f"TYPE_{kind.upper()}", None)
    if scalar is None:
        field.type = types.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = scalar
