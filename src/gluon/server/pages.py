# SPDX-License-Identifier: Apache-2.0
"""What the query of a list asks for: filters, ``limit`` and ``marker``, and the link to the page that follows.

    ?tenant_id=…&id=…&id=…&limit=100&marker=<identifier of the last one seen>

A filter that is given several times asks for any of its values; all filters together must hold. Pages follow one another by
identifier, so objects that come and go between two requests shift nothing. An attribute that is itself called ``limit`` or
``marker``, or ``include`` where that means something, cannot be filtered by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from gluon.errors import Fault, Invalid, Missing
from gluon.particle.documents import SYNONYMS
from gluon.particle.schemas import MAX_VALUES
from gluon.particle.wording import shown
from gluon.server.exchange import Request
from gluon.server.including import INCLUDE, Including
from gluon.server.view import View
from gluon.store.contract import Query

#: Parameters of a query, each value of a filter counted.
_MAX_PARAMETERS: Final = MAX_VALUES + 100
#: Different names among them; for each that is wrong it is worked out which was meant.
_MAX_NAMES: Final = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How many objects are on a page: where the client does not say, and at most."""

    default: int
    most: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants to see of a list. ``filters`` is from the newest version's attributes to the values, any of which will
    do, each once."""

    filters: Mapping[str, Sequence[Any]]
    limit: int
    after: Any = None
    included: bool = False

    def query(self, scope: Mapping[str, Any]) -> Query:
        """What to read: one object more than fits, to know whether a page follows. ``scope`` is what the path says.

        Raises Invalid where the filters leave nothing of it.
        """
        for name, value in scope.items():
            if value not in self.filters.get(name, (value,)):
                raise _invalid(f"{name} is said by the path, and the query says otherwise")
        one = {name: values[0] for name, values in self.filters.items() if len(values) == 1}
        among = {name: values for name, values in self.filters.items() if len(values) > 1 and name not in scope}
        return Query({**one, **scope}, self.limit + 1, self.after, among)


def asked(request: Request, document: View, limits: Limits, including: Including | None) -> Asked:
    """Read the query; ``including`` is there where something may be included. Raises Invalid with every fault."""
    if not request.query:
        return Asked({}, limits.default)
    filters: dict[str, tuple[Any, ...]] = {}
    found: dict[str, Any] = {"limit": limits.default, "after": None}
    faults: list[Fault] = []
    for name, texts in _by_name(_parameters(request.query)).items():
        try:
            if name == "limit":
                found["limit"] = _limit(_only(name, texts), limits.most)
            elif name == "marker":
                found["after"] = _marker(_only(name, texts), document)
            elif name == INCLUDE and including is not None:
                found["included"] = including.wanted(texts)
            else:
                attribute = document.stored(name if name in document.object.by_name else SYNONYMS.get(name, name))
                values = document.parse_filter(name, texts)
                if attribute in filters:
                    raise _invalid(f"{shown(name)} is given under its other name, too")
                filters[attribute] = tuple(dict.fromkeys(values))
        except Invalid as error:
            faults += error.faults
    if faults:
        raise Invalid.of(faults)
    return Asked(filters, **found)


def included(request: Request, including: Including | None) -> Including | None:
    """``including``, where the query of a single object asks for it; its other parameters are none of ours. Raises Invalid."""
    if not request.query or including is None:
        return None
    return including if including.wanted([text for name, text in _parameters(request.query) if name == INCLUDE]) else None


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
        raise _invalid(f"the query has more than {_MAX_PARAMETERS} parameters: ask for fewer at a time") from None


def _by_name(parameters: Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, text in parameters:
        texts.setdefault(name, []).append(text)
    if len(texts) > _MAX_NAMES:
        raise _invalid(f"the query has parameters of more than {_MAX_NAMES} names")
    return texts


def _only(name: str, texts: Sequence[str]) -> str:
    if len(texts) > 1:
        raise _invalid(f"{shown(name)} is given more than once")
    return texts[0]


def _limit(text: str, most: int) -> int:
    """At most ``most``: whoever wants more is told by the link that more follow, and need not know how many the server allows."""
    digits = text.lstrip("0") if text.isascii() and text.isdigit() else ""
    if not digits:
        raise _invalid("limit must be an integer from 1")
    # Python refuses to read a number of thousands of digits.
    return min(int(digits), most) if len(digits) <= len(str(most)) else most


def _marker(text: str, document: View) -> Any:
    try:
        return document.parse_id(text)
    except Missing:
        raise _invalid(f"marker must be an identifier of a {document.object.api.name}") from None


def _invalid(detail: str) -> Invalid:
    return Invalid.of([Fault("", detail)])
