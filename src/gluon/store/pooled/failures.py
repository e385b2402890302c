# SPDX-License-Identifier: Apache-2.0
"""What a failing database server becomes for a client, and what is known of an outage."""

from __future__ import annotations

import logging
from typing import Final

from gluon.errors import Invalid, RequestError, Unavailable
from gluon.store.driver import DatabaseError, Lost, Unstorable

_log = logging.getLogger(__name__)
_TOO_LONG: Final = "it takes long to answer"


def unavailable(place: str, error: Exception) -> RequestError:
    """The error that a client gets. ``place``: the database, without its password."""
    if isinstance(error, Unstorable):
        return Invalid("a value is beyond what the database can hold")
    return Unavailable(f"database {place}: {error}")


class Outage:
    """Whether the database can be written, as far as the last attempt says. Logs where that changes."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._reason: str | None = None

    def begun(self, error: Exception) -> None:
        """An attempt failed for a reason that is the database's."""
        if self._reason is None:
            _log.warning("database %s: %s", self._place, error)
        self._reason = str(error)

    def over(self) -> None:
        """An attempt went well."""
        if self._reason is not None:
            _log.info("database %s: can be written again", self._place)
            self._reason = None

    def why(self, error: BaseException | None = None) -> Unavailable:
        """Why something has not come back: because of ``error``, or else of what is known; names the place."""
        if error is not None and isinstance(error, DatabaseError) and not isinstance(error, Lost):
            return Unavailable(f"database {self._place}: {error}; it was tried again until time was over")
        return Unavailable(f"database {self._place}: {self._reason or _TOO_LONG}")
