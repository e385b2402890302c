# SPDX-License-Identifier: Apache-2.0
"""References: what an object refers to must be there when the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gluon.errors import Fault
from gluon.model.links import Link, links
from gluon.model.schema import Object, Proton
from gluon.particle.wording import kinds, shown
from gluon.store.contract import Tx


class Integrity:
    """Knows every link of a Proton's objects, in both directions."""

    def __init__(self, proton: Proton) -> None:
        self._proton = proton
        self._links = {obj: links(obj) for obj in proton.objects}
        self._to: dict[Object, list[tuple[Object, Link]]] = {obj: [] for obj in proton.objects}
        for obj, held in self._links.items():
            for link in held:
                for target in link.reference.targets:
                    self._to[proton.by_name[target]].append((obj, link))

    def links(self, obj: Object) -> tuple[Link, ...]:
        """The places where an object holds references."""
        return self._links[obj]

    def to(self, obj: Object) -> list[tuple[Object, Link]]:
        """Who can refer to an object of this kind, through which link."""
        return self._to[obj]

    def wanted(self, link: Link) -> str:
        """What a link leads to, as a message says it."""
        return kinds(self._proton.by_name[name] for name in link.reference.targets)

    async def faults(self, tx: Tx, obj: Object, record: Mapping[str, Any], names: Iterable[str] | None = None) -> list[Fault]:
        """One fault for each reference to what is not there, in these attributes (all of them by default)."""
        checked = None if names is None else set(names)
        found = []
        for link in self._links[obj]:
            name = link.attribute.name
            if checked is not None and name not in checked:
                continue
            known: set[Any] = {record[obj.identifier.name]} if obj.name in link.reference.targets else set()
            for pointer, key in link.held(record[name]):
                if key in known or await self.exists(tx, link, key):
                    known.add(key)
                    continue
                found.append(Fault(f"/{name}{pointer}", f"there is no {self.wanted(link)} {shown(str(key))}"))
        return found

    async def exists(self, tx: Tx, link: Link, key: Any) -> bool:
        """Whether a reference leads somewhere.

        A reference to one kind of object has a foreign key behind it, so a read is enough; among several kinds the target
        is held, or it could go before the transaction ends.
        """
        targets = [self._proton.by_name[name] for name in link.reference.targets]
        look = tx.get if len(targets) == 1 else tx.hold
        for target in targets:
            if await look(target, key) is not None:
                return True
        return False
