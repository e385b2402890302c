# SPDX-License-Identifier: Apache-2.0
"""Ports for servers: nobody else is given one, not by us and not by the kernel."""

import json
import os
import socket
import subprocess
import sys

import pytest

from gluon.errors import GluonError
from gluon.kv.ports import Supply, free_ports

#: One of two blocks, then until told to end.
_OTHER = """
import json, sys
from gluon.kv.ports import Supply
print(json.dumps(Supply(2000, 2200, 1).give(1)), flush=True)
sys.stdin.read()
"""


def block(port: int) -> int:
    return port // 100


def test_none_is_given_twice_nor_one_that_the_kernel_gives() -> None:
    supply = Supply(10_240, 20_000)
    found = supply.give(150) + supply.give(150)
    assert len(set(found)) == 300
    assert min(found) >= 10_240 and max(found) < 20_000


def test_none_is_given_on_which_somebody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert Supply(port, port + 100, 1).give(1) != [port]


def test_none_is_given_that_another_process_has_while_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gluon.kv.ports._is_free", lambda port: True)  # whoever else listens on some of these
    supply = Supply(2000, 2200, 1)
    with subprocess.Popen([sys.executable, "-c", _OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        (theirs,) = json.loads(child.stdout.readline())
        ours = supply.give(100)
        assert {block(port) for port in ours} == {20, 21} - {block(theirs)}
        with pytest.raises(GluonError, match="all TCP ports from 2000 to 2199 are taken"):
            supply.give(1)
        child.communicate("")
    assert block(*supply.give(1)) == block(theirs)


def test_a_child_that_is_forked_gives_others() -> None:
    free_ports(1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(free_ports(1)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        (theirs,) = json.load(said)
    os.waitpid(child, 0)
    assert block(*free_ports(1)) != block(theirs)


def test_where_the_kernel_chooses_from_nearly_all_it_chooses() -> None:
    assert len(set(Supply(10_240, 1024).give(3))) == 3
