# SPDX-License-Identifier: Apache-2.0
"""From a seed to a list of faults, each with its time, what it hits and how long it lasts. The same seed, the same list.

What a fault does is ``injuries``'s; here is only what may be hit. ``locks`` are the parts that a fault has for itself until it
has healed, so that the run stays alive: one fault on the etcd cluster at a time, one on each server, shim and the database.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Seconds: far within a lease, and well beyond one (see ``site`` for the leases of a run).
SHORT = (0.2, 1.0)
LONG = (4.0, 7.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """``target`` are the parts; "relay" is whichever server relays when the time comes."""

    at: float
    kind: str
    target: tuple[str, ...]
    seconds: float
    locks: frozenset[str]

    def __str__(self) -> str:
        what = " -> ".join(self.target) if self.kind == "cut one way" else ", ".join(self.target)
        return f"{self.kind}: {what}, {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is to hit, by kind. ``network``: whether anything can be cut."""

    servers: tuple[str, ...] = ("server-1", "server-2")
    shims: tuple[str, ...] = ("shim-1a", "shim-1b", "shim-2")
    members: tuple[str, ...] = ("etcd-1", "etcd-2", "etcd-3")
    database: tuple[str, ...] = ("database",)
    network: bool = True

    @property
    def all(self) -> tuple[str, ...]:
        """Every part."""
        return (*self.servers, *self.shims, *self.members, *self.database)


_Drawn = tuple[str, tuple[str, ...], float]
_Draw = Callable[[random.Random, Parts], _Drawn]


def schedule(seed: int, count: int, seconds: float, parts: Parts) -> list[Fault]:
    """``count`` faults over ``seconds``, in the order of their times."""
    chance = random.Random(seed)
    draws = [(draw, weight) for draw, weight, needed in _DRAWS if all(getattr(parts, n) for n in needed)]
    times = sorted(chance.uniform(0, seconds) for _ in range(count))
    faults = []
    for at in times:
        (draw,) = chance.choices([draw for draw, _ in draws], [weight for _, weight in draws])
        kind, target, lasting = draw(chance, parts)
        faults.append(Fault(round(at, 2), kind, target, round(lasting, 2), _locks(kind, target, parts)))
    return faults


def _locks(kind: str, target: Sequence[str], parts: Parts) -> frozenset[str]:
    """All members count as one; a cut between one of them and another part leaves it to others.

    A wiped etcd takes the shims' memory along: they must live until they have written it again.
    """
    found = {"etcd" if part in parts.members else part for part in target} - {"clients"}
    if kind.startswith("cut"):
        found = found if found == {"etcd"} else found - {"etcd"}
    if "relay" in found:
        found = (found - {"relay"}) | set(parts.servers)
    if kind.startswith("etcd"):
        found |= {"etcd"}
    if kind == "etcd wiped":
        found |= set(parts.shims)
    return frozenset(found)


def _brief(chance: random.Random) -> float:
    return chance.uniform(0.1, 3.0)


def _stop(chance: random.Random) -> float:
    return chance.uniform(*(SHORT if chance.random() < 0.4 else LONG))


def _kill_server(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", (chance.choice(parts.servers),), _brief(chance)


def _kill_relay(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", ("relay",), _brief(chance)


def _kill_servers(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", parts.servers, _brief(chance)


def _restart_server(chance: random.Random, parts: Parts) -> _Drawn:
    return "orderly restart", (chance.choice(parts.servers),), _brief(chance)


def _pause_server(chance: random.Random, parts: Parts) -> _Drawn:
    return "pause", (chance.choice(parts.servers),), _stop(chance)


def _pause_relay(chance: random.Random, parts: Parts) -> _Drawn:
    return "pause", ("relay",), _stop(chance)


def _kill_shim(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", (chance.choice(parts.shims),), _brief(chance)


def _kill_shims(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", parts.shims[:2], _brief(chance)


def _pause_shim(chance: random.Random, parts: Parts) -> _Drawn:
    return "pause", (chance.choice(parts.shims),), _stop(chance)


def _kill_member(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", (chance.choice(parts.members),), _brief(chance)


def _pause_member(chance: random.Random, parts: Parts) -> _Drawn:
    return "pause", (chance.choice(parts.members),), _stop(chance)


def _lose_majority(chance: random.Random, parts: Parts) -> _Drawn:
    return "etcd majority killed", tuple(sorted(chance.sample(parts.members, 2))), _brief(chance)


def _hang_majority(chance: random.Random, parts: Parts) -> _Drawn:
    return "etcd majority paused", tuple(sorted(chance.sample(parts.members, 2))), _stop(chance)


def _lose_etcd(chance: random.Random, parts: Parts) -> _Drawn:
    return "etcd all killed", parts.members, _brief(chance)


def _wipe_etcd(chance: random.Random, parts: Parts) -> _Drawn:
    return "etcd wiped", parts.members, _brief(chance)


def _restart_database(chance: random.Random, parts: Parts) -> _Drawn:
    return "orderly restart", parts.database, chance.uniform(0.1, 2.0)


def _kill_database(chance: random.Random, parts: Parts) -> _Drawn:
    return "kill", parts.database, chance.uniform(0.1, 2.0)


def _pause_database(chance: random.Random, parts: Parts) -> _Drawn:
    return "pause", parts.database, _stop(chance)


def _cut(chance: random.Random, parts: Parts) -> _Drawn:
    """Any two parts that speak to each other, or a part and all members, in one direction or both."""
    speaking = [
        *((server, "database") for server in parts.servers if parts.database),
        *((one, member) for one in (*parts.servers, *parts.shims) for member in parts.members),
        *((server, "clients") for server in parts.servers),
        *((one, other) for one in parts.members for other in parts.members if one < other),
        *((one, "etcd") for one in (*parts.servers, *parts.shims) for _ in range(2)),
    ]
    two = list(chance.choice(speaking))
    kind = chance.choice(["cut both ways", "cut one way"])
    if kind == "cut one way":
        chance.shuffle(two)
    return kind, tuple(two), chance.uniform(0.5, 9.0)


#: What is drawn, how often, and what must be there for it.
_DRAWS: list[tuple[_Draw, int, tuple[str, ...]]] = [
    (_kill_server, 6, ()),
    (_kill_relay, 8, ()),
    (_kill_servers, 2, ()),
    (_restart_server, 4, ()),
    (_pause_server, 6, ()),
    (_pause_relay, 8, ()),
    (_kill_shim, 8, ()),
    (_kill_shims, 3, ()),
    (_pause_shim, 8, ()),
    (_kill_member, 8, ()),
    (_pause_member, 8, ()),
    (_lose_majority, 2, ()),
    (_hang_majority, 2, ()),
    (_lose_etcd, 2, ()),
    (_wipe_etcd, 4, ()),
    (_restart_database, 4, ("database",)),
    (_kill_database, 4, ("database",)),
    (_pause_database, 3, ("database",)),
    (_cut, 26, ("network",)),
]
