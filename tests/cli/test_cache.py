# SPDX-License-Identifier: Apache-2.0
"""What protonclient keeps of the server: used when it can be, never in the way when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gluon.cli.cache import Cache, Kept, folder_of
from gluon.cli.exits import Exit
from tests.cli.apiserver import ApiServer
from tests.cli.conftest import Runner


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def stored(client: Runner) -> Path:
    """The folder after one command."""
    assert client("gadget-list").code == Exit.OK
    return client.cache


def test_everything_is_below_one_folder(client: Runner, stored: Path, tmp_path: Path) -> None:
    client.bare("--help")
    assert len(files(tmp_path)) == 3
    assert all(file.is_relative_to(stored) for file in files(tmp_path))


def test_an_unchanged_document_is_not_written_again(client: Runner, stored: Path) -> None:
    before = [file.stat().st_ino for file in files(stored)]
    assert client("gadget-list").code == Exit.OK
    assert [file.stat().st_ino for file in files(stored)] == before


@pytest.mark.parametrize(
    "rubbish",
    [
        *(b"", b"{", b"\xff", b"null", b"[]", b"{}", b'{"etag": 5, "document": null}', b'{"etag": "x"}', b"[" * 100_000),
        b'{"etag": "x", "document": {"proton": "toy", "objects": [{}]}}',
    ],
)
def test_rubbish_is_as_nothing(client: Runner, stored: Path, rubbish: bytes) -> None:
    for file in files(stored):
        file.write_bytes(rubbish)
    assert client("gadget-list").code == Exit.OK
    assert client("gadget-list").code == Exit.OK


def test_a_document_that_is_not_understood_is_fetched_again(api: ApiServer, client: Runner, stored: Path) -> None:
    """Kept with the tag that the server still gives, but nothing that can be used."""
    for file in files(stored):
        kept = json.loads(file.read_bytes())
        kept["document"] = {"objects": [{}]}
        file.write_text(json.dumps(kept))
    assert client("gadget-list").code == Exit.OK


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere", ""])
def test_a_folder_that_cannot_be_written_is_no_error(client: Runner, home: str) -> None:
    client.environment["HOME"] = home
    done = client("gadget-list")
    assert (done.code, done.err) == (Exit.OK, "")


def test_a_file_where_the_folder_should_be(client: Runner, tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("")
    assert client("gadget-list").code == Exit.OK


def test_xdg_cache_home(client: Runner, tmp_path: Path) -> None:
    client.environment["XDG_CACHE_HOME"] = str(tmp_path / "elsewhere")
    assert client("gadget-list").code == Exit.OK
    assert files(tmp_path / "elsewhere" / "gluon")
    assert not client.cache.exists()


def test_servers_do_not_share() -> None:
    environment = {"HOME": "/home/someone", "XDG_CACHE_HOME": "relative"}
    assert folder_of(environment, "a", 1) == Path("/home/someone/.cache/gluon/a_1")
    assert folder_of(environment, "../..", 1).parent == Path("/home/someone/.cache/gluon")


def test_names_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.write("../../x", Kept(None, 1))
    cache.write("..", Kept(None, 2))
    assert all(file.is_relative_to(tmp_path / "cache") for file in files(tmp_path))
    assert cache.read("../../x") == Kept(None, 1)


class TestAway:
    def test_help_shows_what_was_known(self, api: ApiServer, client: Runner, stored: Path) -> None:
        client.environment["OS_PROTON_PORT"] = _closed(api, client)
        done = client("gadget-create", "--help")
        assert done.code == Exit.OK
        assert "--size INTEGER" in done.out
        assert "no answer from" in done.err
        assert "this is what was known before" in done.err
        assert client("--help").code == Exit.OK

    def test_help_of_the_program_still_comes(self, api: ApiServer, client: Runner) -> None:
        client.environment["OS_PROTON_PORT"] = _closed(api, client)
        done = client.bare("--help")
        assert done.code == Exit.OK
        assert "exit codes:" in done.out
        assert "which APIs there are is not known" in done.err

    def test_nothing_is_sent_by_what_was_known(self, api: ApiServer, client: Runner, stored: Path) -> None:
        client.environment["OS_PROTON_PORT"] = _closed(api, client)
        done = client("gadget-create", "--size", "1")
        assert (done.code, done.out) == (Exit.NO_ANSWER, "")
        assert done.err.startswith("protonclient: no answer from http://127.0.0.1:")
        assert len(done.err.splitlines()) == 1

    def test_without_api(self, api: ApiServer, client: Runner) -> None:
        client.environment["OS_PROTON_PORT"] = _closed(api, client)
        assert client.bare().code == Exit.NO_ANSWER


def _closed(api: ApiServer, client: Runner) -> str:
    """A port on which nobody listens, with what is kept of the server moved there."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    old = client.cache / f"127.0.0.1_{api.address[1]}"
    if old.exists():
        old.rename(client.cache / f"127.0.0.1_{port}")
    return port
