# SPDX-License-Identifier: Apache-2.0
"""All of sync in one server: stands for election, relays while it leads, rings where it does not, and brings back answers.

    run ─┬─ answers                      every server
         ├─ doorbell                     every server; silent while leading
         └─ election ── while leading: a relay for each Proton, the doorbell's listener, everyone's answers

Without etcd it keeps trying and disturbs nothing else.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from gluon.errors import GluonError
from gluon.kv.contract import Kv
from gluon.model.catalogue import Family
from gluon.particle import keys
from gluon.settings import Sync as Settings
from gluon.store.contract import Backlog, Store
from gluon.sync.answers import Answers
from gluon.sync.doorbell import Doorbell
from gluon.sync.election import Election, Term
from gluon.sync.metrics import Figure, Figures
from gluon.sync.pace import Health, keep
from gluon.sync.parts import Board, Parts, ProtonState
from gluon.sync.relay import Relay
from gluon.sync.waits import PortWaits

_COUNT = 1.0  # seconds between counts of what waits


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How sync fares on this server. ``etcd_error`` is everything that does not work now; ``protons`` is known to the leader."""

    leader: bool
    etcd_error: str | None
    backlog: Backlog
    stuck: int
    protons: Mapping[str, ProtonState] = field(default_factory=dict)


class Sync:
    """The Proton Server's side of etcd. ``url`` is what ports are registered with."""

    def __init__(self, settings: Settings, kv: Kv, store: Store, families: Mapping[str, Family], url: str) -> None:
        self._settings = settings
        self._kv = kv
        self._store = store
        self._protons = [family.newest for family in families.values()]
        self._url = url
        self._health = Health()
        self._board = Board()
        self._answers = Answers(self._protons, kv, store, self._health)
        self._relays: list[Relay] = []
        self._doorbell: Doorbell | None = None
        self._backlog = Backlog(0, 0.0)
        self._stuck = 0

    @property
    def waits(self) -> PortWaits:
        """What requests that bind wait with."""
        return self._answers.waits

    async def run(self) -> None:
        """Work until cancelled; then resign, so that another server takes over at once."""
        self._store.log.on_change(self._changed)
        await keep("sync", self._run, self._health)

    async def _run(self) -> None:
        database = await self._store.log.database_id()
        who = f"{socket.gethostname()}/{os.getpid()}"
        parts = Parts(
            self._kv,
            self._store,
            database,
            self._url,
            self._settings.batch,
            self._health,
            self._board,
            self._answers.renew,
        )
        well = self._health.well
        election = Election(self._kv, keys.leader(database), who, self._settings.leader_ttl, lambda: well("election"))
        self._doorbell = bell = Doorbell(self._kv, keys.doorbell(database), who, lambda: well("doorbell"))
        well("sync")
        async with asyncio.TaskGroup() as group:
            loops: dict[str, Callable[[], Awaitable[None]]] = {
                "answers": self._answers.run,
                "doorbell": bell.run,
                "backlog": self._count,
                "election": lambda: election.run(lambda term: self._lead(parts, bell, term)),
            }
            for part, work in loops.items():
                group.create_task(keep(part, work, self._health))

    async def _lead(self, parts: Parts, bell: Doorbell, term: Term) -> None:
        def heard() -> None:
            self._health.well("bell")
            self._wake()

        self._relays = [Relay(proton, parts, term) for proton in self._protons]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answers.lead())
                group.create_task(keep("bell", lambda: bell.listen(heard), self._health))
                for relay in self._relays:
                    group.create_task(keep(relay.part, relay.run, self._health))
        finally:
            for part in ("bell", *(relay.part for relay in self._relays)):
                self._health.forget(part)
            self._relays = []
            self._board.states.clear()

    def _changed(self) -> None:
        """Something was committed here: whoever relays should know."""
        if self._relays:
            self._wake()
        elif self._doorbell is not None:
            self._doorbell.ring()

    def _wake(self) -> None:
        for relay in self._relays:
            relay.wake()

    async def _count(self) -> None:
        while True:
            self._backlog = await self._store.log.backlog()
            self._stuck = len(await self._store.log.stuck())
            self._health.well("backlog")
            await asyncio.sleep(_COUNT)

    def report(self) -> SyncReport:
        """How it fares, as of a second ago at most."""
        return SyncReport(bool(self._relays), self._health.trouble, self._backlog, self._stuck, dict(self._board.states))

    async def probe_etcd(self) -> None:
        """Return if etcd answers with a quorum; raises KvUnavailable."""
        await self._kv.revision()

    async def probe_relay(self) -> None:
        """Return if changes reach etcd in time; raises GluonError with how far behind they are, Unavailable."""
        backlog = await self._store.log.backlog()
        if backlog.age > self._settings.lag_limit:
            reasons = [f"{proton}: {state.reason}" for proton, state in self._board.states.items() if state.reason]
            because = "; ".join(filter(None, [self._health.trouble, *reasons]))
            detail = f"{backlog.rows} changes wait for etcd, the oldest for {backlog.age:.0f} s"
            raise GluonError(f"{detail}: {because}" if because else detail)

    def metrics(self, registry: CollectorRegistry) -> None:
        """Register the figures."""
        board = self._board
        registry.register(
            Figures(
                (
                    Figure("backlog_rows", "Changes that wait for etcd.", lambda: self._backlog.rows),
                    Figure("backlog_age_seconds", "How long the oldest of them has waited.", lambda: self._backlog.age),
                    Figure("stuck_keys", "Keys that etcd refused for good.", lambda: self._stuck),
                    Figure("leader", "1 on the server that relays.", lambda: bool(self._relays)),
                    Figure("waits", "Requests that wait for a bind.", lambda: len(self.waits)),
                    Figure("batches", "Batches relayed.", lambda: board.batches, counter=True),
                    Figure("changes", "Changes relayed.", lambda: board.changes, counter=True),
                    Figure("repaired", "Keys put right by repairs.", lambda: board.repaired, counter=True),
                    Figure("answers", "Answers stored.", lambda: self._answers.stored, counter=True),
                ),
                lambda: {proton: state.state for proton, state in self._board.states.items()},
            )
        )
