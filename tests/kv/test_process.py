# SPDX-License-Identifier: Apache-2.0
"""etcd as a child process."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from gluon.kv.etcd import connect
from gluon.kv.process import EtcdProcess, Ports
from gluon.kv.program import EtcdFailed, find_etcd
from gluon.settings import Etcd


async def test_it_keeps_its_data_and_address(tmp_path):
    etcd = EtcdProcess(tmp_path / "etcd")
    with pytest.raises(EtcdFailed):
        _ = etcd.endpoint
    await etcd.start()
    kv = await connect(Etcd(endpoints=(etcd.endpoint,)))
    await kv.put("/a", b"1")
    endpoint = etcd.endpoint
    await etcd.kill()
    assert not etcd.running
    await etcd.start()
    assert etcd.endpoint == endpoint
    assert (await kv.get("/a")).value == b"1"
    await kv.close()
    await etcd.stop()
    await etcd.stop()


async def test_a_taken_port_is_replaced(tmp_path, etcd_endpoint, monkeypatch):
    free = Ports.choose()
    taken = Ports(int(etcd_endpoint.rsplit(":", 1)[1]), free.peer, free.health)
    guesses = iter((taken, Ports.choose()))
    monkeypatch.setattr(Ports, "choose", lambda: next(guesses))
    async with EtcdProcess(tmp_path / "etcd") as etcd:
        assert etcd.endpoint != etcd_endpoint


async def test_what_etcd_says_of_wrong_options_is_told(tmp_path):
    with pytest.raises(EtcdFailed, match="no-such-option"):
        await EtcdProcess(tmp_path / "etcd", options=("--no-such-option",)).start()


def test_where_there_is_no_etcd(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EtcdFailed, match="PATH"):
        find_etcd()


_PARENT = """
import asyncio, sys, pathlib
from gluon.kv.process import EtcdProcess
async def main():
    etcd = EtcdProcess(pathlib.Path(sys.argv[1]))
    await etcd.start()
    print(etcd.endpoint, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_it_ends_with_its_parent(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path / "etcd")], stdout=subprocess.PIPE, text=True)
    with parent:
        endpoint = (await asyncio.to_thread(parent.stdout.readline)).strip()
        os.kill(parent.pid, signal.SIGKILL)
    host, port = endpoint.removeprefix("http://").split(":")
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.02)
