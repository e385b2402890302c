# SPDX-License-Identifier: Apache-2.0
"""What an operator does to an etcd cluster and Gluon never does: compaction, users and roles."""

from typing import Any

import grpc

from gluon.kv.wire import build

_MESSAGES = {
    "Empty": "",
    "Compact": "revision:1:int64",
    "User": "name:1:string password:2:string",
    "UserRole": "user:1:string role:2:string",
    "Role": "name:1:string",
    "Permission": "permType:1:int32 key:2:bytes range_end:3:bytes",
    "RolePermission": "name:1:string perm:2:Permission",
}
READ_AND_WRITE = 2


async def administer(channel: grpc.aio.Channel, method: str, message: str = "Empty", **fields: Any) -> None:
    """Call ``Service/Method`` with this message."""
    messages = build(_MESSAGES)
    call = channel.unary_unary(
        f"/etcdserverpb.{method}",
        request_serializer=messages[message].SerializeToString,
        response_deserializer=messages["Empty"].FromString,
    )
    await call(messages[message](**fields), timeout=30)


async def compact(endpoint: str, revision: int) -> None:
    """Forget the history before the revision."""
    async with grpc.aio.insecure_channel(endpoint.removeprefix("http://")) as channel:
        await administer(channel, "KV/Compact", "Compact", revision=revision)


async def enable_users(channel: grpc.aio.Channel) -> None:
    """User root, and user gluon who may do what he likes under /gluon/ only; both have the password ``secret``."""
    everything_of_gluon = {"permType": READ_AND_WRITE, "key": b"/gluon/", "range_end": b"/gluon0"}
    await administer(channel, "Auth/RoleAdd", "Role", name="root")
    await administer(channel, "Auth/RoleAdd", "Role", name="gluon")
    await administer(channel, "Auth/RoleGrantPermission", "RolePermission", name="gluon", perm=everything_of_gluon)
    for user in ("root", "gluon"):
        await administer(channel, "Auth/UserAdd", "User", name=user, password="secret")
        await administer(channel, "Auth/UserGrantRole", "UserRole", user=user, role=user)
    await administer(channel, "Auth/AuthEnable")
