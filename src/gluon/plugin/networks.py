# SPDX-License-Identifier: Apache-2.0
"""The network in Neutron that stands for Gluon's ports: found by name or id, made by ``gluon neutron setup``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

from neutron_lib import context as contexts
from neutron_lib import exceptions

from gluon.plugin import options
from gluon.plugin.showing import StandIn, Subnet


class NotThere(exceptions.ServiceUnavailable):
    """The network that stands for Gluon is missing, or there are several."""

    message = "%(reason)s"


#: Seconds after which it is looked up again where it was not there.
_AGAIN: Final = 5.0


class Networks:
    """Looks the stand-in up once, and now and again where it was not there."""

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self._found: StandIn | None = None
        self._missed = float("-inf")

    def stand_in(self) -> StandIn:
        """The network and its subnets. Raises NotThere, which is 503."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def known(self) -> StandIn | None:
        """The same, or None where it is missing, or was a moment ago."""
        if self._found is None and time.monotonic() < self._missed + _AGAIN:
            return None
        try:
            return self.stand_in()
        except NotThere:
            self._missed = time.monotonic()
            return None

    def forget(self) -> None:
        """It may have changed."""
        self._found = None

    def _look(self) -> StandIn:
        context = contexts.get_admin_context()
        wanted = options.given().network
        # Shared, for every tenant may make a network of this name, but only an administrator one that is shared.
        networks = self._named(self._plugin.get_networks, context, wanted, {"shared": [True]})
        if len(networks) != 1:
            what = "there is no shared network" if not networks else "there are several shared networks"
            raise NotThere(reason=f"{what} '{wanted}' to stand for Gluon's ports: gluon neutron setup makes it ([gluon] network)")
        (network,) = networks
        within = {"network_id": [network["id"]]}
        wanted_subnets = options.given().subnets
        subnets = (
            [subnet for name in wanted_subnets for subnet in self._named(self._plugin.get_subnets, context, name, within)]
            if wanted_subnets
            else self._plugin.get_subnets(context, filters=within)
        )
        return StandIn(network["id"], tuple(Subnet(ip_network(subnet["cidr"]), subnet["id"]) for subnet in subnets))

    def _named(self, lister: Any, context: Any, wanted: str, filters: Mapping[str, Any]) -> list[Any]:
        return lister(context, filters={**filters, "id": [wanted]}) or lister(context, filters={**filters, "name": [wanted]})
