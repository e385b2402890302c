# SPDX-License-Identifier: Apache-2.0
"""Brings the backend to what is wanted: one call at a time for an object, different objects side by side.

    changed(key) ─► queue ─► due call ─► must wait? ─► remember it (etcd) ─► backend ─► answer (etcd) ─► and so on until
    nothing is due ─► report

This and the request boundary of the server are the two places that catch any exception: a backend's bug concerns one object.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from gluon.kv.contract import KvError, LeaseLost
from gluon.model.schema import BindingState
from gluon.particle.shimtypes import Record
from gluon.shim import planning
from gluon.shim.backend import Permanent, Temporary
from gluon.shim.backlog import Backlog
from gluon.shim.mirror import Mirror
from gluon.shim.planning import Call, Placement
from gluon.shim.queueing import Queue, Terms
from gluon.shim.references import Key
from gluon.shim.reports import Handed, State
from gluon.shim.stepping import Hands, Overtaken, Steps

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many objects at once, and how many seconds until a call that failed with a bug is repeated: ``first``, doubled each
    time up to ``longest``, each time between half and one and a half of it. ``patience``: how long a clean stop waits."""

    objects: int = 256
    first: float = 0.5
    longest: float = 60.0
    patience: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds until the next try after so many failures."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30)) * random.uniform(0.5, 1.5)


