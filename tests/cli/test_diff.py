# SPDX-License-Identifier: Apache-2.0
"""``gluon diff``, and what ``gluon check`` says of versions that are to be served side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gluon.cmd.gluon import main

MODEL = """\
info: {{name: toy, version: {version}}}
objects:
  Thing:
    api: {{name: thing}}
    attributes:
      {attributes}
"""


@pytest.fixture
def write(tmp_path: Path):
    def written(name: str, version: str, *attributes: str) -> str:
        path = tmp_path / name
        path.write_text(MODEL.format(version=version, attributes="\n      ".join(attributes)))
        return str(path)

    return written


def test_an_addition_is_no_fault(write, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write("old.yaml", "1.0", "a: {type: string}"), write("new.yaml", "1.0", "a: {type: string}", "b: {type: uuid}")
    assert main(["diff", old, new]) == 0
    assert capsys.readouterr() == (f"{new}:7:7: additive: Thing.b is new: uuid\ntoy 1.0 to 1.0: 0 breaking, 1 additive\n", "")


def test_what_breaks_needs_another_version(write, capsys: pytest.CaptureFixture[str]) -> None:
    old, same = write("old.yaml", "1.0", "a: {type: string}"), write("new.yaml", "1.0", "b: {type: string, renamed_from: a}")
    assert main(["diff", old, same]) == 1
    out, err = capsys.readouterr()
    assert out == f"{same}:6:7: breaking: Thing.a is called 'b' now\ntoy 1.0 to 1.0: 1 breaking, 0 additive\n"
    assert err == f"a breaking change needs a version after 1.0, and {same} is 1.0\n"
    later = write("later.yaml", "1.1", "b: {type: string, renamed_from: a}")
    assert main(["diff", old, later]) == 0
    assert capsys.readouterr().out.endswith("1 breaking, 0 additive\n1.0 can be served beside 1.1\n")


def test_versions_that_cannot_be_served_at_once(write, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write("old.yaml", "1.0", "a: {type: string}"), write("new.yaml", "2.0", "a: {type: integer}")
    assert main(["diff", old, new]) == 0
    fault = f"{old}:6:7: 'a' has another type in version 2.0, or narrower bounds\n"
    assert capsys.readouterr().out.endswith(f"1.0 cannot be served beside 2.0:\n{fault}")
    assert main(["diff", "--json", old, new]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["allowed"] is True and document["obstacles"] == [fault.strip()]
    text = "was string (up to 255), is integer -2147483648 to 2147483647"
    assert document["changes"] == [
        {"kind": "breaking", "subject": "Thing.a", "text": text, "file": new, "line": 6, "column": 7},
    ]
    for models in ([old, new], [str(Path(old).parent)]):
        assert main(["check", *models]) == 1
        assert capsys.readouterr().err == fault


def test_nothing_changed(write, capsys: pytest.CaptureFixture[str]) -> None:
    old = write("old.yaml", "1.0", "a: {type: string}")
    assert main(["diff", old, old]) == 0
    assert capsys.readouterr().out == "toy 1.0 to 1.0: nothing changed\n"


def test_two_protons_are_not_compared(write, capsys: pytest.CaptureFixture[str]) -> None:
    old = write("old.yaml", "1.0", "a: {type: string}")
    Path(old).with_name("new.yaml").write_text(Path(old).read_text().replace("toy", "tin"))
    assert main(["diff", old, str(Path(old).with_name("new.yaml"))]) == 1
    assert "is the Proton 'toy'" in capsys.readouterr().err


def test_a_wrong_model_is_told_with_its_place(write, capsys: pytest.CaptureFixture[str]) -> None:
    old, wrong = write("old.yaml", "1.0", "a: {type: string}"), write("new.yaml", "1.0", "a: {type: sting}")
    assert main(["diff", old, wrong]) == 1
    assert "new.yaml:6:" in capsys.readouterr().err


def test_a_folder_is_checked_whole(write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("old.yaml", "1.0", "a: {type: string}")
    write("new.yaml", "1.1", "b: {type: string, renamed_from: a}")
    (tmp_path / "base.yaml").write_text("objects: {Base: {attributes: {c: {type: string}}}}\n")
    assert main(["check", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    (tmp_path / "broken.yaml").write_text("info: [")
    assert main(["check", str(tmp_path)]) == 1
    assert "broken.yaml" in capsys.readouterr().err
