# SPDX-License-Identifier: Apache-2.0
"""The bookkeeping of an object: what is set at creation and what moves with a change."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from typing import Any

from gluon.store.contract import Record


def now() -> str:
    """The time as records hold it: RFC 3339, UTC, microseconds, Z (27 characters)."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def created() -> Record:
    """The bookkeeping of a new object. ``incarnation`` tells it from an earlier one of the same identifier."""
    at = now()
    return {"revision": 1, "generation": 1, "incarnation": os.urandom(16).hex(), "created_at": at, "updated_at": at}


def revised(record: Record, changes: Mapping[str, Any], *, wanted: bool) -> Record:
    """The changes with the bookkeeping that goes with them.

    ``wanted``: something changed that the server does not write by itself, so that shims have new work. A clock that was set
    back does not bring ``updated_at`` back.
    """
    revision = record["revision"] + 1
    return {
        **changes,
        "revision": revision,
        "generation": revision if wanted else record["generation"],
        "updated_at": max(now(), record["updated_at"]),
    }
