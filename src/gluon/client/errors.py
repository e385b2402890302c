# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a client and a Proton Server.

GluonError
└── ClientError
    ├── Problem        the server refused: status, title, detail and every fault
    ├── Unreachable    no answer; ``sent`` says whether the server may have acted
    └── Unexpected     something answered, but not as a Proton Server does
"""

from __future__ import annotations

import json
from typing import Any

from gluon.errors import Fault, GluonError


class ClientError(GluonError):
    """A request got no good answer."""


class Unreachable(ClientError):
    """No answer came. ``sent``: the request may have been carried out nevertheless."""

    def __init__(self, url: str, reason: str, *, sent: bool) -> None:
        but = "; it may have acted on the request" if sent else ""
        super().__init__(f"no answer from {url}: {reason}{but}")
        self.sent = sent


class Unexpected(ClientError):
    """The answer is none that a Proton Server gives."""


class Problem(ClientError):
    """The server refused a request (RFC 9457). ``faults`` holds every reason that it gave."""

    def __init__(self, status: int, title: str, detail: str, faults: tuple[Fault, ...] = (), request_id: str = "") -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.title = title
        self.detail = detail
        self.faults = faults
        self.request_id = request_id

    @classmethod
    def of(cls, status: int, reason: str, body: bytes, request_id: str = "") -> Problem:
        """Read an answer that refuses. One that is no problem document (a proxy's page) keeps its status alone."""
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            return cls(status, f"{status} {reason}".strip(), "", (), request_id)
        return cls(
            status,
            _text(document.get("title")) or f"{status} {reason}".strip(),
            _text(document.get("detail")),
            _faults(document.get("errors")),
            _text(document.get("request_id")) or request_id,
        )


def _faults(errors: Any) -> tuple[Fault, ...]:
    listed = errors if isinstance(errors, list) else []
    return tuple(Fault(_text(e.get("pointer")), _text(e.get("detail"))) for e in listed if isinstance(e, dict))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
