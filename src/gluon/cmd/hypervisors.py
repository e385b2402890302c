# SPDX-License-Identifier: Apache-2.0
"""Nova's hypervisors: GET /os-hypervisors/detail ─► [Hypervisor, …]"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gluon.cmd import openstack
from gluon.cmd.openstack import RefusedByOpenStack
from gluon.errors import GluonError


class NovaError(GluonError):
    """Nova does not say which hosts there are, or has none."""


class Hypervisor(NamedTuple):
    """A host that runs virtual machines. ``host`` is what Nova writes into ``binding:host_id``."""

    host: str
    up: bool
    enabled: bool
    reason: str

    @property
    def trouble(self) -> str:
        """What keeps machines from it; empty where nothing does."""
        words = [word for word, true in (("down", not self.up), ("disabled", not self.enabled)) if true]
        return " and ".join(words) + (f" ({self.reason})" if words and self.reason else "")

    @property
    def out_of_service(self) -> bool:
        """Whether it neither runs machines nor gets any. One only down comes back; on one only disabled, machines still run."""
        return not self.up and not self.enabled


def hypervisors() -> list[Hypervisor]:
    """All of them, each host once, in the order of their names. Raises SettingsError, OpenStackError, NovaError."""
    nova = openstack.service("compute", "Nova")
    try:
        answer = nova.get("/os-hypervisors/detail")
    except RefusedByOpenStack as refusal:
        if refusal.status != 403:
            raise
        raise NovaError(f"Nova lists hypervisors to admins only: {refusal}") from None
    found = openstack.understood("Nova", lambda: list(_read(answer["hypervisors"])), "list of hypervisors")
    return list({h.host: h for h in sorted(found, key=lambda h: _natural(h.host))}.values())


def _read(listed: Iterable[Mapping[str, Any]]) -> Iterator[Hypervisor]:
    for found in listed:
        service = found["service"]
        up, enabled = found["state"] == "up", found["status"] == "enabled"
        yield Hypervisor(str(service["host"]), up, enabled, service.get("disabled_reason") or "")


def _natural(name: str) -> list[tuple[int, str]]:
    """compute-2 before compute-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]
