# SPDX-License-Identifier: Apache-2.0
"""What a client knows of its objects from the answers that it got, and which of the server's words contradict it.

An object is changed by one client, one request at a time. A request whose outcome is unknown (503, no answer) may take
effect at any later time, once: a server that was stopped acts on it when it is let go. Every write gives the object's *mark*,
an attribute of its kind, a value that no other write gives; so what is found says whose write it was.

    acknowledged(write, body) · unknown(write) · refused(write, status) · seen(body)  ──► faults, as text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: By collection: the attributes that only clients change; the first is the mark.
TRACKED: Final[Mapping[str, tuple[str, ...]]] = {
    "ports": ("name", "host_id", "device_id"),
    "interfaces": ("name", "segmentation_id", "port_id"),
    "vpns": ("name", "description"),
    "vpnbindings": ("gateway", "ipaddress", "service_id"),
}
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """A request: what it sets, or None for a deletion."""

    values: Body | None
    creates: bool = False

    @property
    def deletes(self) -> bool:
        return self.values is None


@dataclass(slots=True)
class Account:
    """What is known of one object. ``last`` is the newest body that was acknowledged or seen; ``gone``: it will not return."""

    collection: str
    id: str
    last: Body | None = None
    gone: bool = False
    maybe: list[Write] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        """Whether it is known to be there, as far as nothing unknown has deleted it."""
        return self.last is not None and not self.gone

    @property
    def certain(self) -> bool:
        """Whether nothing is unknown about it."""
        return not self.maybe

    def acknowledged(self, write: Write, body: Body | None) -> Iterator[str]:
        """The answer was 2xx, with this body."""
        if write.deletes:
            self._end()
            return
        assert body is not None and write.values is not None
        for name in TRACKED[self.collection]:
            if name in write.values and not _same(body.get(name), write.values[name]):
                yield self._says(f"answered with {name} {body.get(name)!r} to a request for {write.values[name]!r}")
        if self.gone:
            yield self._says("was changed after it was gone")
        elif self.last is not None and body["revision"] < self.last["revision"]:
            yield self._says(f"fell from revision {self.last['revision']} to {body['revision']}")
        self.last = body

    def unknown(self, write: Write) -> None:
        """503, or no answer."""
        if not self.gone:
            self.maybe.append(write)

    def refused(self, write: Write, status: int, why: str, *, doubt: bool) -> Iterator[str]:
        """4xx: nothing happened. ``doubt``: something unknown about it or what it hangs on may be the reason."""
        if status == 404 and write.deletes and any(known.deletes for known in self.maybe):
            self._end()
        elif not doubt:
            yield self._says(f"{'deletion' if write.deletes else dict(write.values or {})} was refused: {status} {why}")

    def parent_gone(self) -> None:
        """It went with what it is a part of."""
        self._end()

    def seen(self, body: Body | None) -> Iterator[str]:
        """It was read: with this body, or it was not there."""
        if body is None:
            yield from self._missing()
        elif self.gone:
            yield self._says(f"is there again after it was gone: {_told(self.collection, body)}")
        else:
            yield from self._compared(body)
            self.last = body

    def _missing(self) -> Iterator[str]:
        if not self.exists:
            return
        if not any(write.deletes for write in self.maybe):
            yield self._says(f"is lost; last known {_told(self.collection, self.last or {})}")
        self._end()

    def _compared(self, body: Body) -> Iterator[str]:
        mark = TRACKED[self.collection][0]
        whose = next((w for w in self.maybe if w.values is not None and _same(w.values.get(mark), body.get(mark))), None)
        if self.last is None:
            if whose is None:
                yield self._says(f"is there with a {mark} that nobody gave: {body.get(mark)!r}")
        elif body["revision"] < self.last["revision"]:
            yield self._says(f"fell from revision {self.last['revision']} to {body['revision']}")
        elif _same(body.get(mark), self.last.get(mark)):
            yield from self._others(body, [self.last])
        elif whose is None or body["revision"] == self.last["revision"]:
            yield self._says(
                f"holds {mark} {body.get(mark)!r} at revision {body['revision']};"
                f" {self.last.get(mark)!r} was acknowledged at {self.last['revision']}"
            )
        else:
            yield from self._others(body, [self.last, *(w.values for w in self.maybe if w.values is not None)])
        if whose is not None:
            self.maybe.remove(whose)  # a request takes effect once

    def _others(self, body: Body, sources: list[Body]) -> Iterator[str]:
        """The other attributes come from one of these."""
        for name in TRACKED[self.collection][1:]:
            values = [source[name] for source in sources if name in source]
            if not any(_same(body.get(name), value) for value in values):
                yield self._says(f"holds {name} {body.get(name)!r}; possible are {values!r}")

    def _end(self) -> None:
        self.gone = True
        self.maybe.clear()

    def _says(self, what: str) -> str:
        return f"{self.collection} {self.id} {what}"


def _same(one: Any, other: Any) -> bool:
    """Null and '' are both empty."""
    return one == other or (one in (None, "") and other in (None, ""))


def _told(collection: str, body: Body) -> dict[str, Any]:
    return {name: body.get(name) for name in (*TRACKED[collection], "revision")}
