# SPDX-License-Identifier: Apache-2.0
"""ML2 with the network that stands for Gluon's ports kept for that: not in tenants' lists, no other ports, not deleted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from neutron.db import models_v2
from neutron.plugins.ml2.plugin import Ml2Plugin
from neutron_lib import exceptions
from neutron_lib.db import utils

from gluon.plugin import hiding
from gluon.plugin.knowing import Knowing
from gluon.plugin.networks import Networks


class GuardedNetworks(Ml2Plugin):
    """Networks and subnets. Who inherits sets which ports are Gluon's, and what stands for them."""

    _knowing: Knowing
    _networks: Networks

    def get_networks(
        self,
        context: Any,
        filters: Mapping[str, Any] | None = None,
        fields: Sequence[str] | None = None,
        sorts: Sequence[tuple[str, bool]] | None = None,
        limit: int | None = None,
        marker: str | None = None,
        page_reverse: bool = False,
    ) -> list[dict[str, Any]]:
        """See Ml2Plugin. The one that stands for Gluon is in a tenant's list only where that asks for it."""
        listed = partial(super().get_networks, context, sorts=sorts, marker=marker, page_reverse=page_reverse)
        return _seen(listed, self._hides(context, filters, "id", ("id", "name")), filters, fields, limit, reverse=page_reverse)

    def get_subnets(
        self,
        context: Any,
        filters: Mapping[str, Any] | None = None,
        fields: Sequence[str] | None = None,
        sorts: Sequence[tuple[str, bool]] | None = None,
        limit: int | None = None,
        marker: str | None = None,
        page_reverse: bool = False,
    ) -> list[dict[str, Any]]:
        """See Ml2Plugin. Those of the network that stands for Gluon are in a tenant's list only where that asks for them."""
        listed = partial(super().get_subnets, context, sorts=sorts, marker=marker, page_reverse=page_reverse)
        return _seen(
            listed,
            self._hides(context, filters, "network_id", ("id", "name", "network_id")),
            filters,
            fields,
            limit,
            reverse=page_reverse,
        )

    def _hides(
        self, context: Any, filters: Mapping[str, Any] | None, key: str, asking: Sequence[str]
    ) -> Callable[[Mapping[str, Any]], bool] | None:
        """What a tenant's list is to be without: all that has the stand-in's id in ``key``. None where it is to be as it is."""
        if not set(asking).isdisjoint(filters or {}) or not utils.model_query_scope_is_project(context, models_v2.Network):
            return None
        id = self._networks.id()
        return (lambda shown: bool(shown[key] == id)) if id is not None else None

    def delete_network(self, context: Any, id: str) -> None:
        """See Ml2Plugin. The one that stands for Gluon stays while there are ports."""
        if id == self._networks.id():
            self._nothing_on_it(exceptions.NetworkInUse(net_id=id))
            self._networks.forget()
        super().delete_network(context, id)

    def delete_subnet(self, context: Any, id: str) -> None:
        """See Ml2Plugin. Those of the network that stands for Gluon stay while there are ports."""
        stand_in = self._networks.known()
        if stand_in is not None and any(id == subnet.id for subnet in stand_in.subnets):
            self._nothing_on_it(exceptions.SubnetInUse(subnet_id=id))
            self._networks.forget()
        super().delete_subnet(context, id)

    def update_subnet(self, context: Any, id: str, subnet: Mapping[str, Any]) -> Any:
        """See Ml2Plugin. Neutron's DHCP has nothing to serve on what stands for Gluon."""
        stand_in = self._networks.known()
        if stand_in is not None and any(id == own.id for own in stand_in.subnets) and subnet["subnet"].get("enable_dhcp"):
            raise exceptions.InvalidInput(error_message="this subnet stands for Gluon's ports, which get no DHCP from Neutron")
        return super().update_subnet(context, id, subnet)

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
        id = self._networks.id()
        if id is not None and port["port"].get("network_id") == id:
            raise exceptions.InvalidInput(
                error_message=f"network {id} stands for Gluon's ports: they are made in the API of their service"
            )

    def _nothing_on_it(self, otherwise: Exception) -> None:
        """Raise this where there are ports of Gluon's, or it is not known whether there are."""
        self._knowing.must()
        catalogue = self._knowing.catalogue()
        if catalogue is not None and catalogue.services:
            raise otherwise


def _seen(
    listed: Callable[..., list[dict[str, Any]]],
    hides: Callable[[Mapping[str, Any]], bool] | None,
    filters: Mapping[str, Any] | None,
    fields: Sequence[str] | None,
    limit: int | None,
    *,
    reverse: bool,
) -> list[dict[str, Any]]:
    """What ML2 lists, without what is hidden."""
    if hides is None:
        return listed(filters=filters, fields=fields, limit=limit)
    # ML2 takes keys out of the filters.
    found = hiding.without(hides, lambda limit: listed(filters=copy.deepcopy(filters), limit=limit), limit, reverse=reverse)
    return [utils.resource_fields(item, fields) for item in found]
