# SPDX-License-Identifier: Apache-2.0
"""Ports for servers: nobody else is given one, not by us and not by the kernel."""

import json
import socket
import subprocess
import sys

import pytest

from gluon.kv import ports

_OTHER = (
    "import json, sys; from gluon.kv.ports import free_ports; print(json.dumps(free_ports(20)), flush=True); sys.stdin.read()"
)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so few ports two would soon choose the same."""
    guesses = iter(range(30_000, 30_060))
    monkeypatch.setattr(ports, "_guess", lambda: next(guesses))


def test_none_is_given_twice_nor_one_that_the_kernel_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_range_of_kernel", lambda: 20_000)
    found = ports.free_ports(500) + ports.free_ports(500)
    assert len(set(found)) == 1000
    assert max(found) < 20_000


def test_none_is_given_on_which_somebody_listens(few: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 30_001))
        taken.listen()
        assert 30_001 not in ports.free_ports(20)


def test_none_is_given_that_another_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", _OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = json.loads(other.stdout.readline())
        guesses = iter([*theirs, *ports.free_ports(1)])
        monkeypatch.setattr(ports, "_given", set())
        monkeypatch.setattr(ports, "_guess", lambda: next(guesses))
        (ours,) = ports.free_ports(1)
        assert ours not in theirs
        other.communicate("")
    guesses = iter(theirs)
    assert ports.free_ports(20) == theirs, "they are free again when it has ended"


def test_where_the_kernel_chooses_from_nearly_all_it_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_range_of_kernel", lambda: 1024)
    assert len(set(ports.free_ports(3))) == 3


def test_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(ports, "_guess", lambda: taken.getsockname()[1])
        with pytest.raises(OSError, match="no TCP port on loopback was found free"):
            ports.free_ports(1)
