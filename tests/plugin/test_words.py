# SPDX-License-Identifier: Apache-2.0
"""Kinds of network devices between Neutron and a Proton."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon.model.catalogue import load_catalogue
from gluon.model.schema import Role
from gluon.model.types import Enum
from gluon.plugin import words

NEUTRONS = {"normal", "direct", "macvtap", "direct-physical"}
OWN = ("normal", "virtual", "direct", "sriov", "macvtap", "whole-dev", *NEUTRONS)


@pytest.mark.parametrize(
    ("own", "neutrons"),
    [
        ("normal", "normal"),
        ("virtual", "normal"),
        ("direct", "direct"),
        ("sriov", "direct"),
        ("macvtap", "macvtap"),
        ("whole-dev", "direct-physical"),
        ("of-this-model-only", "of-this-model-only"),
    ],
)
def test_how_a_port_is_shown(own: str, neutrons: str) -> None:
    assert words.shown(own) == neutrons
    assert own in words.meant(neutrons)


@given(st.sampled_from(OWN) | st.text(), st.sampled_from(OWN) | st.text())
def test_a_port_is_found_by_the_word_that_it_is_shown_with(own: str, asked: str) -> None:
    assert (own in words.meant(asked)) == (words.shown(own) == asked)
    assert own in words.meant(words.shown(own))


def test_what_is_asked_for_is_shown_so() -> None:
    assert set(words.VNIC_TYPES) == NEUTRONS
    assert [words.shown(words.asked(word)) for word in words.VNIC_TYPES] == list(words.VNIC_TYPES)
    assert words.asked("direct-physical") == "whole-dev"


def test_every_word_of_the_models_that_ship_is_known() -> None:
    for family in load_catalogue([]).values():
        for port in family.newest.having(Role.PORT):
            kinds = port.by_name["vnic_type"].type
            assert isinstance(kinds, Enum)
            assert {words.shown(word) for word in kinds.values} == NEUTRONS
