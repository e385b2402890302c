# SPDX-License-Identifier: Apache-2.0
"""The client of an etcd cluster (v3, over gRPC). ``connect`` is the only door; nothing outside kv sees gRPC.

EtcdKv ─► codec (values ⇄ messages) ─► members (which one answers) ─► gRPC
   ├── watching: one stream for each watch, resumed anywhere
   └── leases: kept alive by calls like any other
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from urllib.parse import urlsplit

import grpc

from gluon import settings
from gluon.errors import SettingsError
from gluon.kv import certificates, codec, leases, watching
from gluon.kv.contract import KeyValue, Page, Txn, TxnResult, WatchBatch
from gluon.kv.members import Address, Login, Members

_PORT = 2379


class EtcdKv:
    """See ``gluon.kv.contract.Kv``. Belongs to the event loop it was made in."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._codec = members.codec
        self._leases: set[leases.EtcdLease] = set()

    async def get(self, key: str) -> KeyValue | None:
        response = await self._members.call("range", self._codec.get(key))
        return codec.key_value(response.kvs[0]) if response.kvs else None

    async def page(self, prefix: str, *, after: str | None = None, limit: int = 1000, revision: int = 0) -> Page:
        response = await self._members.call("range", self._codec.page(prefix, after, limit, revision))
        return codec.page(response, revision)

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        response = await self._members.call("put", self._codec.put(key, value, lease))
        return int(response.header.revision)

    async def delete(self, key: str, *, prefix: bool = False) -> int:
        response = await self._members.call("delete", self._codec.delete(key, prefix))
        return int(response.deleted)

    async def txn(self, txn: Txn, *, idempotent: bool = False) -> TxnResult:
        response = await self._members.call("txn", self._codec.txn(txn), repeat=idempotent)
        return codec.result(response, txn)

    def watch(self, prefix: str, *, start: int = 0) -> AsyncGenerator[WatchBatch, None]:
        return watching.follow(self._members, prefix, start)

    async def lease(self, ttl: float) -> leases.EtcdLease:
        lease = await leases.grant(self._members, ttl)
        self._leases = {known for known in self._leases if known.alive} | {lease}
        return lease

    async def revoke(self, lease: int) -> None:
        await leases.revoke(self._members, lease)

    async def revision(self) -> int:
        return await self._members.revision()

    async def close(self) -> None:
        for lease in self._leases:
            await lease.abandon()
        await self._members.close()


async def connect(etcd: settings.Etcd) -> EtcdKv:
    """A client by the settings. Raises SettingsError where they are wrong; needs no member to be there yet."""
    certificates.credentials(etcd)  # what is wrong with them is said at once, whether or not an endpoint needs them
    addresses = [_address(endpoint, lambda: certificates.credentials(etcd)) for endpoint in etcd.endpoints]
    if not addresses:
        raise SettingsError("[etcd] endpoints: at least one URL is needed")
    login = Login(etcd.username, etcd.password) if etcd.username else None
    return EtcdKv(Members(addresses, codec.Codec(), etcd.timeout, login))


def _address(endpoint: str, credentials: Callable[[], grpc.ChannelCredentials]) -> Address:
    try:
        url = urlsplit(endpoint)
        port = url.port or _PORT
    except ValueError as error:
        raise SettingsError(f"[etcd] endpoints: {endpoint!r}: {error}") from None
    if url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/"):
        raise SettingsError(f"[etcd] endpoints: {endpoint!r} is not a URL like https://etcd.example.org:{_PORT}")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return Address(f"{host}:{port}", credentials if url.scheme == "https" else None)
