# SPDX-License-Identifier: Apache-2.0
"""The recorder is a backend like any other; and one that refuses what comes late."""

import json

import pytest

from chaos.evidence import _remembered
from chaos.recorder import FOLDER, Recorder
from gluon.model.catalogue import load_catalogue
from gluon.shim.backend import Changes
from gluon.shim.mirror import Mirror
from gluon.testing.conformance import Conformance

PROTON = load_catalogue()["net-l3vpn"].newest


class TestConformance(Conformance):
    """Whatever may happen to a backend."""

    proton = PROTON
    make = Recorder

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv(FOLDER, str(tmp_path))


def state(generation, incarnation="i"):
    return {"incarnation": incarnation, "generation": generation, "device_id": "vm"}


def test_a_call_that_comes_late_changes_nothing(tmp_path):
    model = Mirror(PROTON)
    old, new = Recorder(tmp_path), Recorder(tmp_path)
    old.bind_port("p", model, Changes(state(1), {}))
    new.unbind_port("p", model, Changes(state(2), state(1)))
    old.bind_port("p", model, Changes(state(1), {}))
    assert _remembered(tmp_path).bound == {}
    new.modify_port("p", model, Changes(state(2), {}))
    new.delete_port("p", model, Changes({}, state(2)))
    old.modify_port("p", model, Changes(state(1), {}))
    found = _remembered(tmp_path)
    assert found.objects["port"] == {}
    assert (found.late, found.backwards) == (2, [])


def test_going_backwards_is_noted(tmp_path):
    recorder, model = Recorder(tmp_path), Mirror(PROTON)
    recorder.modify_port("p", model, Changes(state(2), {}))
    recorder.modify_port("p", model, Changes(state(1, "j"), {}))
    assert _remembered(tmp_path).backwards == []
    recorder.modify_port("p", model, Changes(state(3, "j"), {}))
    recorder.modify_port("p", model, Changes(state(2, "j"), {}))
    assert len(_remembered(tmp_path).backwards) == 1
    assert json.loads((tmp_path / "port" / "p.json").read_text())["generation"] == 3
