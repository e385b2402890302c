# SPDX-License-Identifier: Apache-2.0
"""gluon check and gluon render find imports where the server does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gluon.cmd.gluon import main
from gluon.model.catalogue import load_catalogue

BASE = "objects: {Mine: {attributes: {x: {type: integer}}}}"
MODEL = "imports: mine.yaml\ninfo: {name: toy, version: 1}\nobjects: {A: {extends: Mine, api: {name: a}}}"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders of a model_path: a base file in the one, a model that imports it in the other."""
    found = [tmp_path / "bases", tmp_path / "models"]
    for folder in found:
        folder.mkdir()
    (found[0] / "mine.yaml").write_text(BASE)
    (found[1] / "toy.yaml").write_text(MODEL)
    return found


def test_what_the_server_accepts_is_accepted(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    file = str(folders[1] / "toy.yaml")
    assert "toy" in load_catalogue(folders)
    options = [word for folder in folders for word in ("--model-path", str(folder))]
    assert main(["check", *options, file]) == 0
    assert main(["render", file, "keys", *options]) == 0
    assert main(["render", "toy", "keys", *options]) == 0
    assert capsys.readouterr().out.count("/proton/toy/A/<id>\n") == 2


def test_without_it_the_import_is_not_found(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    file = folders[1] / "toy.yaml"
    assert main(["check", str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"{file}:1:10: cannot import 'mine.yaml'")


@pytest.mark.parametrize("words", [["check", "x.yaml"], ["render", "net-l3vpn", "keys"]])
def test_a_folder_that_is_not_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--model-path", "/nonexistent"])
    assert ended.value.code == 2
    assert "argument --model-path: no such folder: /nonexistent" in capsys.readouterr().err


def test_a_file_holds_one_version(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(folders[1] / "toy.yaml"), "keys", "--model-version", "1"]) == 1
    assert "a file holds one version" in capsys.readouterr().err
