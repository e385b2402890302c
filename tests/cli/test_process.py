# SPDX-License-Identifier: Apache-2.0
"""protonclient as a process: what it imports, how it meets pipes, signals and shells."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.apiserver import ApiServer, Asked
from tests.cli.conftest import Runner

COMMAND = (sys.executable, "-m", "gluon.cmd.protonclient")
#: Slow to import, or no part of the standard library. None is needed to talk to a server.
SLOW = ("asyncio", "msgspec", "ruamel", "yaml", "sqlalchemy", "grpc", "starlette", "uvicorn", "oslo_config", "shutil", "difflib")
OWN_BUT_NOT_NEEDED = ("gluon.model", "gluon.particle", "gluon.store", "gluon.kv", "gluon.server", "gluon.cli.completion")
CAPTURED: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 30, "check": False}

REPORT = """
import json, sys
from gluon.cmd.protonclient import main
code = main()
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.fixture
def environment(client: Runner) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, **client.environment}


@pytest.mark.parametrize(
    "words", [("--help",), ("gadget-create", "--help"), ("gadget-list", "-f", "json"), ("gadget-list", "-f", "yaml")]
)
def test_imports_nothing_slow(environment: dict[str, str], words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORT, "--api", "toy", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    code, modules = json.loads(done.stderr)
    assert code == 0
    loaded = {module.partition(".")[0] for module in modules} | set(modules)
    assert not loaded & set(SLOW)
    assert not [module for module in modules if module.startswith(OWN_BUT_NOT_NEEDED)]


def test_a_reader_that_goes_away_is_no_trouble(api: ApiServer, environment: dict[str, str]) -> None:
    api.scripted = lambda asked: (200, {"gadgets": [{"id": "x" * 500}] * 2000}, {}) if asked.path.endswith("/gadgets") else None
    with subprocess.Popen(
        [*COMMAND, "--api", "toy", "gadget-list"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 141


def test_a_closed_output_is_no_trouble(environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(COMMAND)} --api toy --help >&-"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_said(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--api", "toy", "gadget-list"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (5, "protonclient: standard output: No space left on device\n")


def test_interrupted(api: ApiServer, environment: dict[str, str]) -> None:
    reached = []

    def slow(asked: Asked) -> None:
        if asked.path.endswith("/gadgets"):
            reached.append(asked)
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)

    api.scripted = slow
    with subprocess.Popen(
        [*COMMAND, "--api", "toy", "gadget-list"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 20
        while not reached and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_terminal_that_knows_no_unicode(api: ApiServer, environment: dict[str, str]) -> None:
    api.objects["gadgets"] = {"g": {"id": "g", "name": "橋", "revision": 1}}
    done = subprocess.run(
        [*COMMAND, "--api", "toy", "gadget-show", "g", "-f", "table"],
        env={**environment, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert b"\\u6a4b" in done.stdout


class TestCompletion:
    @pytest.fixture
    def complete(self, client: Runner, api: ApiServer) -> object:
        """Completes words, after one command has been used; checks that the server is not asked."""
        assert client("gadget-list").code == 0
        api.asked.clear()

        def words(*typed: str) -> list[str]:
            done = client.bare("completion", "words", *typed)
            assert (done.code, done.err, api.asked) == (0, "", [])
            return done.out.splitlines()

        return words

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            (("--a",), ["--api", "--api-version"]),
            (("--api", ""), ["toy"]),
            (("--api", "t"), ["toy"]),
            (("-f", "y"), ["yaml"]),
            (("--host", ""), []),
            (("comp",), ["completion"]),
            (("completion", ""), ["bash", "zsh", "fish"]),
            (("--api", "toy", "gadget-"), [f"gadget-{verb}" for verb in ("list", "create", "show", "update", "delete")]),
            (("--format", "json", "--api", "toy", "plug-c"), ["plug-create"]),
            (("--api", "toy", "gadget-create", "--col"), ["--colour", "--colours", "--column"]),
            (("--api", "toy", "gadget-create", "--plug-"), ["--plug-id"]),
            (("--api", "toy", "gadget-create", "--colour", "gr"), ["green", "grey"]),
            (("--api", "toy", "gadget-create", "--colour", "=", "gr"), ["green", "grey"]),
            (("--api", "toy", "gadget-create", "--colour", "="), ["red", "green", "grey"]),
            (("--api", "toy", "gadget-create", "--colour=gr"), ["--colour=green", "--colour=grey"]),
            (("--api", "toy", "gadget-create", "--colours", "red,gr"), ["red,green", "red,grey"]),
            (("--api", "toy", "gadget-create", "--shiny", ""), ["true", "false"]),
            (("--api", "toy", "gadget-create", "--name", ""), []),
            (("--api", "toy", "gadget-list", "-c", "id,na"), ["id,name"]),
            (("--api", "toy", "gadget-update", "x", "--unset", "col"), ["colour", "colours"]),
            (("--api", "toy", "gadget-show", "--"), ["--format", "--column", "--help"]),
            (("--api", "toy", "plug-show", "--"), ["--format", "--column", "--include", "--help"]),
            (("--api", "toy", "plug-show", "--include", ""), ["service_bindings"]),
            (("--api", "toy", "gadget-create", "-f", "t"), ["table"]),
            (("--api", "toy", "gadget-list", "--limit", ""), []),
            (("--api", "toy", "gadget-delete", "x", "--if-match", ""), []),
            (("--api", "nope", ""), []),
            (("--api", "toy", "nope-list", ""), []),
            (("--port", "x", "--api", "toy", ""), []),
        ],
    )
    def test_candidates(self, complete: object, typed: tuple[str, ...], expected: list[str]) -> None:
        assert complete(*typed) == expected  # type: ignore[operator]

    def test_knows_nothing_before_the_first_command(self, client: Runner, api: ApiServer) -> None:
        assert client.bare("completion", "words", "--api", "").out == ""
        assert not api.asked

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_scripts_are_accepted_by_their_shells(self, client: Runner, shell: str, tmp_path: Path) -> None:
        script = tmp_path / "script"
        script.write_text(client.bare("completion", shell).out)
        assert "protonclient completion words" in script.read_text()
        if (found := shutil.which(shell)) is not None:
            subprocess.run([found, "-n", str(script)], check=True, timeout=20)

    @pytest.mark.parametrize("words", [("tcsh",), (), ("bash", "x")])
    def test_usage(self, client: Runner, words: tuple[str, ...]) -> None:
        assert client.bare("completion", *words).code == 2

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("protonclient --api t", ["toy"]),
            ("protonclient --api toy gadget-create --colour gr", ["green", "grey"]),
            ("protonclient --api toy gadget-create --colour=gr", ["green", "grey"]),
        ],
    )
    def test_in_bash(self, client: Runner, environment: dict[str, str], tmp_path: Path, line: str, expected: list[str]) -> None:
        assert client("gadget-list").code == 0
        program = tmp_path / "bin" / "protonclient"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
        program.chmod(0o755)
        words = line.replace("=", " = ").split()
        typed = " ".join(f"'{word}'" for word in words)
        script = f"""
            source <(protonclient completion bash)
            complete -p protonclient >/dev/null || exit 1
            COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}
            _protonclient
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = f"{program.parent}:{environment.get('PATH', os.defpath)}"
        done = subprocess.run(
            ["bash", "-c", script], env={**environment, "PATH": path}, capture_output=True, text=True, timeout=30, check=True
        )
        assert done.stdout.splitlines() == expected
