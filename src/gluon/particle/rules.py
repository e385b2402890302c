# SPDX-License-Identifier: Apache-2.0
"""Prints the access rules of a Proton, in the language of oslo.policy: a flat map from the name of a rule to the rule.

    "<proton>:<object>:<action>"               who may do it
    "<proton>:<object>:<action>:<attribute>"   who may besides give, or see, this attribute
    "owner", "admin_or_owner", …               the base rules that these are written with

The object is called as in the API (``port``). A rule is checked here against the grammar, and every rule that it names must be
one that there is. Nothing is enforced here: that is the server's, with the stored row as the target of a check.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from gluon.model.faults import ModelError, ModelFault, nearest
from gluon.model.schema import ACTIONS, Action, Attribute, Object, Place, Proton

#: What every rule may be written with. Their targets are stored rows: ``%(tenant_id)s`` is the tenant of the object, and
#: ``%(network:tenant_id)s`` that of the service that it belongs to.
BASE_RULES: Final[Mapping[str, str]] = {
    "context_is_admin": "role:admin",
    "admin": "rule:context_is_admin",
    "owner": "project_id:%(tenant_id)s",
    "admin_or_owner": "rule:context_is_admin or rule:owner",
    "admin_only": "rule:context_is_admin",
    "context_is_advsvc": "role:advsvc",
    "admin_or_network_owner": "rule:context_is_admin or project_id:%(network:tenant_id)s",
    "admin_owner_or_network_owner": "rule:owner or rule:admin_or_network_owner",
    "regular_user": "",
    "default": "rule:admin_or_owner",
}
#: What holds for an action that a model says nothing of.
_OTHERWISE: Final = "rule:default"
_TOKEN: Final = re.compile(r"""\(|\)|(?:"[^"]*"|'[^']*'|%\([^)]*\)s|[^\s()"'])+""")
_VERBS: Final[Mapping[Action, str]] = {
    "create": "Create a new {}",
    "get": "Show one {}",
    "list": "List the {}",
    "update": "Change one {}",
    "delete": "Delete one {}",
}


class _Rule(NamedTuple):
    name: str
    text: str
    place: Place
    description: str


def rule_name(obj: Object, action: Action, attribute: str = "") -> str:
    """The name of the rule for an action on an object, or on one of its attributes."""
    name = f"{obj.proton}:{obj.api.name}:{action}"
    return f"{name}:{attribute}" if attribute else name


def rules(proton: Proton) -> dict[str, str]:
    """Every rule of a Proton by name, base rules first. Raises ModelError with a fault for each rule that cannot be."""
    own = [rule for obj in proton.objects for rule in _of(obj)]
    faults = [fault for rule in own for fault in _check(rule)]
    if faults:
        raise ModelError(faults)
    return {**BASE_RULES, **{rule.name: rule.text for rule in own}}


def sample(proton: Proton) -> str:
    """The rules as a policy file for oslo.policy, each as it is by default and commented out."""
    lines = [f"# Access rules of {proton.name} {proton.version}. What is left out is as it stands here.", ""]
    for name, text in BASE_RULES.items():
        lines += [f"#{json.dumps(name)}: {json.dumps(text)}", ""]
    for rule in (rule for obj in proton.objects for rule in _of(obj)):
        text = json.dumps(rule.text, ensure_ascii=False)
        lines += [f"# {rule.description}", f"#{json.dumps(rule.name)}: {text}", ""]
    return "\n".join(lines)


def _of(obj: Object) -> Iterator[_Rule]:
    for action in ACTIONS:
        noun = obj.api.plural_name if action == "list" else obj.api.name
        does = _VERBS[action].format(noun)
        yield _Rule(rule_name(obj, action), obj.policies.get(action, _OTHERWISE), obj.place, does)
        for attribute in obj.attributes:
            if action in attribute.policies:
                yield _attribute_rule(obj, action, attribute, does)


def _attribute_rule(obj: Object, action: Action, attribute: Attribute, does: str) -> _Rule:
    name = rule_name(obj, action, attribute.name)
    return _Rule(name, attribute.policies[action], attribute.place, f"{does}: its {attribute.name}")


def _check(rule: _Rule) -> Iterator[ModelFault]:
    """The faults of a rule: of its grammar, or of the names in it."""
    tokens = _TOKEN.findall(rule.text)
    if "".join("".join(tokens).split()) != "".join(rule.text.split()) or (tokens and not _Grammar(tokens).holds()):
        yield ModelFault(rule.place, f"the rule {rule.name} is not one: {rule.text!r}")
    for token in tokens:
        kind, _, name = token.partition(":")
        if kind == "rule" and name not in BASE_RULES:
            yield ModelFault(rule.place, f"the rule {rule.name} refers to the unknown rule '{name}'", nearest(name, BASE_RULES))


class _Grammar:
    """Whether tokens are a rule:  or := and ("or" and)*;  and := not ("and" not)*;  not := "not" not | "(" or ")" | check."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def holds(self) -> bool:
        return self._or() and self._at == len(self._tokens)

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _takes(self, word: str) -> bool:
        taken = self._next().lower() == word
        self._at += taken
        return taken

    def _or(self) -> bool:
        holds = self._and()
        while holds and self._takes("or"):
            holds = self._and()
        return holds

    def _and(self) -> bool:
        holds = self._not()
        while holds and self._takes("and"):
            holds = self._not()
        return holds

    def _not(self) -> bool:
        if self._takes("not"):
            return self._not()
        if self._takes("("):
            return self._or() and self._takes(")")
        return self._check()

    def _check(self) -> bool:
        """``@`` (always), ``!`` (never), or ``kind:match``."""
        token = self._next()
        self._at += 1
        if token in ("@", "!"):
            return True
        kind, colon, match = token.partition(":")
        return bool(kind and colon and match)
