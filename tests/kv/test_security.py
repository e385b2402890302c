# SPDX-License-Identifier: Apache-2.0
"""TLS with client certificates, and etcd's own users."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from gluon.kv.contract import Kv, KvRefused, KvUnavailable
from gluon.kv.etcd import connect
from gluon.kv.process import EtcdProcess
from gluon.settings import Etcd

from .administration import enable_users
from .certificates import Authority
from .test_watch import next_events


@dataclass(frozen=True)
class Secured:
    """An etcd that wants client certificates; ``settings`` have them."""

    etcd: EtcdProcess
    settings: dict[str, object]
    folder: Path

    def channel(self) -> grpc.aio.Channel:
        parts = (Path(str(self.settings[name])).read_bytes() for name in ("ca_file", "key_file", "cert_file"))
        return grpc.aio.secure_channel(self.etcd.endpoint.removeprefix("https://"), grpc.ssl_channel_credentials(*parts))


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    authority = Authority(tmp_path)
    server, client = authority.issue("server"), authority.issue("client")
    options = (
        "--client-cert-auth",
        f"--trusted-ca-file={authority.pair.cert}",
        f"--cert-file={server.cert}",
        f"--key-file={server.key}",
        "--auth-token-ttl=1",
    )
    async with EtcdProcess(tmp_path / "etcd", options=options, scheme="https") as etcd:
        settings = {
            "endpoints": (etcd.endpoint,),
            "ca_file": str(authority.pair.cert),
            "cert_file": str(client.cert),
            "key_file": str(client.key),
        }
        yield Secured(etcd, settings, tmp_path)


async def test_certificates(secured: Secured):
    kv = await connect(Etcd(**secured.settings))
    await kv.put("/gluon/a", b"1")
    watch = kv.watch("/gluon/", start=2)
    assert (await next_events(watch)).events[0].kv.value == b"1"
    await watch.aclose()
    await kv.close()

    stranger = Authority(secured.folder, "stranger")
    theirs = {"cert_file": str(stranger.pair.cert), "key_file": str(stranger.pair.key)}
    for wrong in (
        {**secured.settings, "ca_file": str(stranger.pair.cert)},
        {**secured.settings, **theirs},
        {**secured.settings, "cert_file": "", "key_file": ""},
    ):
        refused = await connect(Etcd(**wrong, timeout=1.0))
        with pytest.raises(KvUnavailable):
            await refused.get("/gluon/a")
        await refused.close()


async def test_users(secured: Secured):
    early = await connect(Etcd(**secured.settings, username="gluon", password="secret"))
    await early.put("/gluon/a", b"before there are users")
    async with secured.channel() as channel:
        await enable_users(channel)

    await early.put("/gluon/a", b"1")
    await early.revision()
    for attempt in (early.put("/other", b""), early.get("/other"), anext(early.watch("/other"))):
        with pytest.raises(KvRefused):
            await attempt
    await _follow_over_new_tokens(early, secured.etcd)
    await early.close()

    wrong = await connect(Etcd(**secured.settings, username="gluon", password="guessed"))
    with pytest.raises(KvRefused) as refused:
        await wrong.get("/gluon/a")
    assert refused.value.whole
    assert "guessed" not in str(refused.value)
    await wrong.close()

    nobody = await connect(Etcd(**secured.settings))
    with pytest.raises(KvRefused):
        await nobody.get("/gluon/a")
    await nobody.close()


async def _follow_over_new_tokens(kv: Kv, etcd: EtcdProcess) -> None:
    """Tokens end after a second here, and with a restart; calls and watches go on with new ones."""
    watch = kv.watch("/gluon/")
    await anext(watch)
    await asyncio.sleep(2.5)
    await kv.put("/gluon/b", b"2")
    assert (await next_events(watch)).events[0].kv.value == b"2"
    await etcd.kill()
    await etcd.start()
    await kv.put("/gluon/b", b"3")
    assert (await next_events(watch)).events[0].kv.value == b"3"
    await watch.aclose()
