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
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from gluon.errors import GluonError
from gluon.kv.contract import Kv
from gluon.kv.election import Election
from gluon.model.catalogue import Family
from gluon.particle import keys
from gluon.settings import Sync as Settings
from gluon.store.contract import Backlog, Store
from gluon.sync.answers import Answers
from gluon.sync.doorbell import Doorbell
from gluon.sync.leading import Leading
from gluon.sync.metrics import Figure, Figures
from gluon.sync.pace import Health, keep
from gluon.sync.parts import Board, Parts, ProtonState
from gluon.sync.position import is_newer, layout
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
        self._leading: Leading | None = None
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
        well = self._health.well
        self._doorbell = bell = Doorbell(self._kv, keys.doorbell(database), who, lambda: well("doorbell"))
        ttl = self._settings.leader_ttl
        election = Election(self._kv, keys.leader(database), who, ttl, lambda: well("election"), self._is_outdated)
        parts = Parts(self._kv, self._store, database, self._url, self._settings.batch, self._health, self._board)
        leading = self._leading = Leading(self._protons, parts, self._answers, bell)
        loops: Mapping[str, Callable[[], Awaitable[None]]] = {
            "answers": self._answers.run,
            "doorbell": bell.run,
            "backlog": self._count,
            "election": lambda: election.run(leading.run),
        }
        well("sync")
        async with asyncio.TaskGroup() as group:
            for part, work in loops.items():
                group.create_task(keep(part, work, self._health))

    async def _is_outdated(self) -> bool:
        """Whether a server of a newer model has relayed, which should rather lead: this one knows less than etcd holds."""
        for proton in self._protons:
            if is_newer(await self._kv.get(keys.sync(proton.name)), layout(proton)):
                return True
        return False

    def _changed(self, protons: Set[str]) -> None:
        """Something was committed here: whoever relays should know."""
        if self._leads and self._leading is not None:
            self._leading.wake(protons)
        elif self._doorbell is not None:
            self._doorbell.ring()

    @property
    def _leads(self) -> bool:
        return self._leading is not None and self._leading.active

    async def _count(self) -> None:
        while True:
            self._backlog = await self._store.log.backlog()
            self._stuck = len(await self._store.log.stuck())
            self._health.well("backlog")
            await asyncio.sleep(_COUNT)

    def report(self) -> SyncReport:
        """How it fares, as of a second ago at most."""
        return SyncReport(self._leads, self._health.trouble, self._backlog, self._stuck, dict(self._board.states))

    async def probe_etcd(self) -> None:
        """Return if etcd answers with a quorum; raises KvUnavailable."""
        await self._kv.revision()

    async def probe_relay(self) -> str | None:
        """Return if changes reach etcd in time, with what an operator should see to all the same.

        Raises GluonError with how far behind they are, Unavailable.
        """
        states = [f"{proton}: {state.reason}" for proton, state in self._board.states.items() if state.reason]
        because = "; ".join(filter(None, [self._health.trouble, *states]))
        backlog = await self._store.log.backlog()
        if backlog.age > self._settings.lag_limit:
            detail = f"{backlog.rows} changes wait for etcd, the oldest for {backlog.age:.0f} s"
            raise GluonError(f"{detail}: {because}" if because else detail)
        return because or None

    def metrics(self, registry: CollectorRegistry) -> None:
        """Register the figures."""
        board = self._board
        registry.register(
            Figures(
                (
                    Figure("backlog_rows", "Changes in the database that wait for etcd.", lambda: self._backlog.rows),
                    Figure("backlog_age_seconds", "Seconds that the oldest change has waited.", lambda: self._backlog.age),
                    Figure("stuck_keys", "Keys that etcd refused for good and that are set aside.", lambda: self._stuck),
                    Figure("troubles", "Parts of sync that cannot do their work now.", lambda: self._health.troubles),
                    Figure("leader", "1 on the server that relays.", lambda: self._leads),
                    Figure("batches", "Batches of changes sent to etcd.", lambda: board.batches, counter=True),
                    Figure("changes", "Changes sent to etcd.", lambda: board.changes, counter=True),
                    Figure("repaired", "Keys put right by repairs.", lambda: board.repaired, counter=True),
                    Figure(
                        "answers", "Answers of shims to binds that were taken up.", lambda: self._answers.stored, counter=True
                    ),
                ),
                lambda: {proton: state.state for proton, state in self._board.states.items()},
            )
        )
