# SPDX-License-Identifier: Apache-2.0
"""What a driver raises. Whoever calls one needs no other family of errors, whichever Proton it is of.

GluonError
└── DriverError
    ├── NotFound       no Proton has such a port, or this one has not
    ├── Refused        the Proton Server said no, and did nothing: status, detail, faults
    ├── Unavailable    the Proton Servers cannot be asked now; ``sent``: what was asked may have been done nevertheless
    └── BadDriver      an entry point brings no usable driver; the text names it
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from gluon.client.errors import Problem
from gluon.errors import Fault, GluonError

#: What a gateway says whose own trouble it is, which passes, whatever was asked.
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


class DriverError(GluonError):
    """What was asked of a driver was not done, or may not have been."""


class NotFound(DriverError):
    """There is no such port, or none that the asker may see."""


class Refused(DriverError):
    """The Proton Server refused: nothing was done. ``faults`` holds every reason, ``detail`` is one sentence."""

    def __init__(self, status: int, text: str, detail: str = "", faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.detail = detail or text
        self.faults = faults


class Unavailable(DriverError):
    """No Proton Server can be asked, or none answers as one. ``sent``: the request may have been carried out."""

    def __init__(self, text: str, *, sent: bool = False) -> None:
        super().__init__(text)
        self.sent = sent


class BadDriver(DriverError):
    """An entry point cannot be used; the text names it. Other Protons are not concerned."""


def of_problem(problem: Problem, *, sent: bool) -> DriverError:
    """What a refusal of the API means to the caller of a driver. ``sent``: the request was one that changes something.

    After a status from 500 nobody knows: a server whose COMMIT got no answer says 503, and so does a balancer without servers.
    """
    if problem.status == 404:
        return NotFound(problem.detail or str(problem))
    if problem.status >= 500 or problem.status in _PASSING:
        return Unavailable(str(problem), sent=sent)
    return Refused(problem.status, str(problem), problem.detail, problem.faults)
