# SPDX-License-Identifier: Apache-2.0
"""Access rules as models write them: the syntax of oslo.policy, and the rules that every model may refer to.

    create: "rule:admin_or_owner"   create: {role: "rule:admin_or_owner"}   ─► {"create": "rule:admin_or_owner"}
    list: {auditor: "rule:owner"}                                           ─► {"list": "(role:auditor and (rule:owner))"}

Their form is judged here, and whether one surely lets through all that another does. What they allow is for the server's auth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gluon.model.faults import Faults
from gluon.model.nodes import Entry, Map, Node, Scalar, as_text
from gluon.model.schema import ACTIONS, Action

#: The classic language's word for ``get``, which was about lists there.
GET_ONE: Final = "get_one"
#: The rules that are always defined, and what they mean. The target of a check is a stored row: ``%(tenant_id)s`` is its tenant,
#: and ``%(network:tenant_id)s`` the tenant of the service that it belongs to.
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

_JOINTS: Final = ("and", "or", "not")
_TOKEN: Final = re.compile(r"""\s*(?:([()])|((?:"[^"]*"|'[^']*'|%\([^()]*\)s|[^\s()"'])+))""")
_CHECK: Final = re.compile(r"""[A-Za-z_][A-Za-z0-9_.-]*:.+|"[^"]*":.+|'[^']*':.+""")


def by_action(said: Mapping[str, Entry], faults: Faults, *, classic: bool = False) -> dict[str, Entry]:
    """What one object or attribute says, by the actions of the API.

    Where the classic ``get_one`` is said, here or (``classic``) by a base, it is ``get``, and ``get`` is about lists.
    """
    found = dict(said)
    one = found.pop(GET_ONE, None)
    if (one or classic) and "get" in found and "list" not in found:
        found["list"] = found.pop("get")
    if one and "get" in found:
        faults.add(found["get"].place, f"{GET_ONE} is another word for get where list is given: keep one")
    return {**found, "get": one} if one else found


def policies(said: Mapping[str, Entry], faults: Faults) -> dict[Action, str]:
    """The rule of each action that is given."""
    found = {name: rule for name, entry in said.items() if (rule := _rule(entry.value, faults)) is not None}
    return {action: found[action] for action in ACTIONS if action in found}


def complete(given: Mapping[Action, str]) -> dict[Action, str]:
    """A rule for each action: a list is open to whoever may get, and what nobody says is ``rule:default``."""
    get = given.get("get", "rule:default")
    return {action: given.get(action, get if action == "list" else "rule:default") for action in ACTIONS}


def _rule(node: Node, faults: Faults) -> str | None:
    if isinstance(node, Map):
        return _of_roles(node, faults)
    text = as_text(node)
    if not isinstance(node, Scalar) or text is None:
        faults.add(node.place, "a rule must be a text")
        return None
    problem = fault_of(text)
    if problem:
        faults.add(node.place, f"not a rule: {problem}")
    for name in references(text):
        if name not in BASE_RULES:
            faults.no_choice(node.place, "rule", name, BASE_RULES)
    return text


def _of_roles(node: Map, faults: Faults) -> str | None:
    if not node.entries:
        faults.add(node.place, "a rule must be a text or a map of roles to rules")
        return None
    rules = {role: _rule(entry.value, faults) for role, entry in node.entries.items()}
    if tuple(rules) == ("role",):
        return rules["role"]
    return " or ".join(f"(role:{role} and ({rule or '@'}))" for role, rule in rules.items())


def references(rule: str) -> tuple[str, ...]:
    """The names of the rules that a rule refers to."""
    return tuple(token[5:] for token in _tokens(rule) if token.startswith("rule:"))


def lets_through(rule: str, other: str) -> bool:
    """Whether ``rule`` surely allows whatever ``other`` allows.

    Alternatives are compared, base rules by what they mean; of what is joined by ``and`` or ``not`` only that it is the same.
    """
    allowed = _alternatives(rule)
    return "@" in allowed or _alternatives(other) <= allowed


def _alternatives(rule: str) -> frozenset[str]:
    """The checks of which each alone is enough; ``@`` is one that all pass."""
    tokens = [token.lower() if token.lower() in _JOINTS else token for token in _tokens(rule)] or ["@"]
    if not {"and", "not", "(", ")"}.isdisjoint(tokens):
        return frozenset({" ".join(tokens)})
    found: set[str] = set()
    for token in tokens:
        name = token.removeprefix("rule:")
        if name != token and name in BASE_RULES:
            found |= _alternatives(BASE_RULES[name])
        elif token not in ("or", "!"):
            found.add(token)
    return frozenset(found)


def fault_of(rule: str) -> str | None:
    """What is wrong with the form of a rule; None where nothing is. The empty rule allows everyone, as ``@`` does."""
    depth, operand = 0, True
    for token in _tokens(rule) if rule.strip() else ("@",):
        word = token.lower()
        if operand and token == "(":
            depth += 1
        elif operand and word != "not":
            if word in ("and", "or") or not (token in ("@", "!") or _CHECK.fullmatch(token)):
                return f"'{token}' stands where a check like 'rule:owner' or 'role:member' is wanted"
            operand = False
        elif not operand and token == ")" and depth:
            depth -= 1
        elif not operand and word in ("and", "or"):
            operand = True
        elif not operand:
            return f"'{token}' stands where 'and' or 'or' is wanted"
    if operand:
        return "it ends where a check is wanted"
    return "a parenthesis is not closed" if depth else None


def _tokens(rule: str) -> list[str]:
    tokens, at = [], 0
    rule = rule.rstrip()
    while at < len(rule):
        match = _TOKEN.match(rule, at)
        if not match:
            tokens.append(rule[at:].strip())
            break
        tokens.append(match[1] or match[2])
        at = match.end()
    return tokens
