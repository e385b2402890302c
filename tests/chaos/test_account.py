# SPDX-License-Identifier: Apache-2.0
"""A client's account: what it may find, and every kind of lie that it must notice."""

import pytest

from chaos.account import Account, Write


def port(revision, name, host="", device=""):
    return {"revision": revision, "name": name, "host_id": host, "device_id": device}


def made(*, maybe=()):
    """A port that was acknowledged at revision 3 with the name b."""
    account = Account("ports", "p")
    assert list(account.acknowledged(Write({"name": "a"}, creates=True), port(1, "a"))) == []
    assert list(account.acknowledged(Write({"name": "b"}), port(3, "b"))) == []
    for write in maybe:
        account.unknown(write)
    return account


UNKNOWN = Write({"name": "c", "host_id": "compute-1", "device_id": "vm"})


@pytest.mark.parametrize(
    ("maybe", "found"),
    [
        pytest.param([], port(3, "b"), id="as acknowledged"),
        pytest.param([], port(7, "b"), id="the server itself changed something else"),
        pytest.param([UNKNOWN], port(3, "b"), id="an unknown request came to nothing"),
        pytest.param([UNKNOWN], port(4, "c", "compute-1", "vm"), id="an unknown request took effect"),
        pytest.param([Write(None)], None, id="an unknown deletion took effect"),
    ],
)
def test_what_may_be(maybe, found):
    assert list(made(maybe=maybe).seen(found)) == []


@pytest.mark.parametrize(
    ("maybe", "found", "complaint"),
    [
        pytest.param([], None, "is lost", id="lost"),
        pytest.param([UNKNOWN], None, "is lost", id="an unknown change does not delete"),
        pytest.param([], port(1, "a"), "fell from revision 3 to 1", id="an older value"),
        pytest.param([], port(5, "a"), "'b' was acknowledged", id="an older value at a newer revision"),
        pytest.param([], port(4, "x"), "'b' was acknowledged", id="nobody's value"),
        pytest.param([UNKNOWN], port(3, "c", "compute-1", "vm"), "'b' was acknowledged", id="overtaken without a new revision"),
        pytest.param([UNKNOWN], port(4, "c", "compute-2", "vm"), "host_id", id="a mixture of two writes"),
        pytest.param([], port(4, "b", "compute-1"), "host_id", id="another attribute changed"),
    ],
)
def test_what_may_not_be(maybe, found, complaint):
    (fault,) = made(maybe=maybe).seen(found)
    assert complaint in fault


def test_a_request_takes_effect_once():
    account = made(maybe=[UNKNOWN])
    assert list(account.seen(port(4, "c", "compute-1", "vm"))) == []
    assert list(account.acknowledged(Write({"name": "d"}), port(5, "d", "compute-1", "vm"))) == []
    (fault,) = account.seen(port(6, "c", "compute-1", "vm"))
    assert "'d' was acknowledged" in fault


def test_what_was_deleted_stays_deleted():
    account = made()
    assert list(account.acknowledged(Write(None), None)) == []
    assert list(account.seen(None)) == []
    (fault,) = account.seen(port(9, "b"))
    assert "again after it was gone" in fault


def test_a_creation_that_nobody_confirmed_may_be_there_or_not():
    for found in (None, port(1, "c", "compute-1", "vm")):
        account = Account("ports", "p")
        account.unknown(UNKNOWN)
        assert list(account.seen(found)) == []
    (fault,) = account.seen(None)
    assert "is lost" in fault


def test_an_answer_must_hold_what_was_asked_for():
    (fault,) = made().acknowledged(Write({"name": "c"}), port(4, "b"))
    assert "answered with name 'b'" in fault
    (fault,) = made().acknowledged(Write({"name": "c"}), port(2, "c"))
    assert "fell from revision 3 to 2" in fault


def test_a_refusal_needs_a_reason():
    (fault,) = made().refused(Write({"name": "c"}), 404, "not found", doubt=False)
    assert "was refused: 404" in fault
    assert list(made().refused(Write({"name": "c"}), 404, "not found", doubt=True)) == []
