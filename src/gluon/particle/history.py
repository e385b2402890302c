# SPDX-License-Identifier: Apache-2.0
"""How far the relay was whenever it was seen, so that an etcd that was put back to an older state is known for one. Pure.

In an epoch the batches only grow, and an epoch that was followed by another never returns.
"""

from __future__ import annotations

import msgspec


class SyncState(msgspec.Struct, frozen=True):
    """What ``/gluon/sync/<proton>`` says."""

    epoch: str = ""
    state: str = "complete"
    batch: int = 0


class History:
    """What one process has seen of a Proton's relay."""

    def __init__(self) -> None:
        self._last: SyncState | None = None
        self._past: set[str] = set()

    def seen(self, sync: SyncState | None) -> bool:
        """The relay was there; whether in another epoch than before."""
        if sync is None or not sync.epoch:  # asked to repair: whose epoch comes next is not known yet
            return False
        before, self._last = self._last, sync
        if before is None or before.epoch == sync.epoch:
            return False
        self._past.add(before.epoch)
        return True

    def older(self, sync: SyncState | None) -> str | None:
        """In which way this is older than what was seen; None where it is not, or that cannot be told."""
        if sync is None or self._last is None:
            return None
        if sync.epoch in self._past:
            return f"etcd is back in epoch {sync.epoch}, which is over: waiting for the relay to begin another"
        if sync.epoch == self._last.epoch and sync.batch < self._last.batch:
            return (
                f"etcd is back at batch {sync.batch}, after batch {self._last.batch} was seen, so it was restored from an older "
                "state: waiting for the relay to begin another epoch"
            )
        return None
