# SPDX-License-Identifier: Apache-2.0
"""Carries out a Call: sends it, writes the answer, says on standard error what a user should know besides.

Call ─► Collection (HTTP) ─► Output
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, urlsplit

from gluon.cli.calls import Call
from gluon.cli.exits import Exit
from gluon.cli.output import Output
from gluon.client.errors import Problem, Unexpected
from gluon.client.http import Client, Response
from gluon.client.resources import Collection

#: Says one line on standard error.
Say = Callable[[str], None]


def carry_out(call: Call, client: Client, output: Output, say: Say) -> Exit:
    """Do what was asked. Raises ``ClientError`` where that fails; only delete goes on with the next object."""
    collection = Collection(client, call.noun.path)
    match call.verb:
        case "list":
            _list(call, collection, output, say)
        case "create":
            _changed(call, collection.create(call.values, query=call.query, wait=call.wait), output, say)
        case "show":
            output.one(collection.show(call.ids[0], call.query))
        case "update":
            answer = collection.update(call.ids[0], call.values, query=call.query, revision=call.revision, wait=call.wait)
            _changed(call, answer, output, say)
        case _:
            return _delete(call, collection, say)
    return Exit.OK


def _list(call: Call, collection: Collection, output: Output, say: Say) -> None:
    pages = collection.pages(call.query)
    fetched = list(pages) if call.all_pages else [next(pages)]
    try:
        output.many(fetched, call.noun.plural, (*call.noun.columns, *call.includes))
        marker = _marker(fetched[-1])
    except (KeyError, TypeError, AttributeError):
        raise Unexpected(f"the answer is no list of {call.noun.plural}") from None
    if marker:
        say(f"there are more: --marker {marker}")


def _marker(page: Response) -> str | None:
    """Where the next page starts, where one follows."""
    href = next((link["href"] for link in page.json().get("links", ()) if link["rel"] == "next"), None)
    return parse_qs(urlsplit(href).query).get("marker", [""])[0] if href else None


def _changed(call: Call, answer: Response, output: Output, say: Say) -> None:
    output.one(answer)
    if not call.noun.binds:
        return
    thing = answer.json()
    state = thing.get("binding_state") if isinstance(thing, dict) else None
    if answer.status == 202:
        say(f"not bound yet: {call.noun.name}-show {thing.get(call.noun.identifier)} tells when it is")
    elif state == "FAILED":
        say(f"the bind failed: {thing.get('binding_reason') or 'no reason is given'}")


def _delete(call: Call, collection: Collection, say: Say) -> Exit:
    """Delete them all; what fails does not keep the others. NOT_FOUND if that was all that failed."""
    outcome = Exit.OK
    for id in call.ids:
        try:
            collection.delete(id, revision=call.revision)
        except Problem as problem:
            name = f"{call.noun.name} {id}: " if len(call.ids) > 1 else ""
            for line in told(problem):
                say(name + line)
            if outcome is not Exit.REFUSED:
                outcome = of_problem(problem)
    return outcome


def of_problem(problem: Problem) -> Exit:
    """The exit code for a refusal."""
    return Exit.NOT_FOUND if problem.status == 404 else Exit.REFUSED


def told(problem: Problem) -> Sequence[str]:
    """A refusal in lines: title and detail, then each fault as ``attribute: what``, unless the detail has said it."""
    faults = [f"{fault.pointer.lstrip('/')}: {fault.detail}" if fault.pointer else fault.detail for fault in problem.faults]
    if len(faults) == 1 and (faults[0] in problem.detail or problem.faults[0].detail == problem.detail):
        faults = []
    request = [f"the server's log has more under request id {problem.request_id}"] if problem.status >= 500 else []
    return [str(problem), *faults, *(request if problem.request_id else [])]
