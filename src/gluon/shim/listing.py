# SPDX-License-Identifier: Apache-2.0
"""Who is there: the shims of a Proton, as their cards, the relay's position and their reports in etcd tell.

/gluon/shim/<proton>/…   alive: works, or stands by          ┐
/gluon/sync/<proton>     how far the relay is                ├─► Seen, one for each process and each name without one
/controller/<proton>/…   reports: ready, pending, failed     ┘
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import msgspec

from gluon.kv import paging
from gluon.kv.contract import Kv
from gluon.particle import keys


class Card(msgspec.Struct, frozen=True):
    """What a shim says about itself. Those of others may lack anything."""

    hosts: list[str] = []
    backend: str = ""
    host: str = ""
    pid: int = 0
    since: str = ""
    epoch: str = ""
    batch: int | None = None
    left: int | None = None


class Seen(msgspec.Struct, frozen=True):
    """A shim. ``behind``: batches of the relay that it had not seen when it last wrote its card, None where that is not known;
    ``left``: objects that it was working on, or waited with. ``reports``: how many of each state it has in etcd."""

    proton: str
    name: str
    state: Literal["active", "standby", "gone"]
    card: Card
    behind: int | None
    reports: dict[str, int]


class _Position(msgspec.Struct, frozen=True):
    """What of ``/gluon/sync/<proton>`` matters here."""

    epoch: str = ""
    batch: int = 0


class _State(msgspec.Struct, frozen=True):
    """What of a report matters here."""

    state: str = "pending"


async def seen(kv: Kv, proton: str) -> list[Seen]:
    """Every shim of a Proton, by name, the active one first. ``gone``: there are reports of that name and no shim."""
    counted: dict[str, Counter[str]] = {}
    async for found in paging.every(kv, keys.controllers(proton)):
        parsed = keys.parse_controller(found.key)
        if parsed is not None and parsed.controller:
            counted.setdefault(parsed.controller, Counter())[_read(found.value, _State(), _State).state] += 1
    relay = await kv.get(keys.sync(proton))
    position = _read(relay.value, None, _Position) if relay else None
    listed: dict[str, list[Seen]] = {name: [] for name in counted}
    async for found in paging.every(kv, keys.shims(proton)):
        if (parts := keys.parse_shim(found.key)) is not None:
            _, name, lease = parts
            card = _read(found.value, Card(), Card)
            state: Literal["active", "standby"] = "standby" if lease else "active"
            behind = None if lease else _behind(card, position)
            reports = {} if lease else dict(counted.get(name, {}))
            listed.setdefault(name, []).append(Seen(proton, name, state, card, behind, reports))
    for name, shims in listed.items():
        if not any(shim.state == "active" for shim in shims):
            shims.insert(0, Seen(proton, name, "gone", Card(), None, dict(counted.get(name, {}))))
    return [shim for name in sorted(listed) for shim in listed[name]]


def _behind(card: Card, position: _Position | None) -> int | None:
    if card.batch is None or position is None or card.epoch != position.epoch:
        return None
    return max(0, position.batch - card.batch)


def _read(value: bytes, otherwise: Any, kind: Any) -> Any:
    """The value as this kind; what is something else counts as ``otherwise``."""
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return otherwise
