# SPDX-License-Identifier: Apache-2.0
"""Prints a Proton version as a reference page in Markdown: its objects, attributes, routes, etcd keys and commands.

Whatever comes from the model is escaped where it stands: a description cannot break a table. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gluon.model.schema import ACTIONS, UNSET, Attribute, Object, Proton
from gluon.model.wording import type_text
from gluon.particle import keys
from gluon.particle.routes import Route, routes

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|#])")
_COMMANDS: Final = ("list", "create", "show", "update", "delete")


def reference(proton: Proton) -> str:
    """The page."""
    lines = [
        *_heading(1, f"{_text(proton.name)} {_text(proton.version)}"),
        *_paragraph(proton.info.description),
        *_paragraph(_author(proton)),
        *_heading(2, "Objects"),
        *_table(("object", "role", "path", "what it is"), map(_overview, proton.objects)),
    ]
    by_object = {obj: [route for route in routes(proton) if route.object is obj] for obj in proton.objects}
    for obj in proton.objects:
        lines += _object(obj, by_object[obj])
    return "\n".join(lines).rstrip() + "\n"


def _author(proton: Proton) -> str:
    author = proton.info.author
    return ", ".join(author[key] for key in ("name", "email", "url") if author.get(key))


def _overview(obj: Object) -> tuple[str, ...]:
    return (f"[{obj.name}](#{obj.name.lower()})", obj.role.value, _code(obj.api.plural_name), _text(obj.description))


def _object(obj: Object, paths: Sequence[Route]) -> Iterator[str]:
    """The section of an object."""
    yield from _heading(2, obj.name)
    yield from _paragraph(obj.description)
    yield f"Its identifier is {_code(obj.identifier.name)}." + "".join(
        f" No two have the same {' and '.join(map(_code, names))}." for names in obj.unique
    )
    yield ""
    yield from _heading(3, "Attributes")
    yield from _table(("attribute", "type", "default", "rules", "description"), map(_attribute, obj.attributes))
    yield from _heading(3, "Routes")
    yield from _table(("path", "methods"), ((_code(route.template), ", ".join(route.actions)) for route in paths))
    yield from _heading(3, "Keys in etcd")
    yield from _table(("key", "value"), _keys(obj))
    yield from _heading(3, "Commands")
    yield "```"
    yield from (_command(obj, verb) for verb in _COMMANDS)
    yield "```"
    yield ""
    yield from _heading(3, "Access")
    yield from _table(("action", "rule"), ((action, _code(rule)) for action, rule in _policies(obj)))


def _attribute(attribute: Attribute) -> tuple[str, ...]:
    return (
        _code(attribute.name),
        _text(type_text(attribute.type)),
        _default(attribute),
        _text(", ".join(_flags(attribute))),
        _text(attribute.description),
    )


def _default(attribute: Attribute) -> str:
    """What the value is where none is given."""
    if attribute.allocate:
        return "a free value"
    if attribute.generate:
        return "generated"
    if attribute.default_from:
        return f"as {_code(attribute.default_from)}"
    if attribute.default is UNSET or attribute.default is None:
        return ""
    return _code(json.dumps(attribute.default, ensure_ascii=False))


def _flags(attribute: Attribute) -> Iterator[str]:
    flags = {
        "required": attribute.required,
        "unique": attribute.unique,
        "immutable": attribute.immutable,
        "readonly": attribute.readonly,
        "write only": attribute.write_only,
    }
    yield from (flag for flag, holds in flags.items() if holds)
    if attribute.on_delete != "restrict":
        yield f"on delete of its target: {attribute.on_delete.replace('_', ' ')}"
    yield from (f"{action}: {rule}" for action, rule in attribute.policies.items())


def _keys(obj: Object) -> Iterator[tuple[str, str]]:
    placeholder = f"<{obj.identifier.name}>"
    yield _code(keys.object(obj.proton, obj.name, placeholder)), "the object as it should be"
    if obj.is_port:
        yield _code(keys.port(placeholder)), "which Proton the port belongs to"
        yield _code(keys.answer(obj.proton, obj.name, placeholder)), "the answer to its bind"
    yield _code(keys.report(obj.proton, obj.name, placeholder, "<controller>")), "what a controller reports of it"


def _command(obj: Object, verb: str) -> str:
    """A command with what must be given."""
    words = [f"protonclient --api {obj.proton} {obj.api.name}-{verb}"]
    if verb in ("show", "update", "delete"):
        words.append(obj.identifier.name.upper())
    if verb == "create":
        words += (f"--{a.name} {a.name.upper()}" for a in obj.attributes if a.required and _default(a) == "")
    if verb == "update":
        words.append("--ATTRIBUTE VALUE …")
    return " ".join(words)


def _policies(obj: Object) -> Iterator[tuple[str, str]]:
    yield from ((action, obj.policies[action]) for action in ACTIONS if action in obj.policies)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _heading(level: int, text: str) -> list[str]:
    return [f"{'#' * level} {text}", ""]


def _paragraph(text: str) -> list[str]:
    return [_text(text), ""] if text else []


def _text(text: str) -> str:
    """Plain text as Markdown on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Text as code on one line, also within a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    fence = "``" if "`" in line else "`"
    return f"{fence}{line}{fence}"
