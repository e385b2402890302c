# SPDX-License-Identifier: Apache-2.0
"""Answers binds, as one of several controllers that may want to: the first success stands, the others learn that they lost.

An answer is written in one transaction, if the shim's lease lives (the journal sees to that), the port is as it was when the
backend was called, and no other controller's success stands there for the same binding.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

import msgspec

from gluon.kv.contract import KeyValue, Kv, TxnResult
from gluon.model.schema import BindingState
from gluon.particle import keys
from gluon.particle.shimtypes import Malformed, Record
from gluon.shim import answers
from gluon.shim.answers import ABSENT, Answer
from gluon.shim.journal import Journal
from gluon.shim.mirror import Mirror
from gluon.shim.references import Key

_TRIES: Final = 10


class Outcome(enum.Enum):
    """How an answer ended: it stands; another controller's does; or the port has moved on, so that it is not wanted."""

    STANDS = enum.auto()
    LOST = enum.auto()
    OVERTAKEN = enum.auto()


class ActedOn(NamedTuple):
    """The port that the backend was called with, and the revision of its key then (0: it was gone)."""

    port: Record
    revision: int


class _Registration(msgspec.Struct, frozen=True):
    """What of ``/gluon/port/<id>`` matters here."""

    binding_id: str | None = None


class Binder:
    """Writes one shim's answers, and knows all that stand. ``revisions`` are those of the ports' keys."""

    def __init__(self, kv: Kv, journal: Journal, mirror: Mirror, controller: str) -> None:
        self.standing: dict[str, Answer] = {}
        self.revisions: dict[str, int] = {}
        self._kv = kv
        self._journal = journal
        self._mirror = mirror
        self._controller = controller
        self._proton = mirror.proton.name

    def seen(self, id: str, kv: KeyValue) -> None:
        """An answer was seen in etcd. What is older than what is known is old news."""
        if kv.mod_revision >= self.standing.get(id, ABSENT).mod_revision:
            self._know(id, answers.read(kv))

    def acting_on(self, key: Key, port: Record) -> ActedOn:
        """The port as it is now."""
        return ActedOn(port, self.revisions.get(key.id, 0))

    def forget(self) -> None:
        """The answers are about to be loaded anew."""
        self.standing.clear()

    def answered(self, id: str, binding_id: str) -> bool:
        """Whether this shim's answer to the binding stands."""
        answer = self.standing.get(id, ABSENT)
        return answer.controller == self._controller and answer.binding_id == binding_id

    async def answer(self, key: Key, acted_on: ActedOn, value: bytes, *, failure: bool) -> Outcome:
        """Answer the binding of this state of the port. Raises LeaseLost and KvRefused."""
        port, revision = acted_on
        if not revision:
            return Outcome.OVERTAKEN
        object_key, answer_key = keys.object(self._proton, *key), keys.answer(self._proton, *key)
        for _ in range(_TRIES):
            standing = self.standing.get(key.id, ABSENT)
            if await self._stands_against(key, standing, port, failure=failure):
                return Outcome.LOST
            result = await self._journal.decide(answers.put_if(object_key, revision, answer_key, standing, value))
            if result.succeeded:
                self._know(key.id, Answer(self._controller, _vif_type(value), port["binding_id"], result.revision))
                return Outcome.STANDS
            found, answer = _shown(result)
            self._know(key.id, answers.read(answer))
            if self.answered(key.id, port["binding_id"]) and self.standing[key.id].success != failure:
                return Outcome.STANDS
            if found is None or not self._is_same(key, port, found):
                return Outcome.OVERTAKEN
            revision = found.mod_revision
        return Outcome.OVERTAKEN

    async def clear(self, key: Key) -> None:
        """Write {} over this shim's own answer, if one stands. Raises LeaseLost and KvRefused."""
        answer_key = keys.answer(self._proton, *key)
        while (standing := self.standing.get(key.id, ABSENT)).controller == self._controller:
            result = await self._journal.decide(answers.clear_if(answer_key, standing))
            shown = None if result.succeeded else result.responses[0]
            assert shown is None or isinstance(shown, KeyValue)
            self._know(key.id, Answer(mod_revision=result.revision) if result.succeeded else answers.read(shown))

    def _know(self, id: str, answer: Answer) -> None:
        if answer.mod_revision:
            self.standing[id] = answer
        else:
            self.standing.pop(id, None)

    async def _stands_against(self, key: Key, standing: Answer, port: Record, *, failure: bool) -> bool:
        """Whether another controller's answer to this binding stands that this shim's may not replace."""
        if standing.controller == self._controller or not standing.vif_type:
            return False
        counts = standing.binding_id == port["binding_id"]
        if not standing.binding_id:
            counts = port.get("binding_state") == BindingState.BOUND or await self._counts(key, standing, port["binding_id"])
        return counts and (failure or standing.success)

    async def _counts(self, key: Key, standing: Answer, binding_id: str) -> bool:
        """Whether an answer without a binding_id came after the port took this binding."""
        registration = await self._kv.get(keys.port(key.id))
        if registration is None:
            return standing.mod_revision > self.revisions.get(key.id, 0)
        try:
            taken = msgspec.json.decode(registration.value, type=_Registration).binding_id
        except (msgspec.ValidationError, msgspec.DecodeError):
            return False
        return taken == binding_id and standing.mod_revision > registration.mod_revision

    def _is_same(self, key: Key, port: Record, found: KeyValue) -> bool:
        """Whether the key holds what the backend acted on, but for what the server wrote itself."""
        try:
            now = self._mirror.types[key.kind].decode(found.value)
        except Malformed:
            return False
        names = ("incarnation", "generation", "binding_id")
        return all(now[name] == port[name] for name in names)


def _vif_type(value: bytes) -> str:
    return answers.read(KeyValue("", value, 1, 1, 1)).vif_type


def _shown(result: TxnResult) -> tuple[KeyValue | None, KeyValue | None]:
    found, answer = result.responses
    assert found is None or isinstance(found, KeyValue)
    assert answer is None or isinstance(answer, KeyValue)
    return found, answer
