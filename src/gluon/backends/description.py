# SPDX-License-Identifier: Apache-2.0
"""What a driver must know of a Proton's model, as the Proton Server says it of itself, kept in memory.

GET /proton/<proton>                             its default version
GET /proton/<proton>/v<version>/commands.json    which object binds, where it is, what it has     ─►  PortsApi

It is asked again where a request does not fit any more, and now and then: an older version may be served for long beside a newer
default. Nobody waits for the latter.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from gluon.backends.errors import DriverError, NotFound, Unavailable
from gluon.backends.holding import Text, texts
from gluon.backends.home import ROOT, document_of, together
from gluon.backends.ports import SERVICE_BINDINGS
from gluon.backends.servers import ProtonServers, decoded

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Seconds after which it is asked whether the Proton is still the same. Two answers without a body; longer than one may take.
_AGAIN: Final = 30.0


@dataclass(frozen=True, slots=True)
class PortsApi:
    """Where the ports of one version of a Proton are. ``plural`` is the key of a list, ``changeable`` what an update takes.

    ``shows_bindings``: a port can be shown with its service bindings. ``texts``: what its texts can be.
    """

    path: str
    name: str
    plural: str
    identifier: str
    changeable: frozenset[str]
    shows_bindings: bool
    texts: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_T]):
    """A document as it was understood, with its entity tag."""

    path: str
    etag: str | None
    content: _T


@dataclass(frozen=True, slots=True)
class _Known:
    version: _Kept[str]
    ports: _Kept[PortsApi | None]


@dataclass(frozen=True, slots=True)
class Protons:
    """The ``names`` of all that the servers have. ``silent``: of each that could not be asked, why; it may have others."""

    names: tuple[str, ...]
    silent: tuple[DriverError, ...] = ()

    def without(self, what: str) -> DriverError:
        """The error that something is not there: NotFound, but Unavailable where a server that may have it could not be asked."""
        return Unavailable("; ".join([*map(str, self.silent), what])) if self.silent else NotFound(what)


def protons(servers: ProtonServers) -> Protons:
    """Those of all servers, each of which is asked; what one says is remembered. Raises DriverError where none answers."""
    names: dict[str, None] = {}
    silent: list[DriverError] = []
    for url in servers.urls:
        try:
            found = _understood(url, ROOT, servers.json_of(url, ROOT), _names)
        except DriverError as error:
            silent.append(error)
            continue
        for name in found:
            names[name] = None
            servers.heard(url, name)
    if len(silent) == len(servers.urls):
        raise together(silent)
    return Protons(tuple(names), tuple(silent))


class Description:
    """Of one Proton's ports. Safe for many threads: what is kept is replaced as a whole.

    A thread that looks meanwhile is nobody's to wait for, and is not kept: a fork leaves it behind, and nothing is missing.
    """

    def __init__(self, proton: str, servers: ProtonServers, *, again: float = _AGAIN) -> None:
        """``again``: seconds for which what was said is believed without asking."""
        self._path = document_of(proton)
        self._proton = proton
        self._servers = servers
        self._again = again
        self._asked = time.monotonic()
        self._known: _Known | None = None

    def now(self) -> PortsApi | None:
        """As it was when last asked for; None where the Proton has no ports. Unavailable: the servers have no such Proton.

        Where that was some time ago, it is asked for beside this: the next who comes has what it is then.
        """
        known = self._known
        if known is None:
            return self.again()
        if time.monotonic() - self._asked > self._again:
            self._asked = time.monotonic()  # others go by what is known, and do not ask as well
            threading.Thread(target=self._look, name=f"looks at {self._proton}", daemon=True).start()
        return known.ports.content

    def again(self) -> PortsApi | None:
        """As it is now. What is known is asked for by entity tag: two answers without a body say that all is the same."""
        known, self._asked = self._known, time.monotonic()
        try:
            version = self._document(self._path, _default_version, known.version if known is not None else None)
            path = f"{self._path}/v{quote(version.content, safe='')}/commands.json"
            ports = self._document(path, _ports_api, known.ports if known is not None else None)
        except NotFound:
            self._known = None
            raise Unavailable(f"there is no Proton '{self._proton}' at {self._servers}") from None
        self._known = _Known(version, ports)
        return ports.content

    def _look(self) -> None:
        before = self._known
        try:
            now = self.again()
        except DriverError as error:  # whoever asks for ports is told, where it is so for them, too
            _log.debug("'%s' is not looked at: %s", self._proton, error)
            return
        if before is not None and now != before.ports.content:
            _log.info("the ports of '%s' are those of %s now", self._proton, now.path if now is not None else "no object")

    def _document(self, path: str, read: Callable[[Any], _T], before: _Kept[_T] | None) -> _Kept[_T]:
        kept = before if before is not None and before.path == path and before.etag else None
        answer = self._servers.request("GET", path, headers={"If-None-Match": kept.etag} if kept and kept.etag else {})
        if answer.status == 304 and kept is not None:
            return kept
        return _Kept(path, answer.etag, _understood(str(self._servers), path, decoded(answer, changed=False), read))


def _understood(where: str, path: str, document: Any, read: Callable[[Any], _T]) -> _T:
    try:
        return read(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unavailable(f"what {path} says at {where} is not understood: is it a Proton Server of this release?") from None


def _names(document: Any) -> tuple[str, ...]:
    return tuple(str(proton["proton_service"]) for proton in document["protons"])


def _default_version(document: Any) -> str:
    return str(document["default_version"])


def _ports_api(document: Any) -> PortsApi | None:
    objects = document["objects"]
    port = next((o for o in objects if o.get("binds")), None)
    if port is None:
        return None
    bindings = any(o.get("role") == "service_binding" for o in objects)
    return PortsApi(
        path=str(port["path"]),
        name=str(port["name"]),
        plural=str(port["plural"]),
        identifier=str(port["identifier"]),
        changeable=frozenset(option["name"] for option in port["options"] if "update" in option["verbs"]),
        shows_bindings=bindings and SERVICE_BINDINGS in port.get("includes", ()),
        texts=texts(port["options"]),
    )
