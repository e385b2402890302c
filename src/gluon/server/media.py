# SPDX-License-Identifier: Apache-2.0
"""Which media types a client may send and take: JSON in UTF-8, however it is spelled (RFC 9110 sections 8.3 and 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gluon.server.exchange import Request
from gluon.server.problems import NotAcceptable, Unsupported

JSON_TYPE: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"  # RFC 7396; what PATCH means here

_RANGES: Final = (JSON_TYPE, "application/*", "*/*")
_PLAIN: Final = frozenset({b"*/*", b"application/json"})


def require_json_body(request: Request) -> None:
    """Raises Unsupported unless the body is said to be JSON."""
    given = request.headers.get(b"content-type", b"")
    if given == b"application/json":
        return
    accepted = (JSON_TYPE, MERGE_PATCH) if request.method == "PATCH" else (JSON_TYPE,)
    kind, parameters = _parsed(given.decode("latin-1"))
    if kind not in accepted:
        raise Unsupported(f"the body must be {JSON_TYPE}, not {kind or 'without a content type'}", accepted)
    charset = parameters.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise Unsupported(f"the body must be in UTF-8, not {charset}", accepted)


def require_json_wanted(request: Request) -> None:
    """Raises NotAcceptable where the client takes no JSON."""
    accept = request.headers.get(b"accept")
    if accept is None or accept in _PLAIN:
        return
    qualities = dict(_qualities(accept.decode("latin-1").split(",")))
    quality = next((qualities[kind] for kind in _RANGES if kind in qualities), 0.0 if qualities else 1.0)
    if quality <= 0.0:
        raise NotAcceptable(f"the answer is {JSON_TYPE}, which the Accept header does not take")


def _qualities(ranges: Sequence[str]) -> Iterator[tuple[str, float]]:
    for text in ranges:
        kind, parameters = _parsed(text)
        if kind:
            try:
                yield kind, float(parameters.get("q", "1"))
            except ValueError:
                yield kind, 1.0


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    """A media type in lower case and its parameters without their quotes."""
    kind, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    return kind.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
