# SPDX-License-Identifier: Apache-2.0
"""The network in Neutron that stands for Gluon's ports: found by name or id, made by ``gluon neutron setup``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neutron_lib import context as contexts
from neutron_lib import exceptions

from gluon.plugin import options
from gluon.plugin.showing import StandIn

_OPTIONS: Final[Mapping[int, str]] = {4: "subnet_ipv4", 6: "subnet_ipv6"}


class NotThere(exceptions.ServiceUnavailable):
    """The network that stands for Gluon is missing, or there are several."""

    message = "%(reason)s"


class Networks:
    """Looks the stand-in up once, and again where it was not there."""

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self._found: StandIn | None = None

    def stand_in(self) -> StandIn:
        """The network and its subnets. Raises NotThere, which is 503."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def known(self) -> StandIn | None:
        """The same, or None where it is missing."""
        try:
            return self.stand_in()
        except NotThere:
            return None

    def forget(self) -> None:
        """It may have changed."""
        self._found = None

    def _look(self) -> StandIn:
        context = contexts.get_admin_context()
        wanted = options.given().network
        networks = self._named(self._plugin.get_networks, context, wanted, {})
        if len(networks) != 1:
            what = "there is no network" if not networks else "there are several networks"
            raise NotThere(reason=f"{what} '{wanted}' to stand for Gluon's ports: gluon neutron setup makes it ([gluon] network)")
        (network,) = networks
        subnets = {}
        for version, option in _OPTIONS.items():
            within = {"network_id": [network["id"]], "ip_version": [version]}
            for subnet in self._named(self._plugin.get_subnets, context, options.given()[option], within):
                subnets[version] = subnet["id"]
        return StandIn(network["id"], subnets)

    def _named(self, lister: Any, context: Any, wanted: str, filters: Mapping[str, Any]) -> list[Any]:
        return lister(context, filters={**filters, "id": [wanted]}) or lister(context, filters={**filters, "name": [wanted]})
