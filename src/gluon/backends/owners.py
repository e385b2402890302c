# SPDX-License-Identifier: Apache-2.0
"""How many ports each Proton has registered for each tenant: which Protons there is something to ask of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from gluon.backends.registrations import Registration


class Owners:
    """The counts, none of which is ever zero. Read them from any thread."""

    def __init__(self) -> None:
        self._of: dict[str, Counter[str]] = {}

    @property
    def services(self) -> list[str]:
        """The Protons that have ports, by name."""
        return sorted(self._of)

    def services_of(self, tenants: Collection[str]) -> list[str]:
        """The Protons that have ports of one of these tenants, by name."""
        return sorted(service for service, counts in tuple(self._of.items()) if any(tenant in counts for tenant in tenants))

    def changed(self, before: Registration | None, now: Registration | None) -> None:
        """What a port was and is registered as."""
        if now is not None:
            self._of.setdefault(now.service, Counter())[now.tenant_id] += 1
        if before is not None:
            self._count_out(before)

    def _count_out(self, gone: Registration) -> None:
        counts = self._of[gone.service]
        counts[gone.tenant_id] -= 1
        if not counts[gone.tenant_id]:
            del counts[gone.tenant_id]
        if not counts:
            del self._of[gone.service]
