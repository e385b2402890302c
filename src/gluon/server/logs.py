# SPDX-License-Identifier: Apache-2.0
"""Structured logs: one JSON object a line, with the request's id on every line that a request caused.

    {"time": "2026-01-31T12:00:00.123456Z", "level": "info", "logger": "gluon.server", "message": "…", "request_id": "req-…"}

A logger's ``extra={"fields": {…}}`` adds members. Bodies, queries, headers and values of attributes are never logged.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from gluon.particle.wording import printable

#: The id of the request that the running task serves; empty outside of requests.
request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if id := request_id.get():
            line["request_id"] = id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(_printable(line)).decode()


def install(*, debug: bool = False, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to ``stream`` (standard output) as JSON lines."""
    handler = logging.StreamHandler(sys.stdout if stream is None else stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    # What others log at these levels is about their own insides.
    for chatty in ("asyncio", "grpc", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(logging.INFO if debug else logging.WARNING)
    # It warns of what is no HTTP: whoever reaches the port could fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.INFO if debug else logging.ERROR)
    logging.captureWarnings(True)


def _printable(line: dict[str, Any]) -> dict[str, Any]:
    """Text that is no Unicode, as a path may be, must not cost the line."""
    return {k: printable(v) if isinstance(v, str) else v for k, v in line.items()}
