# SPDX-License-Identifier: Apache-2.0
"""Ports for servers: nobody else is given one, not by us and not by the kernel."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gluon.errors import GluonError
from gluon.kv import ports

_OTHER = (
    "import json, sys; from gluon.kv.ports import free_ports; print(json.dumps(free_ports(20)), flush=True); sys.stdin.read()"
)


def test_none_is_given_twice_nor_one_that_the_kernel_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_range_of_kernel", lambda: 20_000)
    found = ports.free_ports(500) + ports.free_ports(500)
    assert len(set(found)) == 1000
    assert max(found) < 20_000


def test_none_is_given_on_which_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    (free,) = ports.free_ports(1)
    monkeypatch.setattr(ports, "_given", set())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        guesses = iter([taken.getsockname()[1], free])
        monkeypatch.setattr(ports, "_guess", lambda: next(guesses))
        assert ports.free_ports(1) == [free]


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
        with pytest.raises(GluonError, match="no TCP port on loopback was found free"):
            ports.free_ports(1)


def test_the_file_of_locks_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / f"gluon-ports-{os.getuid()}").symlink_to("elsewhere")
    ports._file.cache_clear()
    try:
        with pytest.raises(GluonError, match="gluon-ports-"):
            ports.free_ports(1)
    finally:
        ports._file.cache_clear()
