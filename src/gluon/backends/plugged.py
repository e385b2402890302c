# SPDX-License-Identifier: Apache-2.0
"""How each port is plugged in, by its id and by its device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from gluon.kv.contract import KeyValue


class Plugged(msgspec.Struct, frozen=True, gc=False):
    """How a port is plugged in, as etcd has it. Only ports have a ``binding_id``, whatever their model calls them."""

    binding_id: str | None
    incarnation: str = ""
    revision: int = 0
    tenant_id: str | None = None
    device_id: str | None = None
    device_owner: str | None = None
    host_id: str | None = None
    status: str | None = None
    binding_state: str | None = None

    def follows(self, other: Plugged) -> bool:
        """Whether it is certainly newer: within one incarnation revisions only grow."""
        return self.incarnation == other.incarnation and self.revision > other.revision


_PLUGGED: Final = msgspec.json.Decoder(Plugged)


def read(kv: KeyValue) -> Plugged | None:
    """What an object's key says, if that is a port and can be read."""
    if b'"binding_id"' not in kv.value:
        return None
    try:
        return _PLUGGED.decode(kv.value)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None


class PluggedPorts:
    """The table. Read it from any thread."""

    def __init__(self) -> None:
        self._ports: dict[str, Plugged] = {}
        self._written: dict[str, int] = {}
        self._by_device: defaultdict[str, set[str]] = defaultdict(set)

    def __contains__(self, id: str) -> bool:
        return id in self._ports

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._ports))

    def get(self, id: str) -> Plugged | None:
        return self._ports.get(id)

    def with_device(self, devices: Iterable[str]) -> list[str]:
        """Ports that have one of these devices."""
        return [id for device in devices for id in tuple(self._by_device.get(device, ()))]

    def written(self, id: str) -> int:
        """The revision of etcd's at which it was written; 0 where it is not known, or of an etcd that is over."""
        return self._written.get(id, 0)

    def hold(self, id: str, plugged: Plugged, written: int) -> None:
        """It is plugged in so now, by what was written at that revision."""
        before = self._ports.get(id)
        self._ports[id] = plugged
        self._written[id] = written
        device = plugged.device_id or ""
        self._by_device[device].add(id)
        if before is not None and (before.device_id or "") != device:
            self._leave(before.device_id, id)

    def outlives(self, id: str) -> None:
        """What is known of it was written in an etcd that is over."""
        self._written[id] = 0

    def forget(self, id: str) -> Plugged | None:
        """It is not known any more; how it was plugged in, if that was."""
        before = self._ports.pop(id, None)
        if before is not None:
            del self._written[id]
            self._leave(before.device_id, id)
        return before

    def _leave(self, device: str | None, id: str) -> None:
        members = self._by_device[device or ""]
        members.discard(id)
        if not members:
            del self._by_device[device or ""]
