# SPDX-License-Identifier: Apache-2.0
"""What a server does while it leads: a relay for each Proton, each failing for itself; the bell; everyone's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set

from gluon.kv.election import Term
from gluon.model.schema import Proton
from gluon.sync.answers import Answers
from gluon.sync.doorbell import Doorbell
from gluon.sync.pace import keep
from gluon.sync.parts import Parts
from gluon.sync.relay import Relay

_BELL = "bell"


class Leading:
    """The leader's work, term after term."""

    def __init__(self, protons: Sequence[Proton], parts: Parts, answers: Answers, bell: Doorbell) -> None:
        self._protons = protons
        self._parts = parts
        self._answers = answers
        self._bell = bell
        self._relays: list[Relay] = []
        self._names = frozenset(proton.name for proton in protons)
        self.active = False

    async def run(self, term: Term) -> None:
        """Lead until cancelled."""
        health = self._parts.health
        self._relays = [Relay(proton, self._parts, term, self._answers.renew) for proton in self._protons]
        self.active = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answers.lead())
                group.create_task(keep(_BELL, lambda: self._bell.listen(self._heard), health))
                for relay in self._relays:
                    group.create_task(keep(relay.part, relay.run, health))
        finally:
            for part in (_BELL, *(relay.part for relay in self._relays)):
                health.forget(part)
            self.active = False
            self._relays = []
            self._parts.board.states.clear()

    def wake(self, protons: Set[str]) -> None:
        """There may be changes of these."""
        for relay in self._relays:
            if relay.proton.name in protons:
                relay.wake()

    def _heard(self) -> None:
        self._parts.health.well(_BELL)
        self.wake(self._names)  # a bell does not say whose
