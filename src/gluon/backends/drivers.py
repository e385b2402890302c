# SPDX-License-Identifier: Apache-2.0
"""Finds the driver of a Proton: one that a package brings, by an entry point of the Proton's name, else one made from the model.

    gluon.backends    a class, made without arguments, with ``driver(proton, servers)``

What another package brings takes the place of what ships with Gluon. One that cannot be used is a BadDriver for its Proton, and
one that fails later is contained (``containing``).
"""

from __future__ import annotations

import time
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from gluon.backends.containing import Contained
from gluon.backends.driver import Driver
from gluon.backends.errors import BadDriver, DriverError
from gluon.backends.modelled import ModelDriver
from gluon.backends.servers import ProtonServers

GROUP: Final = "gluon.backends"
_OURS: Final = "gluon"
#: Seconds for which one that cannot be used is believed to stay so: to look for it, all packages are looked through.
_BAD_FOR: Final = 10.0


class Drivers:
    """The drivers of all Protons behind these servers, each made when it is first asked for. Safe for many threads."""

    def __init__(self, servers: ProtonServers, *, bad_for: float = _BAD_FOR) -> None:
        """``bad_for``: seconds after which it is tried again to make one that could not be used."""
        self._servers = servers
        self._bad_for = bad_for
        self._made: dict[str, Driver] = {}
        self._bad: dict[str, tuple[float, str]] = {}  # by Proton: until when, and why

    def of(self, proton: str) -> Driver:
        """The Proton's driver. Raises BadDriver, and whatever DriverError its package raises to make it."""
        made = self._made.get(proton)
        if made is not None:
            return made
        until, why = self._bad.get(proton, (0.0, ""))
        if time.monotonic() < until:
            raise BadDriver(why)
        try:
            return self._made.setdefault(proton, self._make(proton))
        except BadDriver as error:
            self._bad[proton] = time.monotonic() + self._bad_for, str(error)
            raise

    def _make(self, proton: str) -> Driver:
        point = _point(proton)
        if point is None:
            return Contained(proton, ModelDriver(proton, self._servers), f"the driver made from the model of '{proton}'")
        return Contained(proton, self._loaded(proton, point), f"driver {_named(point)}")

    def _loaded(self, proton: str, point: EntryPoint) -> Driver:
        try:
            made: Driver = point.load()().driver(proton, self._servers)
        except DriverError:
            raise
        except Exception as error:  # code of others: whatever goes wrong in it concerns its Proton alone
            raise BadDriver(f"driver {_named(point)} cannot be made: {type(error).__name__}: {error}") from error
        missing = [call for call in _CALLS if not callable(getattr(made, call, None))]
        if missing:
            raise BadDriver(f"driver {_named(point)} has no {', '.join(missing)}")
        return made


_CALLS: Final = ("bind", "unbind", "update", "delete", "port", "ports")


def _point(proton: str) -> EntryPoint | None:
    """The entry point of this name. BadDriver where two packages claim it; one that is found twice in one is one."""
    found = {(_package(p), p.value): p for p in entry_points(group=GROUP, name=proton)}
    chosen = [p for (package, _), p in found.items() if package != _OURS] or list(found.values())
    if len(chosen) > 1:
        raise BadDriver(f"several packages bring a driver for '{proton}': {', '.join(sorted(map(_named, chosen)))}")
    return chosen[0] if chosen else None


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else ""


def _named(point: EntryPoint) -> str:
    package = _package(point)
    return f"'{point.name}' ({point.value}) in the entry points {GROUP}" + (f" of {package}" if package else "")
