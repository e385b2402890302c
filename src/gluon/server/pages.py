# SPDX-License-Identifier: Apache-2.0
"""What the query of a list asks for: filters, ``limit`` and ``marker``, and the link to the page that follows.

    ?tenant_id=…&limit=100&marker=<identifier of the last one seen>

Pages follow one another by identifier, so objects that come and go between two requests shift nothing. An attribute that is
itself called ``limit`` or ``marker`` cannot be filtered by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from gluon.errors import Fault, Invalid, Missing
from gluon.particle.documents import SYNONYMS
from gluon.particle.wording import shown
from gluon.server.exchange import Request
from gluon.server.view import View

_MAX_PARAMETERS: Final = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How many objects are on a page: where the client does not say, and at most."""

    default: int
    most: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants to see of a list. ``filters`` is from the newest version's attributes to values."""

    filters: Mapping[str, Any]
    limit: int
    after: Any = None


def asked(request: Request, document: View, limits: Limits) -> Asked:
    """Read the query. Raises Invalid with every fault of it."""
    if not request.query:
        return Asked({}, limits.default)
    filters: dict[str, Any] = {}
    found: dict[str, Any] = {"limit": limits.default, "after": None}
    faults: list[Fault] = []
    seen: set[str] = set()
    for name, text in _parameters(request.query):
        attribute = name if name in document.object.by_name else SYNONYMS.get(name, name)
        try:
            if attribute in seen:
                raise _invalid(f"{shown(name)} is given more than once")
            seen.add(attribute)
            if name == "limit":
                found["limit"] = _limit(text, limits.most)
            elif name == "marker":
                found["after"] = _marker(text, document)
            else:
                filters[document.stored(attribute)] = document.parse_filter(name, text)
        except Invalid as error:
            faults += error.faults
    if faults:
        raise Invalid.of(faults)
    return Asked(filters, **found)


def next_href(request: Request, last: Any) -> str:
    """The path and query of the page after the object with the identifier ``last``."""
    path = "".join("/" + quote(segment, safe="") for segment in request.segments())
    kept = [(name, text) for name, text in _parameters(request.query) if name != "marker"]
    return f"{path}?{urlencode([*kept, ('marker', str(last))])}"


def _parameters(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise _invalid("the query is not UTF-8") from None
    except ValueError:
        raise _invalid(f"the query has more than {_MAX_PARAMETERS} parameters") from None


def _limit(text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= most:
        raise _invalid(f"limit must be an integer from 1 to {most}")
    return number


def _marker(text: str, document: View) -> Any:
    try:
        return document.parse_id(text)
    except Missing:
        raise _invalid(f"marker must be an identifier of a {document.object.api.name}") from None


def _invalid(detail: str) -> Invalid:
    return Invalid.of([Fault("", detail)])
