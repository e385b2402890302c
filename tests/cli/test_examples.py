# SPDX-License-Identifier: Apache-2.0
"""The examples under the help of a command can be typed as they stand."""

from __future__ import annotations

import json
import shlex

import pytest

from gluon.cli.calls import read_call
from gluon.cli.examples import of
from gluon.cli.nouns import VERBS, Document
from gluon.model.compile import compile_text
from gluon.particle.commands import commands

MODEL = """\
file_version: "1.0"
info: {name: toy, version: "1.0", description: "Things to try"}
objects:
  Thing:
    api: {name: thing}
    attributes:
      serial: {type: integer, primary: true, min: 3}
      sure: {type: boolean, required: true}
      more: {type: object, required: true}
      parts: {type: list, required: true, items: {type: object, attributes: {name: {type: string}}}}
      words: {type: list, required: true, items: {type: string}}
      net: {type: string, format: cidr, required: true}
      low: {type: number, min: -5, required: true}
"""


@pytest.mark.parametrize("verb", VERBS)
def test_examples_are_understood(verb: str) -> None:
    noun = Document(json.loads(json.dumps(commands(compile_text(MODEL))))).noun("thing")
    lines = of("toy", noun, verb).splitlines()[1:]
    assert lines
    for line in lines:
        program, _, api, command, *words = shlex.split(line)
        assert (program, api, command) == ("protonclient", "toy", f"thing-{verb}")
        call = read_call("toy", noun, verb, words)
        if verb == "create":
            given = {"sure": True, "more": {}, "parts": [], "words": ["text"], "net": "192.0.2.0/24", "low": -5.0}
            assert {name: call.values[name] for name in given} == given
