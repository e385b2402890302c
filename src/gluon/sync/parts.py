# SPDX-License-Identifier: Apache-2.0
"""What the loops of one server share: its connections, and the board on which they write how they fare."""

from __future__ import annotations

from dataclasses import dataclass, field

from gluon.kv.contract import Kv
from gluon.store.contract import Store
from gluon.sync.pace import Health


@dataclass(frozen=True, slots=True)
class ProtonState:
    """How a Proton fares: ``starting``, ``repairing``, ``complete``, ``refused`` (a repair wants to be forced) or ``foreign``."""

    state: str
    reason: str = ""


@dataclass(slots=True)
class Board:
    """What has come of it so far. Only ever written on the event loop."""

    states: dict[str, ProtonState] = field(default_factory=dict)
    batches: int = 0
    changes: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """One server's side of etcd. ``url`` is what ports are registered with, ``batch`` how many change rows are read at a time."""

    kv: Kv
    store: Store
    database: str
    url: str
    batch: int
    health: Health
    board: Board
