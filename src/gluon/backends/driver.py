# SPDX-License-Identifier: Apache-2.0
"""The contract of drivers. Everybody who binds, shows or changes ports does it through these calls, whatever the Proton.

A package brings a driver of its own by an entry point: group ``gluon.backends``, the name is that of the Proton, the object a
class made without arguments that is a ``Provider``. A Proton without one has ``ModelDriver``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from gluon.backends.ports import Page, Port
from gluon.backends.servers import ProtonServers

#: By attribute, what it may be: a port fits that has one of the values of each. Where an attribute may be nothing, none fits.
#: A value that no port can have (a text that is too long, a word that the model does not know) is no error: none has it.
Filters = Mapping[str, Collection[Any]]


class Driver(Protocol):
    """The ports of one Proton. Called by many threads at once; raises only what ``gluon.backends.errors`` lists.

    A call with ``revision`` is carried out only where the port is at this one when it is changed; else it is Refused with status
    412, and did nothing. The Proton Server sees to that (If-Match): whoever compares beforehand misses what comes between.
    """

    @property
    def proton(self) -> str:
        """The Proton's name."""

    def bind(
        self,
        port_id: str,
        device_owner: str,
        zone: str,
        device_id: str,
        host_id: str,
        binding_profile: Mapping[str, Any] | None = None,
        *,
        revision: int | None = None,
    ) -> Port:
        """Plug the port into ``device_id`` on ``host_id``, and wait for what a controller answers.

        The port that comes back is BOUND or FAILED, or still BINDING where no controller answered within the server's limit.
        ``zone`` is the availability zone, for models that have such an attribute. Without ``binding_profile`` it stays as it is.
        """

    def unbind(
        self,
        port_id: str,
        *,
        keeps: Collection[str] = (),
        binding_profile: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> Port:
        """Take the port from its host and device.

        ``keeps``: of host_id, device_id and device_owner those that it still has, for a port is bound only where it has both host
        and device: that of a machine which is shelved stays with it. Without ``binding_profile`` that stays as it is.
        """

    def update(self, port_id: str, values: Mapping[str, Any], *, revision: int | None = None) -> Port:
        """Change the attributes that ``values`` name, as the API calls them. Binds and unbinds are the calls above."""

    def delete(self, port_id: str, *, revision: int | None = None) -> None:
        """Delete the port; a bound one is unbound."""

    def port(self, port_id: str) -> Port:
        """The port as it is now."""

    def ports(self, filters: Filters, limit: int | None = None, after: str | None = None) -> Page:
        """A page of the ports that fit, in the order of their identifiers, each with its addresses.

        At most ``limit``, or as many as the server puts on a page; those that follow the identifier ``after``.
        """


class Provider(Protocol):
    """Makes the driver of a Proton."""

    def driver(self, proton: str, servers: ProtonServers) -> Driver:
        """The driver of the Proton of this name, which asks ``servers`` and no one else with their credentials."""


def pages(driver: Driver, filters: Filters, limit: int | None = None, after: str | None = None) -> Iterator[Page]:
    """All pages of a list behind ``after``, each asked for when the one before it has been used."""
    page = driver.ports(filters, limit, after)
    yield page
    while page.after is not None:
        page = driver.ports(filters, limit, page.after)
        yield page
