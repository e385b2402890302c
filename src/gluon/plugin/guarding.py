# SPDX-License-Identifier: Apache-2.0
"""ML2 with the network that stands for Gluon's ports kept for that: no other ports, no DHCP, and neither deleted nor taken from
the tenants while there are ports of Gluon's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neutron.common import utils
from neutron_lib import constants, exceptions

from gluon.plugin import options
from gluon.plugin.knowing import Knowing
from gluon.plugin.unlisted import Unlisted

#: What makes a network shared, and with whom.
_SHARED: Final = ("network", "access_as_shared", "*")


class StillUsed(exceptions.InUse):
    """The network that stands for Gluon is to become another than Gluon's ports need. 409."""

    message = "Network %(id)s stands for Gluon's ports, and there are some: %(reason)s"


class GuardedNetworks(Unlisted):
    """Networks and subnets. What looks something up first does so within no transaction, as ML2 wants it.

    Who inherits sets which ports are Gluon's, and what stands for them.
    """

    _knowing: Knowing

    def update_network(self, context: Any, id: str, network: Mapping[str, Any]) -> Any:
        """See Ml2Plugin. The one that stands for Gluon stays shared, and is found, while there are ports."""
        changes, wanted = network["network"], options.given().network
        if {"name", "shared"}.isdisjoint(changes):
            return super().update_network(context, id, network)
        if id == self._networks.id():
            if not changes.get("shared", True):
                self._nothing_on_it(StillUsed(id=id, reason="it stays shared, or no tenant could use them"))
            if wanted != id and changes.get("name", wanted) != wanted:
                self._nothing_on_it(StillUsed(id=id, reason=f"it is found by its name, '{wanted}' ([gluon] network)"))
        updated = super().update_network(context, id, network)
        self._networks.forget()
        return updated

    def update_rbac_policy(self, context: Any, id: str, rbac_policy: Mapping[str, Any]) -> Any:
        """See Ml2Plugin. This, too, may take the network that stands for Gluon from the tenants."""
        self._stays_shared(context, id)
        return super().update_rbac_policy(context, id, rbac_policy)

    def delete_rbac_policy(self, context: Any, id: str) -> None:
        """See Ml2Plugin. This, too, may take the network that stands for Gluon from the tenants."""
        self._stays_shared(context, id)
        super().delete_rbac_policy(context, id)

    def _stays_shared(self, context: Any, policy_id: str) -> None:
        policy = self.get_rbac_policy(context, policy_id)
        network = policy["object_id"]
        if (policy["object_type"], policy["action"], policy["target_project"]) == _SHARED and network == self._networks.id():
            self._nothing_on_it(StillUsed(id=network, reason="it stays shared, or no tenant could use them"))

    def delete_network(self, context: Any, id: str) -> None:
        """See Ml2Plugin. The one that stands for Gluon stays while there are ports."""
        is_it = id == self._networks.id()
        if is_it:
            self._nothing_on_it(exceptions.NetworkInUse(net_id=id))
        super().delete_network(context, id)
        if is_it:
            self._networks.forget()

    def create_subnet(self, context: Any, subnet: Mapping[str, Any]) -> dict[str, Any]:
        """See Ml2Plugin. Neutron's DHCP has nothing to serve on what stands for Gluon."""
        self._without_dhcp(subnet["subnet"])
        created: dict[str, Any] = super().create_subnet(context, subnet)
        self._changed_in(created["network_id"])
        return created

    def create_subnet_bulk(self, context: Any, subnets: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See Ml2Plugin."""
        for subnet in subnets["subnets"]:
            self._without_dhcp(subnet["subnet"])
        created: list[dict[str, Any]] = super().create_subnet_bulk(context, subnets)
        for subnet in created:
            self._changed_in(subnet["network_id"])
        return created

    @utils.transaction_guard
    def update_subnet(self, context: Any, id: str, subnet: Mapping[str, Any]) -> Any:
        """See Ml2Plugin. Neutron's DHCP has nothing to serve on what stands for Gluon."""
        if subnet["subnet"].get("enable_dhcp"):
            self._without_dhcp({"network_id": self._network_of(context, id), "enable_dhcp": True})
        return super().update_subnet(context, id, subnet)

    @utils.transaction_guard
    def delete_subnet(self, context: Any, id: str) -> None:
        """See Ml2Plugin. Those of the network that stands for Gluon stay while there are ports."""
        network = self._network_of(context, id)
        if network == self._networks.id():
            self._nothing_on_it(exceptions.SubnetInUse(subnet_id=id))
        super().delete_subnet(context, id)
        self._changed_in(network)

    def _network_of(self, context: Any, subnet: str) -> str:
        return str(self.get_subnet(context.elevated(), subnet, fields=["network_id"])["network_id"])

    def _without_dhcp(self, subnet: Mapping[str, Any]) -> None:
        """``subnet`` is its description, in which DHCP is what Neutron takes for said where nothing is."""
        if subnet.get("enable_dhcp", True) and self._networks.is_it(subnet["network_id"]):
            raise exceptions.InvalidInput(
                error_message=f"network {subnet['network_id']} stands for Gluon's ports, which get no DHCP from Neutron: its"
                " subnets are made with --no-dhcp (enable_dhcp false)"
            )

    def _changed_in(self, network: str) -> None:
        if network == self._networks.id():
            self._networks.forget()

    def create_port(self, context: Any, port: Mapping[str, Any]) -> dict[str, Any]:
        """See Ml2Plugin. Ports of Gluon's are made in the API of their service."""
        self._not_on_stand_in(port)
        created: dict[str, Any] = super().create_port(context, port)
        return created

    def create_port_bulk(self, context: Any, ports: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See Ml2Plugin."""
        for port in ports["ports"]:
            self._not_on_stand_in(port)
        created: list[dict[str, Any]] = super().create_port_bulk(context, ports)
        return created

    def _not_on_stand_in(self, port: Mapping[str, Any]) -> None:
        """But for the port that OVN's driver gives each network while that is made: the network could not be made otherwise."""
        id, wanted = self._networks.id(), port["port"]
        if id is not None and wanted.get("network_id") == id and wanted.get("device_owner") != constants.DEVICE_OWNER_DISTRIBUTED:
            raise exceptions.InvalidInput(
                error_message=f"network {id} stands for Gluon's ports: they are made in the API of their service"
            )

    def _nothing_on_it(self, otherwise: Exception) -> None:
        """Raise this where there are ports of Gluon's, or it is not known whether there are."""
        self._knowing.must()
        catalogue = self._knowing.catalogue()
        if catalogue is not None and catalogue.services:
            raise otherwise
