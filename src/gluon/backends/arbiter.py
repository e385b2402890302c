# SPDX-License-Identifier: Apache-2.0
"""Says which Proton a port is of, and hands out the driver that does something about it.

    port id ─► registered in etcd?  ─► the driver of the Proton that it is registered for
               no registry at hand  ─► each Proton is asked

The registration decides: only one Proton can have it, whichever databases they are of. Two Protons of one database never have
ports of the same id at all (the server refuses the second with 409); of two databases on one etcd the first to register has it.
"""

from __future__ import annotations

from typing import Protocol

from gluon.backends.description import Protons, protons
from gluon.backends.driver import Driver
from gluon.backends.drivers import Drivers
from gluon.backends.errors import DriverError, NotFound, Refused
from gluon.backends.ports import Port
from gluon.backends.servers import ProtonServers


class Registered(Protocol):
    """What ``/gluon/port/<id>`` says of a port. Its ``url`` is none of ours: no token ever goes to an address read from etcd."""

    @property
    def service(self) -> str:
        """The Proton."""


class Registry(Protocol):
    """All registrations, such as ``registrations.Registrations``, which follows them in memory."""

    def find(self, id: str, /) -> Registered | None:
        """That of a port; None where it is not Gluon's. Raises Unavailable where that is not known now."""


class Arbiter:
    """The drivers of all Protons behind ``servers``. Safe for many threads.

    With a ``registry`` its word is final: a port that it does not know is nobody's, and costs no request.
    """

    def __init__(self, servers: ProtonServers, registry: Registry | None = None) -> None:
        self._servers = servers
        self._registry = registry
        self._drivers = Drivers(servers)

    def protons(self) -> Protons:
        """The Protons that the servers have now, with ports or without. Raises DriverError where no server says."""
        return protons(self._servers)

    def driver(self, proton: str) -> Driver:
        """The driver of a Proton; one that the servers do not know is Unavailable when it is used."""
        return self._drivers.of(proton)

    def owner(self, port_id: str) -> Driver:
        """The driver of the Proton that has this port. Raises NotFound where none has."""
        return self._registered(port_id) or self.driver(self._found(port_id).service)

    def port(self, port_id: str) -> Port:
        """The port, whichever Proton it is of. Raises NotFound."""
        driver = self._registered(port_id)
        return driver.port(port_id) if driver is not None else self._found(port_id)

    def _registered(self, port_id: str) -> Driver | None:
        """The driver that the registry names; None without a registry."""
        if self._registry is None:
            return None
        registration = self._registry.find(port_id)
        if registration is None:
            raise NotFound(f"no Proton has a port {port_id}")
        return self.driver(registration.service)

    def _found(self, port_id: str) -> Port:
        """Ask each Proton. Where one or a server cannot be asked and no other has the port, the error is that: it may have it."""
        found: list[Port] = []
        silent: DriverError | None = None
        listed = self.protons()
        for proton in listed.names:
            try:
                found.append(self.driver(proton).port(port_id))
            except NotFound:
                continue
            except DriverError as error:
                silent = silent or error
        if len(found) > 1:
            names = " and ".join(f"'{port.service}'" for port in found)
            raise Refused(409, f"{names} have a port {port_id} each: say which is meant")
        if found:
            return found[0]
        raise silent or listed.without(f"no Proton at {self._servers} has a port {port_id}")
