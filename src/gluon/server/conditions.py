# SPDX-License-Identifier: Apache-2.0
"""Conditional requests (RFC 9110 section 13): an object's ETag is its revision in quotes.

Reads are checked here against the record; for writes the transaction checks the revision that ``named_revisions`` finds.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gluon.errors import Stale
from gluon.model.schema import Object
from gluon.particle.wording import named
from gluon.server.exchange import Request
from gluon.store.contract import Record

_REVISION: Final = re.compile(rb'"[1-9][0-9]{0,18}"')
_TAG: Final = re.compile(rb'\s*(W/)?("[^"]*")\s*(?:,|$)')


def etag(record: Record) -> bytes:
    """The entity tag of an object as it stands in ``record``."""
    return b'"%d"' % record["revision"]


def unchanged(request: Request, tag: bytes) -> bool:
    """Whether the client has this already (If-None-Match, compared weakly): answer 304."""
    given = request.headers.get(b"if-none-match")
    return given is not None and _names(given, tag, weak=True)


def stale(obj: Object, id: Any, record: Record) -> Stale:
    """The error for an object that is at another revision than the client wants."""
    return Stale(f"{named(obj, id)} is at revision {record['revision']}, which If-Match does not name")


def matches(request: Request, record: Record) -> bool:
    """Whether If-Match, where given, names the object as it stands (compared strongly)."""
    given = request.headers.get(b"if-match")
    return given is None or _names(given, etag(record), weak=False)


def named_revisions(request: Request) -> frozenset[int] | None:
    """The revisions in If-Match; None where any will do. What is no tag of ours (a weak one, say) names no revision."""
    given = request.headers.get(b"if-match")
    if given is None or given.strip() == b"*":
        return None
    return frozenset(int(tag[1:-1]) for weak, tag in _TAG.findall(given) if not weak and _REVISION.fullmatch(tag))


def _names(header: bytes, tag: bytes, *, weak: bool) -> bool:
    if header.strip() == b"*":
        return True
    return any(found == tag and (weak or not prefix) for prefix, found in _TAG.findall(header))
