# SPDX-License-Identifier: Apache-2.0
"""A server to talk to, and protonclient run within the test's process."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gluon.cli.main import main
from gluon.model.compile import compile_text
from gluon.model.schema import Proton
from tests.cli.apiserver import ApiServer, running

MODEL = """\
file_version: "1.0"
imports: base/base.yaml
info: {name: toy, version: "1.0", description: "Things to try"}
objects:
  Plug:
    extends: BasePort
    api: {name: plug, plural_name: plugs}
    attributes: {}
  Strand:
    extends: BaseInterface
    api: {name: strand, plural_name: strands, parent: Plug, parent_key: port_id}
  Gadget:
    api: {name: gadget, plural_name: gadgets}
    attributes:
      id: {type: uuid, primary: true}
      name: {type: string, description: "What it is called, 100% yours"}
      size: {type: integer, min: 1, max: 9, required: true, description: "How big"}
      weight: {type: number}
      shiny: {type: boolean, default: true}
      colour: {type: enum, values: [red, green, grey]}
      colours: {type: list, items: {type: enum, values: [red, green, grey]}}
      sizes: {type: list, items: {type: integer}}
      parts: {type: list, items: {type: object, attributes: {name: {type: string, required: true}}}}
      more: {type: object}
      plug_id: {type: Plug}
      secret: {type: string, write_only: true}
      serial: {type: string, immutable: true}
      format: {type: string}
      unset: {type: string}
      host: {type: string}
      if_match: {type: string}
"""


@pytest.fixture(scope="session")
def proton() -> Proton:
    return compile_text(MODEL)


@pytest.fixture
def api(proton: Proton) -> Iterator[ApiServer]:
    with running(ApiServer(proton)) as server:
        yield server


class Done(NamedTuple):
    """How a run ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Runner:
    """Runs protonclient against a server, with a cache folder of its own."""

    def __init__(self, api: ApiServer, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.environment = {
            "OS_PROTON_HOST": api.address[0],
            "OS_PROTON_PORT": str(api.address[1]),
            "HOME": str(home),
        }
        self.cache = home / ".cache" / "gluon"
        self._capsys = capsys

    def bare(self, *words: str, terminal: bool = False) -> Done:
        """Without ``--api``."""
        raw = io.BytesIO()
        stream = Terminal(raw, encoding="utf-8") if terminal else io.TextIOWrapper(raw, encoding="utf-8")
        code = main(list(words), self.environment, stream)
        stream.flush()
        return Done(code, raw.getvalue().decode(), self._capsys.readouterr().err)

    def __call__(self, *words: str, terminal: bool = False) -> Done:
        return self.bare("--api", "toy", *words, terminal=terminal)


class Terminal(io.TextIOWrapper):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def client(api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.delenv("COLUMNS", raising=False)
    return Runner(api, tmp_path, capsys)
