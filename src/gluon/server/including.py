# SPDX-License-Identifier: Apache-2.0
"""``include=service_bindings``: ports with what their interfaces are bound to, on one snapshot and with one statement more.

    ports ─► their interfaces ─► the service bindings on these ─► port document + "service_bindings": [binding document, …]

Whoever wants to know the addresses of a page of ports would have to ask for each port otherwise. By role: a Proton without
interfaces or service bindings has none to show, and a version shows those that it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, Final

from gluon.errors import Fault, Invalid
from gluon.model.schema import Object
from gluon.particle.documents import Extended
from gluon.particle.schemas import SERVICE_BINDINGS, included
from gluon.particle.wording import shown
from gluon.server.view import View
from gluon.store.contract import Query, Reads, Record, Store
from gluon.store.ports import INTERFACE_ID

#: The parameter of a query; on ports it is no filter.
INCLUDE: Final = "include"
#: The documents of a port's service bindings.
Bindings = list[Any]


class Including:
    """Reads and shows the ports of one version with their service bindings. ``kinds``: the newest version's service bindings,
    with this version's documents."""

    def __init__(self, port: Object, document: View, kinds: Sequence[tuple[Object, View]]) -> None:
        self._port = port
        self._kinds = kinds
        self._known = included(document.object)
        self._document = document

    @cached_property
    def document(self) -> Extended:
        """What shows ports with their bindings; there is none where nothing can be included."""
        return Extended(self._document, SERVICE_BINDINGS)

    def wanted(self, names: Sequence[str]) -> bool:
        """Whether a query includes anything: the values of its parameter. Raises Invalid where there is no such thing."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._known]
        if unknown:
            own = f"{SERVICE_BINDINGS} is an attribute of its own here, so nothing can be included"
            there_is = f"there is: {', '.join(self._known)}" if self._known else own
            raise Invalid.of([Fault("", f"{INCLUDE}: {shown(name)} cannot be included; {there_is}") for name in unknown])
        return bool(names)

    async def get(self, store: Store, id: Any) -> tuple[Record, Bindings] | None:
        """A port with its service bindings, if it is there."""

        async def work(reads: Reads) -> list[tuple[Record, Bindings]]:
            record = await reads.get(self._port, id)
            return await self._with_bindings(reads, [record] if record else [])

        found = await store.read(work)
        return found[0] if found else None

    async def shown(self, store: Store, port: Record) -> bytes:
        """The document of a port that was changed, with its service bindings as they are now."""

        async def work(reads: Reads) -> list[tuple[Record, Bindings]]:
            return await self._with_bindings(reads, [port])

        ((record, bindings),) = await store.read(work)
        return self.document.encode(record, bindings)

    async def page(self, store: Store, query: Query) -> list[tuple[Record, Bindings]]:
        """A page of ports, each with its service bindings."""

        async def work(reads: Reads) -> list[tuple[Record, Bindings]]:
            return await self._with_bindings(reads, await reads.page(self._port, query))

        return await store.read(work)

    async def _with_bindings(self, reads: Reads, ports: Sequence[Record]) -> list[tuple[Record, Bindings]]:
        """The default interface's first, which has the port's identifier; then by the identifier of the interface."""
        identifier = self._port.identifier.name
        found: dict[Any, list[tuple[tuple[bool, Any], Any]]] = {port[identifier]: [] for port in ports}
        for kind, document in self._kinds if ports else ():
            for port, record in await reads.carried(kind, list(found)):
                interface = record[INTERFACE_ID]
                found[port].append(((interface != port, interface), document.part(record)))
        return [(port, [part for _, part in sorted(found[port[identifier]], key=itemgetter(0))]) for port in ports]