class Reconciler:
    """Works off what is due. ``alive`` says whether calls may begin: the lease lives."""

    def __init__(self, mirror: Mirror, placement: Placement, hands: Hands, pace: Pace, alive: Callable[[], bool]) -> None:
        self._hands = hands
        self._pace = pace
        self._alive = alive
        self._stopped = False
        self._held = True
        self._proton = mirror.proton.name
        self._mirror = mirror
        self._failures: dict[Key, int] = {}
        self._refused: dict[Key, object] = {}
        self._reasons: dict[Key, str] = {}
        self.backlog = Backlog(mirror, placement, hands.calls.offers(mirror.proton), self._idle)
        self._steps = Steps(self._proton, self.backlog, hands, lambda: self.open)
        terms = Terms(self._ready, self._work, lambda: self.open, lambda: not hands.journal.full)
        self.queue = Queue(terms, pace.objects)

    def changed(self, key: Key, before: Record | None) -> None:
        """The copy holds another state of this object than ``before``."""
        self.backlog.noticed(key)
        now = self._mirror.find(key)
        if before is None or now is None or not planning.same_generation(before, now):
            if key in self._failures:
                self.queue.release(key)
            for other in self._mirror.referring(key):
                if other.kind in self.backlog.linked or self.queue.waits(other):
                    self.queue.add(other)
        self.queue.add(key, urgent=self.backlog.urgent(key))
        self.queue.wake(key)

    def hold(self) -> None:
        """Begin no calls until the memory has been recalled."""
        self._held = True

    def recall(self, found: Mapping[Key, Handed], past: Collection[Key], *, first: bool) -> None:
        """Take over what etcd holds of the memory, and look at every object.

        ``first``: the lease is new, so that another shim of this name may have worked meanwhile and what it left counts where
        it differs. Otherwise nobody else wrote: where etcd says less, or other than what is known here, as after it was restored
        from an older state, it is told again. That is so of what is ``past`` in any case.
        """
        self._held = False
        held = self.backlog.handed
        stale = set(held) - set(found) | set(past)
        for key, handed in found.items() if first else ():
            if key not in past and (key not in held or not _agree(held[key], handed)):
                checked = self._checked(key, handed)
                self.backlog.remember(key, checked)
                if checked is not handed:
                    stale.add(key)
        if not first:
            stale |= {key for key, handed in found.items() if key not in held or not _agree(held[key], handed)}
        for key in held:
            self.backlog.noticed(key)
        for key in stale:
            self._note(key, "pending" if self.backlog.call(key) else None)
        for key in dict.fromkeys((*self._mirror.known(), *held)):
            self.queue.add(key, urgent=self.backlog.urgent(key))

    def _checked(self, key: Key, handed: Handed) -> Handed:
        """A port's memory, in the light of the answer that stands in etcd."""
        record = self._mirror.find(key)
        if not handed.bound or record is None:
            return handed
        standing = self._hands.binder.standing.get(key.id)
        if handed.settled != handed.bound and standing and standing.success and self._hands.binder.answered(key.id, handed.bound):
            return replace(handed, settled=handed.bound)
        waits = handed.settled and record.get("binding_state") == BindingState.BINDING and standing is None
        return replace(handed, settled="") if waits else handed

    async def stop(self) -> None:
        """Begin no more calls; return when those under way have ended, or the patience has."""
        self._stopped = True
        left = await self.queue.finish(self._pace.patience)
        if left:
            LOG.warning("%d calls did not end in time; they will be repeated", left)

    @property
    def open(self) -> bool:
        """Whether calls may begin."""
        return not self._stopped and not self._held and self._alive()

    def _idle(self, key: Key) -> bool:
        """Whether the object is put off or refused, so that nobody waits for it."""
        return self.queue.resting(key) or (key in self._refused and self._refused[key] == self._stamp(key))

    def _ready(self, key: Key) -> bool:
        return self._next(key) is not None

    def _next(self, key: Key) -> Call | None:
        """The call that may be made now. What must wait for another object is entered as waiting."""
        call = self.backlog.due(key)
        other = self.backlog.blocker(key, call) if call is not None else None
        if other is None:
            return call
        self.queue.wait(key, other)
        return None

    async def _work(self, key: Key) -> None:
        """Make this object's calls until none is due, or it must wait."""
        before = self.backlog.handed.get(key)
        try:
            while self.open and (call := self._next(key)) is not None:
                await self._steps.make(key, call)
            self._failures.pop(key, None)
            self._refused.pop(key, None)
            self._report(key, before)
        except (LeaseLost, Overtaken):
            pass
        except Temporary as error:
            LOG.info("%s %s: again in %g s: %s", key.kind, key.id, error.delay, error.reason)
            self._put_off(key, max(0.0, error.delay), error.reason)
        except Permanent as error:
            LOG.warning("%s %s: refused: %s", key.kind, key.id, error.reason)
            self._refused[key] = self._stamp(key)
            self._note(key, "failed", error.reason)
        except KvError as error:
            self._fail(key, error)
            LOG.warning("%s %s: not written, will be repeated: %s", key.kind, key.id, error)
        except Exception as error:
            self._fail(key, error)
            LOG.exception("%s %s: the backend failed, will be repeated", key.kind, key.id)

    def _fail(self, key: Key, error: Exception) -> None:
        self._failures[key] = self._failures.get(key, 0) + 1
        self._put_off(key, self._pace.delay(self._failures[key]), f"{type(error).__name__}: {error}")

    def _put_off(self, key: Key, delay: float, reason: str) -> None:
        self.queue.put_off(key, delay, urgent=self.backlog.urgent(key))
        if self._reasons.get(key) != reason:
            self._note(key, "pending", reason)
            self._reasons[key] = reason

    def _report(self, key: Key, before: Handed | None) -> None:
        """Report where the object stands, if that is news. What is gone may have been begun and undone since ``before``."""
        had = self.backlog.handed.get(key)
        if had is None or had is not before:
            self._note(key, "pending" if had is not None and self.backlog.due(key) else None)
        self._reasons.pop(key, None)

    def _note(self, key: Key, state: State | None, reason: str = "") -> None:
        self._steps.note(key, state, reason)

    def _stamp(self, key: Key) -> object:
        """What must change for a refused call to be made again."""
        wanted = self.backlog.wanted(key)
        if wanted is None:
            return None
        record = wanted.record
        return planning.incarnation_of(record), planning.generation_of(record), record.get("binding_id")


def _agree(one: Handed, other: Handed) -> bool:
    """Whether two memories of an object tell of the same calls."""
    names = ("incarnation", "generation", "links", "bound", "settled")
    return all(getattr(one, name) == getattr(other, name) for name in names)
