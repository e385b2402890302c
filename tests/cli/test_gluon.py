# SPDX-License-Identifier: Apache-2.0
"""The gluon command: check and render."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gluon.cmd.gluon import main
from tests.cli.conftest import MODEL

MODULE = "gluon.cmd.gluon"
WRONG = """\
file_version: "1.0"
info: {name: wrong, version: 1.0}
objects:
  Thing:
    api: {name: thing}
    attributes:
      a: {type: sting}
      b: {type: integer, min: 5, max: 1}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(MODEL)
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    return path


class TestCheck:
    def test_a_right_model_is_summed_up(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", str(model)]) == 0
        out = capsys.readouterr().out
        assert out == f"{model}: toy 1.0: 3 objects (1 port, 1 interface, 1 plain), 8 routes\n"

    def test_every_fault_of_every_model_has_its_place(self, model: Path, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", str(wrong), str(model)]) == 1
        captured = capsys.readouterr()
        assert captured.out.startswith(f"{model}: toy 1.0")
        first, second = captured.err.splitlines()
        assert first.startswith(f"{wrong}:7:")
        assert "sting" in first
        assert "did you mean 'string'?" in first
        assert second.startswith(f"{wrong}:8:")

    @pytest.mark.parametrize("name", ["missing.yaml", "."])
    def test_what_cannot_be_read(self, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", str(tmp_path / name)]) == 1
        assert "missing.yaml" in capsys.readouterr().err or name == "."


class TestRender:
    def test_openapi_is_json(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", str(model), "openapi"]) == 0
        assert json.loads(capsys.readouterr().out)["openapi"].startswith("3.1")

    @pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mariadb"])
    def test_sql(self, model: Path, dialect: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", str(model), "sql", "--dialect", dialect]) == 0
        out = capsys.readouterr().out
        assert "CREATE TABLE toy_plug (" in out
        assert out.count("CREATE TABLE") == out.count(");\n\n") - out.count("INDEX")

    def test_cli_has_the_help_of_every_command(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", str(model), "cli"]) == 0
        out = capsys.readouterr().out
        assert "usage: protonclient --api toy gadget-create --size INTEGER [attributes] [options]" in out
        assert out.count("usage:") == 1 + 3 * 5

    def test_keys_with_examples(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", str(model), "keys"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert "/proton/toy/Plug/<id>" in lines
        assert "/gluon/port/<id>" in lines
        assert "/controller/toy/Plug/<id>" in lines
        assert "/controller/toy/Gadget/<id>/<controller>" in lines
        assert "/controller/toy/Gadget/<id>" not in lines
        assert "/gluon/sync/toy" in lines
        assert "    /gluon/shim/toy/compute-1" in lines

    def test_docs_and_rules(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", str(model), "docs"]) == 0
        assert capsys.readouterr().out.startswith("# toy 1.0")
        assert main(["render", str(model), "rules"]) == 0
        assert '"toy:plug:create"' in capsys.readouterr().out

    @pytest.mark.parametrize("what", ["openapi", "sql", "cli", "keys", "docs", "rules"])
    def test_a_proton_that_ships(self, what: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", "net-l3vpn", what]) == 0
        assert capsys.readouterr().out

    def test_an_unknown_proton(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", "net-l3vpm", "keys"]) == 1
        assert "there is no Proton 'net-l3vpm': did you mean 'net-l3vpn'?" in capsys.readouterr().err
        assert main(["render", "net-l3vpn", "keys", "--model-version", "9"]) == 1
        assert "has no version '9'" in capsys.readouterr().err

    def test_a_wrong_model(self, wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["render", str(wrong), "keys"]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--version"], 0), (["--help"], 0), (["check", "--help"], 0), ([], 2), (["nope"], 2), (["render", "a", "b"], 2)],
)
def test_usage(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == code
    captured = capsys.readouterr()
    assert (captured.out if code == 0 else captured.err).startswith(("usage: gluon", "gluon 0"))


def test_help_imports_no_subcommand() -> None:
    script = "import sys\nfrom gluon.cmd.gluon import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert not {"sqlalchemy", "grpc", "ruamel.yaml", "gluon.cmd.check", "gluon.cmd.demo"} & set(loaded)


def test_a_reader_that_goes_away_is_no_trouble() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", MODULE, "render", "net-l3vpn", "openapi"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141
