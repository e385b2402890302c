# SPDX-License-Identifier: Apache-2.0
"""How objects, and texts that clients chose, stand in messages: one wording for all of them.

port '0f3c…'          the object's name in the API, its identifier quoted
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gluon.model.schema import Object

#: How many characters of a client's own text a message shows.
SHOWN: Final = 64


def named(obj: Object, id: Any) -> str:
    """An object as a message names it."""
    return f"{obj.api.name} {shown(str(id))}"


def kinds(objects: Iterable[Object]) -> str:
    """One of several kinds: ``vpn or tunnel``."""
    return " or ".join(obj.api.name for obj in objects)


def shown(text: str) -> str:
    """A client's own text as it may stand in a message: quoted, not too long, free of what JSON cannot carry."""
    text = printable(text)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def printable(text: str) -> str:
    """The text with what is not Unicode (a lone surrogate) escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
