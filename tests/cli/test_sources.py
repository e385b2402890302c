# SPDX-License-Identifier: Apache-2.0
"""Values that come from elsewhere than the command line, and those that look like options or like nothing at all."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from gluon.cli.exits import Exit
from tests.cli.apiserver import ApiServer
from tests.cli.conftest import Runner


def type_in(monkeypatch: pytest.MonkeyPatch, typed: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8"))


class TestFiles:
    def test_json_comes_from_a_file(self, api: ApiServer, client: Runner, tmp_path: Path) -> None:
        file = tmp_path / "parts.json"
        file.write_text('[{"name": "橋"}]\n', encoding="utf-8")
        assert client("gadget-create", "--size", "1", "--parts", f"@{file}").code == Exit.OK
        assert api.calls()[0].body == {"size": 1, "parts": [{"name": "橋"}]}

    def test_json_comes_from_standard_input(self, api: ApiServer, client: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, b'{"a":\n1}')
        assert client("gadget-create", "--size", "1", "--more", "@-").code == Exit.OK
        assert api.calls()[0].body == {"size": 1, "more": {"a": 1}}

    def test_a_text_keeps_its_at_sign(self, api: ApiServer, client: Runner) -> None:
        assert client("gadget-create", "--size", "1", "--name", "@home").code == Exit.OK
        assert api.calls()[0].body == {"size": 1, "name": "@home"}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "No such file or directory"),
            (b"\xff", "is not a file of UTF-8 text"),
            (b"[1", 'expected a JSON object such as {"key": "value"}: Expecting'),
        ],
    )
    def test_what_cannot_be_read(
        self, api: ApiServer, client: Runner, tmp_path: Path, content: bytes | None, message: str
    ) -> None:
        file = tmp_path / "more.json"
        if content is not None:
            file.write_bytes(content)
        done = client("gadget-create", "--size", "1", "--more", f"@{file}")
        assert (done.code, api.calls()) == (Exit.USAGE, [])
        assert message in done.err
        assert len(done.err.splitlines()) == 1


class TestSecrets:
    def test_comes_from_a_line_of_standard_input(self, api: ApiServer, client: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, b" gehe im\r\nnext")
        assert client("gadget-create", "--size", "1", "--secret", "-").code == Exit.OK
        assert api.calls()[0].body == {"size": 1, "secret": " gehe im"}

    def test_is_asked_for_after_the_line_is_known_to_be_right(self, client: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        type_in(monkeypatch, b"geheim\n")
        assert client("gadget-create", "--secret", "-").code == Exit.USAGE
        assert sys.stdin.read() == "geheim\n"

    @pytest.mark.parametrize(("typed", "message"), [(b"", "nothing came"), (b"\xff\n", "is not UTF-8")])
    def test_what_is_no_secret(
        self, api: ApiServer, client: Runner, monkeypatch: pytest.MonkeyPatch, typed: bytes, message: str
    ) -> None:
        type_in(monkeypatch, typed)
        done = client("gadget-create", "--size", "1", "--secret", "-")
        assert (done.code, message in done.err, api.calls()) == (Exit.USAGE, True, [])

    def test_is_not_shown_on_a_terminal(self) -> None:
        command = "from gluon.cli.sources import secret; print(secret('secret').upper(), '.')"
        terminal, inside = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-c", command], stdin=inside, stdout=inside, stderr=inside, start_new_session=True, close_fds=True
        ) as process:
            seen = b""
            while b"secret: " not in seen:
                seen += os.read(terminal, 100)
            os.write(terminal, b"geheim\n")
            while b"." not in seen:
                seen += os.read(terminal, 100)
            assert process.wait(20) == 0
        os.close(inside)
        os.close(terminal)
        assert b"GEHEIM" in seen
        assert b"geheim" not in seen

    def test_the_help_says_so(self, client: Runner) -> None:
        assert "never shown again; - asks for it" in client("gadget-create", "--help").out
        assert "standard input" in client.bare("--help").out

    def test_the_help_tells_of_files_where_json_is_wanted(self, client: Runner) -> None:
        told = " ".join(client("gadget-create", "--help").out.split())
        assert "--parts JSON list of object with name; or @FILE" in told
        assert told.count("@FILE") == 2


class TestLooks:
    def test_a_value_may_begin_with_a_hyphen(self, api: ApiServer, client: Runner) -> None:
        words = ("--size", "1", "--name", "-dash", "--weight", "-1e3", "--sizes", "-1,-2", "--serial=--x", "--host", "-")
        assert client("gadget-create", *words).code == Exit.OK
        body = {"size": 1, "name": "-dash", "weight": -1000.0, "sizes": [-1, -2], "serial": "--x", "host": "-"}
        assert api.calls()[0].body == body

    @pytest.mark.parametrize("value", ["--x", "-color"])
    def test_one_that_may_be_an_option_is_asked_about(self, client: Runner, value: str) -> None:
        done = client("gadget-create", "--size", "1", "--name", value)
        assert done.code == Exit.USAGE
        assert "--name: expected one argument; one that begins with - is given as --name=-…" in done.err

    @pytest.mark.parametrize("command", [("gadget-show",), ("gadget-update", "--size", "1"), ("gadget-delete", "a")])
    def test_an_identifier_is_not_empty(self, api: ApiServer, client: Runner, command: tuple[str, ...]) -> None:
        done = client(*command, "")
        assert (done.code, "ID: must not be empty" in done.err, api.calls()) == (Exit.USAGE, True, [])

    @pytest.mark.parametrize(
        ("more", "message"),
        [('{"a": 1e999}', "'1e999' is too large a number"), ('{"a": {"b": 1, "b": 2}}', "'b' is given twice")],
    )
    def test_json_that_would_change_on_its_way(self, api: ApiServer, client: Runner, more: str, message: str) -> None:
        done = client("gadget-create", "--size", "1", "--more", more)
        assert (done.code, message in done.err, api.calls()) == (Exit.USAGE, True, [])

    def test_messages_hold_the_beginning_of_a_large_value(self, client: Runner) -> None:
        done = client("gadget-create", "--size", "7" * 100_000)
        assert "777…' is too large a number" in done.err
        assert len(done.err) < 300

    @pytest.mark.parametrize("words", [("gadget-show", "\udcff"), ("gadget-create", "--size", "1", "--name", "\udcff")])
    def test_bytes_that_are_no_text(self, client: Runner, words: tuple[str, ...]) -> None:
        done = client(*words)
        assert (done.code, "is not UTF-8" in done.err) == (Exit.USAGE, True)


class TestHints:
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (("--api", "toy", "gadget-create"), "(see protonclient --api toy gadget-create --help)"),
            (("--api", "toy", "gadget-frob"), "(see protonclient --api toy --help)"),
            (("--api", "toy", "--api-version", "9", "gadget-list"), "; it has 1.0 (see protonclient --api toy --help)"),
            (("--aip", "toy", "gadget-list"), "(see protonclient --help)"),
            (("--port", "x", "--api", "toy", "gadget-list"), "(see protonclient --help)"),
        ],
    )
    def test_lead_to_help_that_is_there(self, client: Runner, words: tuple[str, ...], hint: str) -> None:
        done = client.bare(*words)
        assert done.code == Exit.USAGE
        assert done.err.rstrip().endswith(hint)
        assert done.err.count("(see") == 1

    @pytest.mark.parametrize("host", ["http://localhost", "localhost/x", "a b", "a:b", "me@there", "[::1"])
    def test_a_host_is_a_name_or_an_address(self, client: Runner, host: str) -> None:
        done = client.bare("--host", host, "--api", "toy", "gadget-list")
        assert (done.code, "is not a name or an address of a host" in done.err) == (Exit.USAGE, True)

    def test_of_completion(self, client: Runner) -> None:
        done = client.bare("completion", "--help")
        assert (done.code, done.out) == (Exit.OK, "usage: protonclient completion bash|zsh|fish\n")
