# SPDX-License-Identifier: Apache-2.0
"""The home of a Proton: those of the configured servers that have it, and which of them is asked first.

GET /proton/<proton>   asks one after the other until one has it, for 404 says that a server lacks it
/proton/<proton>/…     those that are known to have it, from the one that answered last ─► the others, each asked once if it does

What is remembered is true until a server says otherwise: it is restarted with other models, or another one gets the Proton.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote

from gluon.backends.connections import Request, Server
from gluon.backends.errors import DriverError, NotFound, Refused, Unavailable, of_problem
from gluon.client.errors import Problem, Unreachable
from gluon.client.http import Response

_log = logging.getLogger(__name__)

ROOT: Final = "/proton"
UNAUTHORIZED: Final = 401
_MISUNDERSTOOD: Final = 400
#: What a server that has trouble, or a balancer before it, says; another server may well answer.
_TROUBLE: Final = (502, 503, 504)


def document_of(proton: str) -> str:
    """Where a server says what versions it has of a Proton."""
    return f"{ROOT}/{quote(proton, safe='')}"


def document_above(path: str) -> str:
    """That of the Proton which a path is of; empty where it is of none."""
    parts = path.split("/", 3)
    return "/".join(parts[:3]) if len(parts) > 2 and f"/{parts[1]}" == ROOT and parts[2] else ""


class Elsewhere(Exception):
    """A server has not done what it was asked, and another one may. ``why``: what to say if none does."""

    def __init__(self, why: DriverError) -> None:
        super().__init__(str(why))
        self.why = why


def ask(server: Server, asked: Request, headers: Mapping[str, str]) -> Response:
    """The answer of one server. Raises Elsewhere, and the DriverError of what is final."""
    try:
        return server.ask(asked, headers)
    except Unreachable as error:
        if error.sent:
            raise Unavailable(str(error), sent=True) from None
        raise Elsewhere(Unavailable(str(error))) from None
    except Problem as problem:
        if asked.changes or problem.status not in _TROUBLE:
            raise of_problem(problem, sent=asked.changes) from None
        raise Elsewhere(Unavailable(f"{server.url}: {problem}")) from None


class Home:
    """Among ``servers``, of the Proton whose document is at ``path``; where that is empty, all are alike.

    Asked in which order, of servers A to E as configured, of which A, C and D are known to have the Proton:

        A C D  B E     round from A, the first; those that have it before those that may
                       A cannot be asked and C answers: C is the first from now on
        C D A  E B     round from C
                       C takes a change and gives no answer: nobody else is asked, as it may be done, but C is passed
        D A C  E B     round from D

    So a server that has had trouble is not asked again at once, and one that answers stays the first until it has trouble itself.

    Many threads use it at once. It has no lock, which a fork could leave taken for ever: what is remembered changes in single
    steps on a set or a number, and a thread that misses one only asks once more than it had to.
    """

    def __init__(self, servers: Sequence[Server], path: str) -> None:
        self._servers = servers
        self._path = path
        self._proton = unquote(path.removeprefix(f"{ROOT}/"))
        self._having = set(() if path else servers)
        self._first = 0

    @property
    def having(self) -> frozenset[Server]:
        """Those that are known to have it."""
        return frozenset(self._having)

    def heard(self, server: Server) -> None:
        """It said that it has the Proton."""
        self._having.add(server)

    def answer(self, asked: Request, credentials: Mapping[str, str], headers: Mapping[str, str]) -> Response:
        """That of the first server which has the Proton and gives one. ``headers`` are this request's, ``credentials`` all have.

        Raises DriverError; NotFound for a Proton's document that all servers lack. While one cannot be asked, it may have it.
        """
        failures: list[DriverError] = []
        for server in self._in_order():
            try:
                answer = self._answer(server, asked, credentials, headers)
            except Elsewhere as passed:
                failures.append(passed.why)
                self._pass(server)
                continue
            except Unavailable:  # nobody knows what became of the request; the next one had better go elsewhere
                self._pass(server)
                raise
            if answer is None:
                continue
            if failures:
                self._first = self._servers.index(server)
                about = f" for '{self._proton}'" if self._proton else ""
                _log.warning("%s; %s is asked%s from now on", _joined(failures), server.url, about)
            return answer
        if failures:
            raise together(failures)
        nobody = f"there is no Proton '{self._proton}' at {', '.join(server.url for server in self._servers)}"
        raise NotFound(nobody) if asked.path == self._path else Unavailable(nobody)

    def _answer(
        self, server: Server, asked: Request, credentials: Mapping[str, str], headers: Mapping[str, str]
    ) -> Response | None:
        """That of one server; None where it lacks the Proton."""
        if asked.path == self._path and not asked.changes:
            return self._look(server, asked, {**credentials, **headers})
        document = Request("GET", self._path, (), None)
        if server not in self._having and self._look(server, document, credentials) is None:
            return None
        try:
            return ask(server, asked, {**credentials, **headers})
        except (NotFound, Refused) as refusal:  # which did nothing; it may be that the server has lost the Proton
            final = not self._path or (isinstance(refusal, Refused) and refusal.status != _MISUNDERSTOOD)
            if final or self._look(server, document, credentials) is not None:
                raise
            return None

    def _look(self, server: Server, asked: Request, headers: Mapping[str, str]) -> Response | None:
        """What a server says of the Proton; None where it lacks it. Whatever else is wrong with it may be so with it alone."""
        try:
            answer = ask(server, asked, headers)
        except NotFound:
            self._having.discard(server)
            return None
        except DriverError as error:
            raise Elsewhere(at(server.url, error)) from None
        self._having.add(server)
        return answer

    def _in_order(self) -> list[Server]:
        """See the class."""
        first, having = self._first, self.having
        turned = [*self._servers[first:], *self._servers[:first]]
        return sorted(turned, key=lambda server: server not in having)

    def _pass(self, server: Server) -> None:
        """Of those that are as good it is asked last: the round begins behind it."""
        self._first = (self._servers.index(server) + 1) % len(self._servers)


def at(url: str, error: DriverError) -> DriverError:
    """The trouble of one server, which is named by it."""
    if isinstance(error, Refused):
        return Refused(error.status, f"{url}: {error}", error.detail, error.faults)
    return Unavailable(f"{url}: {error}")


def together(failures: Sequence[DriverError]) -> DriverError:
    """What the troubles of several servers mean together: refused is what all refuse, or what a renewed token may get."""
    refusals = [failure for failure in failures if isinstance(failure, Refused)]
    token = next((refusal for refusal in refusals if refusal.status == UNAUTHORIZED), None)
    if token is not None or len(refusals) == len(failures):
        return token or refusals[0]
    return Unavailable(_joined(failures))


def _joined(failures: Sequence[DriverError]) -> str:
    return "; ".join(map(str, failures))
