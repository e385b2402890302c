# SPDX-License-Identifier: Apache-2.0
"""One run: everything is started, loaded, hurt, healed, drained; then the proofs."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from chaos import evidence, proofs
from chaos.account import Account, Write
from chaos.injuries import Injuries
from chaos.load import BASE, TENANT, ClientThread
from chaos.schedule import Fault
from chaos.site import SHIMS, Site
from chaos.watcher import Watcher, everything
from gluon.client.errors import ClientError
from gluon.client.http import Client
from gluon.client.resources import Collection
from gluon.errors import GluonError
from gluon.kv.contract import KvError
from gluon.particle import keys

Tell = Callable[[str], None]
#: Seconds that everything has to come to rest after the last fault has healed.
_REST: Final = 180.0
_NEWS: Final = 10.0
_WATCH: Final = 20.0  # seconds for a watch to be opened again on another member, and more
_JOIN: Final = 60.0
_SHOWN: Final = 40


@dataclass(slots=True)
class Outcome:
    """What came of it. ``faults``: what does not hold; empty where all is proved."""

    requests: Counter[str] = field(default_factory=Counter)
    injuries: Counter[str] = field(default_factory=Counter)
    seen: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The summary."""
        shown = [f"  {count:6} {what}" for what, count in sorted(self.injuries.items())]
        asked = [f"  {count:6} {what}" for what, count in sorted(self.requests.items())]
        seen = [f"  {count:6} {what}" for what, count in self.seen.items()]
        wrong = [f"  - {fault}" for fault in self.faults[:_SHOWN]]
        more = [f"  … and {len(self.faults) - _SHOWN} more"] if len(self.faults) > _SHOWN else []
        proved = "PROVED: nothing lost, nothing reordered, nothing half there."
        verdict = ["NOT PROVED:", *wrong, *more] if self.faults else [proved]
        return [f"faults healed: {self.injuries.total()}", *shown, "requests:", *asked, "seen:", *seen, *verdict]


async def run(site: Site, faults: list[Fault], *, seed: int, clients: int, pause: float, tell: Tell) -> Outcome:
    """The site runs already. Returns what came of it; the site is left as it is."""
    outcome = Outcome()
    watcher = Watcher(site.kv)
    watching = asyncio.create_task(watcher.run())
    hosts = sorted(set(SHIMS.values()))
    threads = [ClientThread(number, seed, _turned(list(site.urls.values()), number), hosts, pause) for number in range(clients)]
    injuries = Injuries(site, tell)
    for thread in threads:
        thread.start()
    try:
        await injuries.run(faults)
    finally:
        for thread in threads:
            thread.ending.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, _JOIN)
    tell("all faults have healed; no more requests")
    outcome.faults += [f"{thread.name} did not end" for thread in threads if thread.is_alive()]
    for part in site.parts.servers:  # so that no request of before is still under way
        await site.children[part].stop()
        await site.children[part].start()
        await site.until_ready(part)
    accounts = [part.account for thread in threads for part in thread.parts]
    accounts.append(await asyncio.to_thread(_last_word, site))
    await _prove(site, watcher, accounts, outcome, tell)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    for thread in threads:
        outcome.requests.update(thread.counts)
        outcome.faults += thread.faults
    outcome.injuries = injuries.counts
    outcome.faults += injuries.faults
    outcome.faults += evidence.tracebacks({name: child.output() for name, child in site.children.items()})
    outcome.seen |= {
        "changes seen by the watcher": watcher.seen.events,
        "times that it had to load anew": watcher.seen.loads,
        "starts that a server gave up, its database away": injuries.gave_up,
    }
    if not outcome.requests["acknowledged"]:
        outcome.faults.append("no request was acknowledged: nothing was tried")
    return outcome


async def _prove(site: Site, watcher: Watcher, accounts: list[Account], outcome: Outcome, tell: Tell) -> None:
    """Wait until everything is at rest; then hold all that was seen and told against it."""
    begun = told = time.monotonic()
    unsettled: list[str] = ["nothing was looked at"]
    while time.monotonic() - begun < _REST:
        try:
            found = await evidence.gather(site)
            unsettled = proofs.settled(found)
        except (KvError, ClientError) as error:
            unsettled = [f"a look failed: {error}"]
        if not unsettled:
            break
        if time.monotonic() - told > _NEWS:
            told = time.monotonic()
            tell(f"not at rest in {len(unsettled)} ways yet: {unsettled[0]}")
        await asyncio.sleep(1)
    tell(f"{'not ' if unsettled else ''}at rest after {time.monotonic() - begun:.0f} s")
    found = await evidence.gather(site)
    outcome.faults += unsettled + proofs.kept(found, accounts)
    there = evidence.incarnations((await everything(site.kv, keys.PROTONS))[0])
    with suppress(GluonError):
        await site.until(lambda: _seen(watcher, there), "the watcher to see what is there", _WATCH)
    outcome.faults += proofs.unwatched(watcher.seen.present, there) + watcher.seen.faults
    status, output = await site.command("sync", "check")
    if status or output:
        outcome.faults.append(f"gluon sync check ended with status {status}: {output}")
    outcome.seen |= {collection: len(bodies) for collection, bodies in next(iter(found.servers.values())).items()}
    outcome.seen["ports that are bound, at their controllers too"] = sum(len(c.bound) for c in found.controllers.values())
    outcome.seen["late calls that controllers refused"] = sum(c.late for c in found.controllers.values())
    outcome.seen["objects in the clients' accounts"] = len(accounts)


async def _seen(watcher: Watcher, there: dict[str, str]) -> bool:
    return watcher.seen.present == there


def _last_word(site: Site) -> Account:
    """A change that every shim must hear of: those that were only started again have had none to tell a backend of."""
    account = Account("vpns", str(uuid.uuid4()))
    values = {"id": account.id, "tenant_id": TENANT, "name": "the last word", "description": "the last word"}
    with Client(next(iter(site.urls.values()))) as client:
        body = Collection(client, f"{BASE}/vpns").create(values).json()
    for fault in account.acknowledged(Write(values, creates=True), body):
        raise AssertionError(fault)
    return account


def _turned(urls: list[str], by: int) -> list[str]:
    """Clients begin with different servers."""
    at = by % len(urls)
    return urls[at:] + urls[:at]
