# SPDX-License-Identifier: Apache-2.0
"""The errors that Gluon's parts raise for one another.

    GluonError
    ├── ModelError            a model is wrong; carries every fault with its place
    ├── SettingsError         a setting is missing or wrong
    ├── RequestError          what a client asked cannot be done
    │   ├── Invalid           400  the values are wrong; carries every fault
    │   ├── Missing           404  there is no such object
    │   ├── Conflict          409  something stands in the way; names it
    │   ├── Stale             412  the object changed since the client read it
    │   ├── TooLarge          413
    │   └── Unavailable       503  the database cannot say whether or what
    └── KvError               etcd: see gluon.kv.contract

Which HTTP status an error becomes is one table in ``gluon.server.problems``; nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class GluonError(Exception):
    """Base of all errors whose text is meant for a user: no stack trace is needed to understand them."""


class SettingsError(GluonError):
    """A setting is missing or wrong. The text names the file, the group and the option."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a request.

    ``pointer`` is an RFC 6901 JSON pointer into the body (``/mac_address``), or ``""`` for the whole of it.
    """

    pointer: str
    detail: str


class RequestError(GluonError):
    """What a client asked cannot be done. ``faults`` lists every reason that could be found."""

    def __init__(self, detail: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)


class Invalid(RequestError):
    """The values are wrong in themselves or refer to what is not there."""

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> Invalid:
        """The error for these faults; its detail is the first one's, with a count where there are more."""
        listed = tuple(faults)
        first = listed[0]
        where = f"{first.pointer.removeprefix('/')}: " if first.pointer else ""
        more = f" (and {len(listed) - 1} more)" if len(listed) > 1 else ""
        return cls(f"{where}{first.detail}{more}", listed)


class Missing(RequestError):
    """There is no such object, or none that the asker may see."""


class Conflict(RequestError):
    """Something that is there stands in the way; the detail names it."""


class Stale(RequestError):
    """A precondition on the object's revision does not hold."""


class TooLarge(RequestError):
    """A body or a value is over its limit."""


class Unavailable(RequestError):
    """The database cannot be asked now, or the outcome of a commit is not known."""
