# SPDX-License-Identifier: Apache-2.0
"""The access rules, and the policy file that shows them."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from gluon.model import rules as language
from gluon.model.schema import ACTIONS
from gluon.particle.rules import BASE_RULES, rule_name, rules, sample


def test_every_action_has_a_rule(small):
    printed = rules(small)
    for obj in small.objects:
        for action in ACTIONS:
            assert printed[rule_name(obj, action)] == obj.policies[action]
    assert printed["small:port:create"] == "rule:admin_or_owner"
    assert printed["small:peering:list"] == "rule:admin_only or role:net_admin"


def test_attributes_have_rules_of_their_own(small):
    printed = rules(small)
    assert printed["small:peering:update:order"] == "rule:admin_only"
    assert [name for name in printed if name.count(":") == 3] == ["small:peering:update:order"]


def test_base_rules_are_those_that_models_may_refer_to(small):
    assert set(BASE_RULES) == set(language.BASE_RULES)
    assert list(rules(small))[: len(BASE_RULES)] == list(BASE_RULES)


@pytest.mark.parametrize("name", ["small", "l3vpn"])
def test_rules_are_well_formed_and_refer_to_rules_that_there_are(request, name):
    printed = rules(request.getfixturevalue(name))
    for rule in printed.values():
        assert language.fault_of(rule) is None
        assert set(language.references(rule)) <= printed.keys()


@pytest.mark.parametrize("name", ["small", "l3vpn"])
def test_the_sample_says_what_holds(request, name):
    proton = request.getfixturevalue(name)
    text = sample(proton)
    assert all(line.startswith("#") for line in text.splitlines() if line)
    uncommented = "\n".join(line[1:] for line in text.splitlines() if line.startswith('#"'))
    assert YAML(typ="safe").load(uncommented) == rules(proton)
