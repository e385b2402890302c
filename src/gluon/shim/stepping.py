# SPDX-License-Identifier: Apache-2.0
"""Makes one call for one object: remember in etcd what may have to be undone, call the backend, answer, remember what was done.

    call due ─► report "pending" (etcd) ─► still due? ─► backend ─► a bind: answer (etcd) ─► remembered

Which call is due, and what becomes of an object whose call failed, is ``gluon.shim.reconciling``'s.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from gluon.particle import keys
from gluon.shim import answers, planning, reports
from gluon.shim.backend import Permanent
from gluon.shim.backlog import Backlog
from gluon.shim.binding import ActedOn, Binder, Outcome
from gluon.shim.calling import Calls
from gluon.shim.journal import Journal
from gluon.shim.planning import Call, Verb, Wanted
from gluon.shim.references import Key
from gluon.shim.reports import Handed, State

LOG = logging.getLogger(__name__)


class Overtaken(Exception):
    """The object has moved on in etcd; the watch is about to say how."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What the reconciling acts through. ``answers``: whether this shim answers binds."""

    calls: Calls
    journal: Journal
    binder: Binder
    controller: str
    answers: bool = True


class Steps:
    """Makes calls, one for an object at a time. ``open`` says whether calls may begin."""

    def __init__(self, proton: str, backlog: Backlog, hands: Hands, open: Callable[[], bool]) -> None:
        self._proton = proton
        self._backlog = backlog
        self._hands = hands
        self._open = open

    async def make(self, key: Key, call: Call) -> None:
        """Make this call, remembering before it what may have to be undone and after it what was done.

        Raises what the backend raises, KvError, and Overtaken.
        """
        wanted, had = self._backlog.wanted(key), self._backlog.handed.get(key)
        acted_on = self._hands.binder.acting_on(key, wanted.record) if wanted and call.verb is Verb.BIND else None
        begun = planning.begun(call.verb, wanted, had)
        if wanted is not None and begun is not None and begun is not had:
            self._backlog.remember(key, begun)
            if self._hands.calls.has(key, call.verb) and not await self._recorded(key, wanted, begun, had):
                return
        if acted_on is not None:
            assert wanted is not None and begun is not None
            await self._bind(key, call, (wanted, acted_on), begun)
        else:
            await self._call(key, call, wanted, begun)

    def note(self, key: Key, state: State | None = None, reason: str = "") -> None:
        """Report on an object, when there is room: what it stands at, or that the backend has nothing of it any more."""
        had = self._backlog.handed.get(key)
        value = None if had is None else reports.encode(had, state, reason)
        self._hands.journal.note(self._report_key(key), value)

    async def _recorded(self, key: Key, wanted: Wanted, begun: Handed, had: Handed | None) -> bool:
        """Write down that a call begins; False where it must not begin any more, so that it has not begun."""
        recorded = False
        try:
            await self._hands.journal.commit(self._report_key(key), reports.encode(begun, "pending"))
            recorded = True
        finally:
            if not recorded or not self._open() or not self._backlog.stands(key, wanted):
                self._backlog.remember(key, had)
                self._backlog.noticed(key)
                self.note(key, "pending" if self._backlog.call(key) else None)
                recorded = False
        return recorded

    async def _call(self, key: Key, call: Call, wanted: Wanted | None, begun: Handed | None) -> None:
        """Make a call that is no bind."""
        try:
            await self._hands.calls.make(key, call)
        except Permanent as error:
            if call.verb is not Verb.MODIFY:
                raise
            assert wanted is not None and begun is not None
            LOG.warning("%s %s: refused: %s", key.kind, key.id, error.reason)
            self._backlog.remember(key, planning.refused(wanted, begun, error.reason))
            return
        if call.verb is Verb.UNBIND and self._hands.answers:
            await self._hands.binder.clear(key)
        self._backlog.remember(key, planning.done(call.verb, wanted, begun))

    async def _bind(self, key: Key, call: Call, port: tuple[Wanted, ActedOn], had: Handed) -> None:
        """Bind a port and answer. Raises Overtaken where the answer is to a state of the port that is no more."""
        wanted, acted_on = port
        binding, name = wanted.record["binding_id"], self._hands.controller
        refusal, value = "", None
        try:
            result = await self._hands.calls.make(key, call)
            if result is not None:
                value = answers.success(result, name, binding)
                refusal = answers.refusal(result)
        except Permanent as error:
            LOG.warning("%s %s: bind refused: %s", key.kind, key.id, error.reason)
            refusal = error.reason or "refused"
            value = answers.failure(refusal, name, binding)
        outcome = Outcome.STANDS
        if value is not None and self._hands.answers:
            outcome = await self._hands.binder.answer(key, acted_on, value, failure=bool(refusal))
        if outcome is Outcome.OVERTAKEN:
            raise Overtaken
        lost = outcome is Outcome.LOST
        self._backlog.remember(key, planning.settled(wanted, had, self._backlog.offer(key), refusal=refusal, lost=lost))

    def _report_key(self, key: Key) -> str:
        return keys.report(self._proton, key.kind, key.id, self._hands.controller)
