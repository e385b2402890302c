# SPDX-License-Identifier: Apache-2.0
"""What ``connect`` says about settings that cannot work, and that it needs no etcd to be there."""

import pytest

from gluon.errors import SettingsError
from gluon.kv.contract import KvUnavailable
from gluon.kv.etcd import connect
from gluon.settings import Etcd


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (Etcd(endpoints=()), "endpoints"),
        (Etcd(endpoints=("127.0.0.1:2379",)), "127.0.0.1:2379"),
        (Etcd(endpoints=("ftp://host",)), "ftp://host"),
        (Etcd(endpoints=("http://host:port",)), "http://host:port"),
        (Etcd(endpoints=("http://host/path",)), "http://host/path"),
        (Etcd(ca_file="/no/such/file"), "ca_file: /no/such/file: No such file"),
        (Etcd(cert_file="/some/file"), "key_file"),
    ],
)
async def test_wrong_settings(settings, text):
    with pytest.raises(SettingsError, match=r"^\[etcd\] ") as error:
        await connect(settings)
    assert text in str(error.value)


async def test_no_etcd_is_there():
    kv = await connect(Etcd(endpoints=("http://127.0.0.1:1", "http://[::1]:1"), timeout=0.5))
    with pytest.raises(KvUnavailable, match=r"127\.0\.0\.1:1, \[::1\]:1"):
        await kv.get("/a")
    await kv.close()
