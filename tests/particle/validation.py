# SPDX-License-Identifier: Apache-2.0
"""As much of JSON Schema 2020-12 as the printed schemas use. A keyword that it does not know is an error, not ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Root = Mapping[str, Any]

_ANNOTATIONS = {"description", "default", "readOnly", "writeOnly", "examples", "format"}
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def resolve(root: Root, pointer: str) -> Any:
    """What a ``#/…`` reference refers to; KeyError where there is nothing."""
    assert pointer.startswith("#/")
    found: Any = root
    for name in pointer[2:].split("/"):
        found = found[name.replace("~1", "/").replace("~0", "~")]
    return found


def errors(schema: Mapping[str, Any], value: Any, root: Root, where: str = "") -> Iterator[str]:  # noqa: PLR0912 - one case a keyword
    """Where and why a value is not what a schema says."""
    for keyword, wanted in schema.items():
        fits: bool = True
        match keyword:
            case "$ref":
                yield from errors(resolve(root, wanted), value, root, where)
            case "type":
                fits = any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))
            case "enum":
                fits = value in wanted
            case "const":
                fits = value == wanted
            case "minimum" | "maximum" if _TYPES["number"](value):
                fits = value >= wanted if keyword == "minimum" else value <= wanted
            case "minLength" | "maxLength" if isinstance(value, str):
                fits = len(value) >= wanted if keyword == "minLength" else len(value) <= wanted
            case "minItems" | "maxItems" if isinstance(value, list):
                fits = len(value) >= wanted if keyword == "minItems" else len(value) <= wanted
            case "pattern" if isinstance(value, str):
                fits = re.search(wanted, value) is not None
            case "required" if isinstance(value, dict):
                fits = value.keys() >= set(wanted)
            case "anyOf":
                fits = any(not list(errors(part, value, root)) for part in wanted)
            case "items" if isinstance(value, list):
                for index, item in enumerate(value):
                    yield from errors(wanted, item, root, f"{where}/{index}")
            case "properties" if isinstance(value, dict):
                for name in wanted.keys() & value.keys():
                    yield from errors(wanted[name], value[name], root, f"{where}/{name}")
            case "additionalProperties" if isinstance(value, dict):
                assert wanted is False
                fits = value.keys() <= schema["properties"].keys()
            case _:
                assert keyword in _ANNOTATIONS or keyword in _KEYWORDS, keyword
        if not fits:
            yield f"{where}: {keyword}"


_KEYWORDS = {
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
    "required",
    "items",
    "properties",
    "additionalProperties",
}
