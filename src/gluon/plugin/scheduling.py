# SPDX-License-Identifier: Apache-2.0
"""ML2 that gives Neutron's DHCP agents nothing to do with the network that stands for Gluon.

Neutron has an agent serve every network with a subnet, also where that has no DHCP. The agent would then ask for all ports of the
network at every turn, which are Gluon's; and while these cannot be had it would get nothing at all, not even of ML2's networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neutron.plugins.ml2.plugin import Ml2Plugin
from neutron_lib import exceptions

from gluon.plugin.networks import Networks


class Unscheduled(Ml2Plugin):
    """The calls of ML2 about which agent serves which network. Who inherits sets what stands for Gluon."""

    _networks: Networks

    def schedule_network(self, context: Any, created_network: Mapping[str, Any]) -> Any:
        """See Ml2Plugin. Nobody serves the one that stands for Gluon."""
        return [] if self._networks.is_it(created_network["id"]) else super().schedule_network(context, created_network)

    def add_network_to_dhcp_agent(self, context: Any, id: str, network_id: str) -> Any:
        """See Ml2Plugin. The one that stands for Gluon is given to none."""
        if self._networks.is_it(network_id):
            raise exceptions.InvalidInput(
                error_message=f"network {network_id} stands for Gluon's ports, which get no DHCP from Neutron"
            )
        return super().add_network_to_dhcp_agent(context, id, network_id)

    def get_dhcp_agents_hosting_networks(self, context: Any, network_ids: Sequence[str], *more: Any, **named: Any) -> Any:
        """See Ml2Plugin. None hosts the one that stands for Gluon, though it was scheduled before it did so."""
        others = [id for id in network_ids if id != self._networks.id()]
        return super().get_dhcp_agents_hosting_networks(context, others, *more, **named)

    def list_active_networks_on_active_dhcp_agent(self, context: Any, host: str) -> list[Any]:
        """See Ml2Plugin. Without the one that stands for Gluon, though it was scheduled before it did so."""
        active = super().list_active_networks_on_active_dhcp_agent(context, host)
        return [network for network in active if network.id != self._networks.id()]
