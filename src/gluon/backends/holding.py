# SPDX-License-Identifier: Apache-2.0
"""What the texts of a Proton's ports can be, for all that its commands document says. Pure.

A server refuses a list by a value that no port can have, and tells its client so. Whoever lists the ports of several Protons at
once cannot know what each of them holds, and wants those that fit: none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from gluon.backends.driver import Filters
from gluon.errors import Fault
from gluon.model.types import DEFAULT_LENGTH, Enum, Format, String, Uuid
from gluon.model.values import Check, checker

#: The type of an attribute that is a text.
Text = String | Uuid | Enum

_FORMATS: Final = {format.value: format for format in Format}


def texts(options: Iterable[Mapping[str, Any]]) -> dict[str, Text]:
    """The texts among the options of an object in the commands document."""
    return {str(option["name"]): _text(option) for option in options if option["type"] == "string"}


def possible(filters: Filters, texts: Mapping[str, Text]) -> Filters:
    """The same without what no port can have. A filter of which nothing is left fits none."""
    return {
        name: [value for value in values if _can_be(texts[name], value)] if name in texts else values
        for name, values in filters.items()
    }


def _text(option: Mapping[str, Any]) -> Text:
    if "choices" in option:
        return Enum(tuple(option["choices"]))
    format = option.get("format")
    if format == "uuid":
        return Uuid()
    return String(option.get("length", DEFAULT_LENGTH), option.get("pattern"), _FORMATS.get(str(format)))


def _can_be(text: Text, value: Any) -> bool:
    """Whether some port may have this. The empty text asks for null."""
    faults: list[Fault] = []
    if value is not None and value != "":
        _check(text)(value, "", faults)
    return not faults


@lru_cache(maxsize=256)
def _check(text: Text) -> Check:
    return checker(text)
