# SPDX-License-Identifier: Apache-2.0
"""What stands in the way of a write, before anyone has looked who holds it (``explaining`` does), and what is no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluon.errors import Unavailable
from gluon.model.schema import Object
from gluon.store.driver import Violation


class Blocked(Exception):
    """A constraint stood in the way of a write to one object: ``values`` were to be stored (None: it was to go)."""

    def __init__(self, violation: Violation, obj: Object, id: Any, values: Mapping[str, Any] | None) -> None:
        super().__init__(str(violation))
        self.violation = violation
        self.object = obj
        self.id = id
        self.values = values


class Busy(Exception):
    """Another transaction has an object that this unit of work wants, and waiting for it would hold up others."""


def closed() -> Unavailable:
    """The error for what comes after the end."""
    return Unavailable("database: it is closed, for the server is stopping")
