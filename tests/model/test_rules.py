# SPDX-License-Identifier: Apache-2.0
"""The form of access rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon.model.compile import compile_text
from gluon.model.rules import complete, fault_of, references


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "@",
        "!",
        "rule:owner",
        "role:admin and not (rule:owner or tenant_id:%(tenant_id)s)",
        "is_admin:True or ((role:a))",
        "NOT role:a AND role:b",
        "field:networks:shared=True",
        "'member':%(role.name)s",
        "not not @",
    ],
)
def test_rules(rule):
    assert fault_of(rule) is None


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("owner", "'owner' stands where a check like 'rule:owner' or 'role:member' is wanted"),
        ("rule:a rule:b", "'rule:b' stands where 'and' or 'or' is wanted"),
        ("rule:a and", "it ends where a check is wanted"),
        ("and rule:a", "'and' stands where a check like 'rule:owner' or 'role:member' is wanted"),
        ("(rule:a", "a parenthesis is not closed"),
        ("rule:a)", "')' stands where 'and' or 'or' is wanted"),
        ("()", "')' stands where a check like 'rule:owner' or 'role:member' is wanted"),
        ("role:", "'role:' stands where a check like 'rule:owner' or 'role:member' is wanted"),
        ("rule:a not", "'not' stands where 'and' or 'or' is wanted"),
        ("role:'a", "'role:' stands where a check like 'rule:owner' or 'role:member' is wanted"),
    ],
)
def test_what_is_no_rule(rule, problem):
    assert fault_of(rule) == problem


def test_references_to_rules():
    assert references("rule:a or (not rule:b and role:c)") == ("a", "b")


def test_a_rule_for_every_action():
    assert complete({}) == dict.fromkeys(("create", "get", "list", "update", "delete"), "rule:default")
    assert complete({"get": "@"})["list"] == "@"
    assert complete({"get": "@", "list": "!"})["list"] == "!"


def test_rules_for_roles():
    rules = "{get: {role: 'rule:owner'}, list: {x: 'rule:owner', y: '@'}}"
    text = f"info: {{name: m, version: 1}}\nobjects: {{A: {{api: {{name: a}}, policies: {rules}}}}}"
    policies = compile_text(text).objects[0].policies
    assert policies["get"] == "rule:owner"
    assert policies["list"] == "(role:x and (rule:owner)) or (role:y and (@))"


CLASSIC = "{get_one: 'role:one', get: 'role:many'}"
MODERN = "{get: 'role:one', list: 'role:many'}"


@pytest.mark.parametrize(
    ("base", "own", "one", "many"),
    [
        ("{}", CLASSIC, "role:one", "role:many"),
        ("{get: '@', list: '@'}", CLASSIC, "role:one", "role:many"),
        ("{get: '@', list: '@'}", "{get_one: 'role:one'}", "role:one", "@"),
        ("{}", "{get_one: 'role:one'}", "role:one", "role:one"),
        (CLASSIC, "{}", "role:one", "role:many"),
        (CLASSIC, "{get: '!'}", "role:one", "!"),
        (CLASSIC, "{get: '!', list: '@'}", "!", "@"),
        (MODERN, "{get: '!'}", "!", "role:many"),
        (CLASSIC, CLASSIC.replace("role", "tenant"), "tenant:one", "tenant:many"),
        (CLASSIC, "{get_one: '!', list: '@'}", "!", "@"),
    ],
)
def test_get_and_list_of_the_classic_language(base, own, one, many):
    objects = f"Base: {{policies: {base}}}, A: {{extends: Base, api: {{name: a}}, policies: {own}}}"
    policies = compile_text(f"info: {{name: m, version: 1}}\nobjects: {{{objects}}}").objects[0].policies
    assert (policies["get"], policies["list"]) == (one, many)


def test_get_one_of_a_single_attribute():
    text = f"{{x: {{type: string, policies: {CLASSIC}}}}}"
    (obj,) = compile_text(f"info: {{name: m, version: 1}}\nobjects: {{A: {{api: {{name: a}}, attributes: {text}}}}}").objects
    assert obj.by_name["x"].policies == {"get": "role:one", "list": "role:many"}


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from(list("ab:()'\"%!@ ")), max_size=30))
def test_any_text_is_judged(rule):
    fault_of(rule)
    references(rule)
