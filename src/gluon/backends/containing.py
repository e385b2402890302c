# SPDX-License-Identifier: Apache-2.0
"""The boundary around a driver, which may be code of others: what goes wrong in it is its Proton's trouble, and nobody else's.

    a call ─► driver ─► Port, Page          ─► the same; what a port has in place of an address is told of, once
                      ─► DriverError         ─► the same
                      ─► any other exception ─► Unavailable, which names the driver; its trace is logged, once

So a list of all Protons' ports says which of them cannot be asked, where it would end in the middle of somebody else's code.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from gluon.backends.driver import Driver
from gluon.backends.errors import DriverError, Unavailable
from gluon.backends.ports import Page, Port

_log = logging.getLogger(__name__)

#: Of so many ports it is remembered what was said; then it is said again.
_MANY: Final = 10_000
#: As much of a text that a tenant wrote is kept, and shown in the log.
_BEGINNING: Final = 64


class Contained:
    """A driver that raises only DriverErrors, and gives only ports. See ``driver.Driver`` for what each call does and takes."""

    def __init__(self, proton: str, driver: Driver, named: str) -> None:
        """``named``: the driver, in messages."""
        self.proton = proton
        self._driver = driver
        self._named = named
        self._told: set[object] = set()

    def __str__(self) -> str:
        return self._named

    def bind(self, *given: Any, **named: Any) -> Port:
        """See Driver."""
        return self._changed("bind", given, named)

    def unbind(self, *given: Any, **named: Any) -> Port:
        """See Driver."""
        return self._changed("unbind", given, named)

    def update(self, *given: Any, **named: Any) -> Port:
        """See Driver."""
        return self._changed("update", given, named)

    def delete(self, *given: Any, **named: Any) -> None:
        """See Driver."""
        self._done("delete", given, named, changes=True)

    def port(self, *given: Any, **named: Any) -> Port:
        """See Driver."""
        (port,) = self._ports("port", [self._done("port", given, named)])
        return port

    def ports(self, *given: Any, **named: Any) -> Page:
        """See Driver."""
        page = self._done("ports", given, named)
        if not isinstance(page, Page):
            raise self._strange("ports", page, "Page")
        self._ports("ports", page.ports)
        return page

    def _changed(self, call: str, given: Sequence[Any], named: Mapping[str, Any]) -> Port:
        (port,) = self._ports(call, [self._done(call, given, named, changes=True)], changes=True)
        return port

    def _done(self, call: str, given: Sequence[Any], named: Mapping[str, Any], *, changes: bool = False) -> object:
        """What the driver's own code gives. ``changes``: nobody knows what it had done before it failed."""
        try:
            return getattr(self._driver, call)(*given, **named)
        except DriverError:
            raise
        except Exception as error:
            if self._is_news((type(error), *_place(error.__traceback__))):
                _log.exception("%s failed in %s(); should it fail there again, that is not logged", self._named, call)
            raise Unavailable(f"{self._named} failed: {type(error).__name__}: {error}", sent=changes) from None

    def _ports(self, call: str, given: Iterable[object], *, changes: bool = False) -> list[Port]:
        """What the driver gave, if ports they are."""
        ports: list[Port] = []
        for port in given:
            if not isinstance(port, Port):
                raise self._strange(call, port, "Port", changes=changes)
            ports.append(port)
            for text in port.left_out:
                beginning = text if len(text) <= _BEGINNING else f"{text[:_BEGINNING]}…"
                if self._is_news((port.id, beginning)):
                    _log.warning("port %s of '%s' is shown without what is no IP address: %s", port.id, self.proton, beginning)
        return ports

    def _strange(self, call: str, given: object, wanted: str, *, changes: bool = False) -> Unavailable:
        return Unavailable(f"{self._named} failed: {call}() gave a {type(given).__name__}, not a {wanted}", sent=changes)

    def _is_news(self, what: object) -> bool:
        """Whether it was not told of yet."""
        if what in self._told:
            return False
        if len(self._told) >= _MANY:
            self._told.clear()
        self._told.add(what)
        return True


def _place(trace: TracebackType | None) -> tuple[str, int]:
    """Where an exception was raised: file and line."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace is not None else ("", 0)
