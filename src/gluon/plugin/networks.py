# SPDX-License-Identifier: Apache-2.0
"""The network in Neutron that stands for Gluon's ports: found by name or id, made by ``gluon neutron setup``."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from neutron_lib import context as contexts
from neutron_lib import exceptions

from gluon.plugin import options
from gluon.plugin.remembered import Remembered
from gluon.plugin.showing import StandIn, Subnet


class NotThere(exceptions.ServiceUnavailable):
    """The network that stands for Gluon is missing, or there are several."""

    message = "%(reason)s"


class Networks:
    """Looks the stand-in up now and then. Its subnets only when they are needed: they may still be in the making when a tenant
    lists networks."""

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self._id = Remembered(self._look_for_id)
        self._stand_in = Remembered(self._look_for_all)

    def id(self) -> str | None:
        """The network's id; None where it is missing, or was a moment ago."""
        return self._id.known()

    def is_it(self, id: str) -> bool:
        """Whether a network is the one. It is looked for anew where it was missing a moment ago: it may be in the making."""
        found = self._id.known()
        return id == (found if found is not None else self._look_for_id())

    def known(self) -> StandIn | None:
        """The network and its subnets; None where it is missing, or was a moment ago."""
        return self._stand_in.known()

    def stand_in(self) -> StandIn:
        """The same. Raises NotThere, which is 503."""
        return self._stand_in.known() or self._with_subnets(self._look())

    def forget(self) -> None:
        """It may have changed."""
        self._id.forget()
        self._stand_in.forget()

    def _look_for_id(self) -> str | None:
        try:
            return self._look()
        except NotThere:
            return None

    def _look_for_all(self) -> StandIn | None:
        id = self._id.known()
        return self._with_subnets(id) if id is not None else None

    def _look(self) -> str:
        wanted = options.given().network
        # Shared, for every tenant may make a network of this name, but only an administrator one that is shared.
        networks = self._named(self._plugin.get_networks, wanted, {"shared": [True]})
        if len(networks) != 1:
            what = "there is no shared network" if not networks else "there are several shared networks"
            raise NotThere(reason=f"{what} '{wanted}' to stand for Gluon's ports: gluon neutron setup makes it ([gluon] network)")
        return str(networks[0]["id"])

    def _with_subnets(self, id: str) -> StandIn:
        within = {"network_id": [id]}
        wanted = options.given().subnets
        subnets = (
            [subnet for name in wanted for subnet in self._named(self._plugin.get_subnets, name, within)]
            if wanted
            else self._plugin.get_subnets(contexts.get_admin_context(), filters=within)
        )
        return StandIn(id, tuple(Subnet(ip_network(subnet["cidr"]), subnet["id"]) for subnet in subnets))

    def _named(self, lister: Any, wanted: str, filters: Mapping[str, Any]) -> list[Any]:
        context = contexts.get_admin_context()
        return lister(context, filters={**filters, "id": [wanted]}) or lister(context, filters={**filters, "name": [wanted]})
