# SPDX-License-Identifier: Apache-2.0
"""Prints the access rules of a Proton in the language of oslo.policy: a flat map from the name of a rule to the rule.

    "<proton>:<object>:<action>"               who may do it
    "<proton>:<object>:<action>:<attribute>"   who may, doing so, give a value to this attribute or see it
    "owner", "admin_or_owner", …               the base rules that these are written with

The object is called as in the API (``port``). That rules are well formed and refer to rules that there are, the compiler has
checked (``gluon.model.rules``). Nothing is enforced here: that is the server's, with the stored row as the target of a check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from gluon.model.rules import BASE_RULES
from gluon.model.schema import ACTIONS, Action, Object, Proton

_VERBS: Final[Mapping[Action, str]] = {
    "create": "Create a new",
    "get": "Show one",
    "list": "List the",
    "update": "Change one",
    "delete": "Delete one",
}


class _Rule(NamedTuple):
    name: str
    text: str
    description: str


def rule_name(obj: Object, action: Action, attribute: str = "") -> str:
    """The name of the rule for an action on an object, or on one of its attributes."""
    name = f"{obj.proton}:{obj.api.name}:{action}"
    return f"{name}:{attribute}" if attribute else name


def rules(proton: Proton) -> dict[str, str]:
    """Every rule of a Proton by name, base rules first."""
    return {**BASE_RULES, **{rule.name: rule.text for rule in _rules(proton)}}


def sample(proton: Proton) -> str:
    """The rules as a policy file (YAML), each as it is by default and commented out."""
    lines = [f"# Access rules of {proton.name} {proton.version}. What a policy file leaves out is as it stands here.", ""]
    for name, text in BASE_RULES.items():
        lines += [_line(name, text), ""]
    for rule in _rules(proton):
        lines += [f"# {rule.description}", _line(rule.name, rule.text), ""]
    return "\n".join(lines)


def _line(name: str, text: str) -> str:
    """One rule, commented out; a JSON string is a YAML one."""
    return f"#{json.dumps(name)}: {json.dumps(text, ensure_ascii=False)}"


def _rules(proton: Proton) -> Iterator[_Rule]:
    for obj in proton.objects:
        for action in ACTIONS:
            does = f"{_VERBS[action]} {obj.api.plural_name if action == 'list' else obj.api.name}"
            yield _Rule(rule_name(obj, action), obj.policies[action], does)
            for attribute in obj.attributes:
                if action in attribute.policies:
                    yield _Rule(rule_name(obj, action, attribute.name), attribute.policies[action], f"{does}: {attribute.name}")
