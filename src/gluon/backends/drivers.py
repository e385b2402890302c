# SPDX-License-Identifier: Apache-2.0
"""Finds the driver of a Proton: one that a package brings, by an entry point of the Proton's name, else one made from the model.

    gluon.backends    a class, made without arguments, with ``driver(proton, servers)``

What another package brings takes the place of what ships with Gluon. One that cannot be used is a BadDriver for its Proton.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from gluon.backends.driver import Driver
from gluon.backends.errors import BadDriver, DriverError
from gluon.backends.modelled import ModelDriver
from gluon.backends.servers import ProtonServers

GROUP: Final = "gluon.backends"
_OURS: Final = "gluon"


class Drivers:
    """The drivers of all Protons behind these servers, each made when it is first asked for. Safe for many threads."""

    def __init__(self, servers: ProtonServers) -> None:
        self._servers = servers
        self._made: dict[str, Driver] = {}

    def of(self, proton: str) -> Driver:
        """The Proton's driver. Raises BadDriver."""
        made = self._made.get(proton)
        if made is None:
            made = self._made.setdefault(proton, self._make(proton))
        return made

    def _make(self, proton: str) -> Driver:
        point = _point(proton)
        if point is None:
            return ModelDriver(proton, self._servers)
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
