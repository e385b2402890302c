# SPDX-License-Identifier: Apache-2.0
"""``core_plugin = gluon``: ML2 for the ports that are Neutron's, and drivers for those that are a Proton's.

Which a port is, is looked up in memory. ML2's own ports go their own way, and what befalls etcd or a Proton Server is nothing to
them; a port of Gluon's that cannot be asked for is 503, never not found. No transaction of Neutron's is open during a request.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from neutron.db import models_v2
from neutron.plugins.ml2.plugin import Ml2Plugin
from neutron.services.revisions.revision_plugin import RevisionNumberConstraintFailed
from neutron_lib import context as contexts
from neutron_lib import exceptions
from neutron_lib.db import api as db
from neutron_lib.db import resource_extend, utils

from gluon.backends.arbiter import Arbiter
from gluon.backends.catalogue import Catalogue
from gluon.backends.errors import DriverError, NotFound, Refused
from gluon.backends.ports import Port
from gluon.errors import Invalid
from gluon.model.schema import BindingState
from gluon.plugin import changing, hiding, options, paging, rows, showing
from gluon.plugin.following import Following
from gluon.plugin.networks import Networks
from gluon.plugin.notifying import Notifying, Transition
from gluon.plugin.remembered import Remembered
from gluon.plugin.selecting import select
from gluon.plugin.showing import Showing, StandIn
from gluon.plugin.sources import GluonPorts, OwnPorts, protons
from gluon.plugin.stock import stock

LOG = logging.getLogger(__name__)

#: While the network that stands for Gluon is missing.
_NOWHERE: Final = StandIn("", ())


#: The role in Keystone by which services know each other.
_SERVICE: Final = "service"


class Unavailable(exceptions.ServiceUnavailable):
    """Gluon cannot be asked about a port that is, or may be, its own. 503."""

    message = "%(reason)s"


class Elsewhere(exceptions.Conflict):
    """Something is not done here with a port of Gluon's. 409."""

    message = "Port %(id)s is a port of Gluon's: %(reason)s"


class _Row(dict[str, Any]):
    """A port as Neutron's notifier wants it: it reads attributes and items, and sets one."""

    __getattr__ = dict.get
    __setattr__ = dict.__setitem__


class _Registry:
    """What the arbiter looks owners up in: the list that this process follows."""

    def __init__(self, following: Following) -> None:
        self._following = following

    def find(self, id: str, /) -> Any:
        catalogue = self._following.catalogue()
        return catalogue.find(id) if catalogue is not None else None


class GluonPlugin(Ml2Plugin):
    """See the module."""

    # The API looks for these under the name of the plugin's own class.
    __native_bulk_support = True
    __native_pagination_support = True
    __native_sorting_support = True
    __filter_validation_support = True

    def __init__(self) -> None:
        options.register()
        super().__init__()
        notifies = getattr(self, "nova_notifier", None) is not None  # Neutron has it only where it is to tell Nova
        notifying = Notifying(self._tell_nova) if notifies else None
        self._following = Following(options.etcd(), options.given().name, notifying)
        self._arbiter = Arbiter(options.servers(), _Registry(self._following))
        self._networks = Networks(self)
        self._stock = Remembered(self._look_for_stock)  # which keys ports have
        #: Ids that Neutron has ports of, too; looked up when a port of Gluon's is met for the first time.
        self._own: dict[str, bool] = {}
        rows.guard(self._is_gluon)

    # One port.

    def get_port(self, context: Any, id: str, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """See Ml2Plugin."""
        if self._is_gluon(context, id):
            return utils.resource_fields(self._show(context, id), fields)
        try:
            return super().get_port(context, id, fields)
        except exceptions.PortNotFound:
            self._must_know()
            raise

    def update_port(self, context: Any, id: str, port: Mapping[str, Any]) -> dict[str, Any]:
        """See Ml2Plugin. A port of Gluon's is bound, unbound or changed by its Proton."""
        if not self._is_gluon(context, id):
            return super().update_port(context, id, port)
        shown = self._show(context, id)
        _matches(context, shown)
        try:
            change = changing.change(port["port"], shown)
        except Invalid as refusal:
            raise _invalid(id, refusal) from None
        if not change.values:
            return shown
        return self._changed(id, change)

    def delete_port(self, context: Any, id: str, l3_port_check: bool = True) -> None:
        """See Ml2Plugin."""
        if not self._is_gluon(context, id):
            super().delete_port(context, id, l3_port_check)
            self._own.pop(id, None)
            return
        shown = self._show(context, id)
        _matches(context, shown)
        if _is_service(context) and shown[changing.DEVICE]:
            # Nova deletes the ports that it has made. When it has much to do it forgets now and then that it has not made this
            # one; were that refused, nobody could delete the machine any more.
            self._asked(id, lambda: self._arbiter.owner(id).unbind(id))
        elif options.given().delete_port == "pass":
            self._asked(id, lambda: self._arbiter.owner(id).delete(id))
        else:
            raise Elsewhere(id=id, reason="it is deleted where it was made, in the API of its service (protonclient port-delete)")

    # Lists.

    def get_ports(
        self,
        context: Any,
        filters: Mapping[str, Any] | None = None,
        fields: Sequence[str] | None = None,
        sorts: Sequence[tuple[str, bool]] | None = None,
        limit: int | None = None,
        marker: str | None = None,
        page_reverse: bool = False,
    ) -> list[dict[str, Any]]:
        """See Ml2Plugin. Both kinds, in one order.

        Where it is not known which ports are Gluon's, lists have ML2's alone; but a list of certain ports, or of a machine's,
        that would be empty is 503: Nova would take its ports away from a machine.
        """
        asks_for_some = not {"id", "device_id"}.isdisjoint(filters or {})  # ML2 takes keys out of the filters
        ours = self._ours(context, filters)
        if ours is None and not (marker and self._is_gluon(context, marker)):
            own: list[dict[str, Any]] = super().get_ports(context, filters, fields, sorts, limit, marker, page_reverse)
            if not own and asks_for_some:
                self._must_know()
            return own
        both: list[paging.Source] = [OwnPorts(self, context, filters), *([ours] if ours is not None else [])]
        try:
            found = paging.page(both, sorts or (), limit, marker, reverse=page_reverse)
        except paging.MarkerGone:
            raise exceptions.PortNotFound(port_id=marker) from None
        except DriverError as error:
            raise Unavailable(reason=f"the ports of Gluon cannot be listed: {error}") from None
        return [utils.resource_fields(port, fields) for port in found]

    def get_ports_count(self, context: Any, filters: Mapping[str, Any] | None = None) -> int:
        """See Ml2Plugin."""
        ours = self._ours(context, filters)
        own: int = super().get_ports_count(context, filters)
        try:
            return own + (ours.count() if ours is not None else 0)
        except DriverError as error:
            raise Unavailable(reason=f"the ports of Gluon cannot be counted: {error}") from None

    def made_ports(self, query: Any) -> list[dict[str, Any]]:
        """The ports of a query as ML2 shows them."""
        items = [self._make_port_dict(row, None, bulk=True) for row in query]
        resource_extend.apply_funcs("ports_bulk", items, None)
        return items

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
        hides = self._hides(context, filters, "id", ("id", "name"))
        if hides is None:
            return listed(filters=filters, fields=fields, limit=limit)
        # ML2 takes keys out of the filters.
        found = hiding.without(
            hides, lambda limit: listed(filters=copy.deepcopy(filters), limit=limit), limit, reverse=page_reverse
        )
        return [utils.resource_fields(network, fields) for network in found]

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
        hides = self._hides(context, filters, "network_id", ("id", "name", "network_id"))
        if hides is None:
            return listed(filters=filters, fields=fields, limit=limit)
        found = hiding.without(
            hides, lambda limit: listed(filters=copy.deepcopy(filters), limit=limit), limit, reverse=page_reverse
        )
        return [utils.resource_fields(subnet, fields) for subnet in found]

    def _hides(
        self, context: Any, filters: Mapping[str, Any] | None, key: str, asking: Sequence[str]
    ) -> Callable[[Mapping[str, Any]], bool] | None:
        """What a tenant's list is to be without: all that has the stand-in's id in ``key``. None where it is to be as it is."""
        if not set(asking).isdisjoint(filters or {}) or not utils.model_query_scope_is_project(context, models_v2.Network):
            return None
        id = self._networks.id()
        return (lambda shown: bool(shown[key] == id)) if id is not None else None

    # What hangs on a port, a network or a subnet.

    def get_port_bindings(
        self, context: Any, port_id: str, filters: Any = None, fields: Any = None, *more: Any, **named: Any
    ) -> list[dict[str, Any]]:
        """See Ml2Plugin. A port of Gluon's has one where it is on a host, else none."""
        if not self._is_gluon(context, port_id):
            return super().get_port_bindings(context, port_id, filters, fields, *more, **named)
        found = showing.binding(self._show(context, port_id))
        fits = found is not None and all(found.get(name) in values for name, values in (filters or {}).items())
        return [utils.resource_fields(found, fields)] if fits else []

    def get_port_binding(self, context: Any, host: str, port_id: str, fields: Any = None) -> dict[str, Any]:
        """See Ml2Plugin."""
        if not self._is_gluon(context, port_id):
            return super().get_port_binding(context, host, port_id, fields)
        found = showing.binding(self._show(context, port_id))
        if found is None or found["host"] != host:
            raise exceptions.PortBindingNotFound(port_id=port_id, host=host)
        return utils.resource_fields(found, fields)

    def create_port_binding(self, context: Any, port_id: str, binding: Any) -> Any:
        """See Ml2Plugin."""
        self._has_one_binding(context, port_id)
        return super().create_port_binding(context, port_id, binding)

    def update_port_binding(self, context: Any, host: str, port_id: str, binding: Any) -> Any:
        """See Ml2Plugin."""
        self._has_one_binding(context, port_id)
        return super().update_port_binding(context, host, port_id, binding)

    def delete_port_binding(self, context: Any, host: str, port_id: str) -> None:
        """See Ml2Plugin. Of a host where the port is not (any more) there is nothing to delete."""
        if not self._is_gluon(context, port_id):
            super().delete_port_binding(context, host, port_id)
        elif self._show(context, port_id)[changing.HOST] == host:
            self._has_one_binding(context, port_id)

    def activate(self, context: Any, host: str, port_id: Any) -> Any:
        """See Ml2Plugin."""
        self._has_one_binding(context, port_id["port_id"] if isinstance(port_id, dict) else port_id)
        return super().activate(context, host, port_id)

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
        self._stock.look_again()
        return created

    def create_port_bulk(self, context: Any, ports: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See Ml2Plugin."""
        for port in ports["ports"]:
            self._not_on_stand_in(port)
        created: list[dict[str, Any]] = super().create_port_bulk(context, ports)
        self._stock.look_again()
        return created

    def _not_on_stand_in(self, port: Mapping[str, Any]) -> None:
        id = self._networks.id()
        if id is not None and port["port"].get("network_id") == id:
            raise exceptions.InvalidInput(
                error_message=f"network {id} stands for Gluon's ports: they are made in the API of their service"
            )

    def _has_one_binding(self, context: Any, id: str) -> None:
        if self._is_gluon(context, id):
            why = f"port {id} is a port of Gluon's and on one host at a time: it cannot be migrated live, only cold"
            raise exceptions.BadRequest(resource="port binding", msg=why)

    def _nothing_on_it(self, otherwise: Exception) -> None:
        """Raise this where there are ports of Gluon's, or it is not known whether there are."""
        self._must_know()
        catalogue = self._catalogue()
        if catalogue is not None and catalogue.services:
            raise otherwise

    # What Nova waits for.

    def _tell_nova(self, transition: Transition) -> None:
        row = _Row(id=transition.id, device_id=transition.device_id, device_owner=transition.device_owner)
        self.nova_notifier.record_port_status_changed(row, transition.now, transition.before, None)
        self.nova_notifier.send_port_status(None, None, row)

    # What all of it needs.

    def _catalogue(self) -> Catalogue | None:
        return self._following.catalogue()

    def _must_know(self) -> None:
        """Raise where a port that is not Neutron's may be Gluon's, for all that is known here."""
        if self._catalogue() is None:
            raise Unavailable(
                reason=f"it is not known which ports are Gluon's: {self._following.trouble or 'etcd does not answer'}"
            )

    def _is_gluon(self, context: Any, id: str) -> bool:
        """Whether a port is a Proton's. Where Neutron has one of that id, too, it is Neutron's: who makes a port in a Proton
        chooses its id, and must not take another's away by that."""
        catalogue = self._catalogue()
        if catalogue is None or catalogue.find(id) is None:
            return False
        return id not in self._taken(context, (id,))

    def _taken(self, context: Any, ids: Sequence[str]) -> set[str]:
        """Those of the ids of Gluon's that are of Neutron's own ports, too. Each is looked up once."""
        unknown = [id for id in ids if id not in self._own]
        if unknown:
            taken = self._rows(context.elevated(), unknown)
            self._own |= {id: id in taken for id in unknown}
            for id in taken:
                LOG.warning("port %s is registered with Gluon, but it is one of Neutron's own, and stays that", id)
        return {id for id in ids if self._own[id]}

    @db.retry_if_session_inactive()
    @db.CONTEXT_READER
    def _rows(self, context: Any, ids: Sequence[str]) -> set[str]:
        return {row.id for row in context.session.query(models_v2.Port.id).filter(models_v2.Port.id.in_(ids))}

    def _ours(self, context: Any, filters: Mapping[str, Any] | None) -> GluonPorts | None:
        """The ports of Gluon's that a list may have; None where none can be in it."""
        catalogue = self._catalogue()
        if catalogue is None or not catalogue.services:
            return None
        tenant = context.project_id if utils.model_query_scope_is_project(context, models_v2.Port) else None
        selection = select(filters, self._networks.known() or _NOWHERE, tenant)
        if selection is None or not protons(catalogue, selection):
            return None
        return GluonPorts(self._arbiter, catalogue, self._showing(), selection, partial(self._taken, context))

    def _showing(self) -> Showing:
        return Showing(self._networks.stand_in(), self._stock.known() or stock())

    def _look_for_stock(self) -> Mapping[str, Any] | None:
        """Which keys a port of ML2's own has, if there is one."""
        witness = self._witness(contexts.get_admin_context())
        return stock(witness[0]) if witness else None

    @db.retry_if_session_inactive()
    @db.CONTEXT_READER
    def _witness(self, context: Any) -> list[dict[str, Any]]:
        """A port of ML2's own, if there is one."""
        return self.made_ports(self._get_ports_query(context).limit(1))

    def _show(self, context: Any, id: str) -> dict[str, Any]:
        """The port, if the asker may see it."""
        port = self._asked(id, lambda: self._arbiter.port(id))
        if utils.model_query_scope_is_project(context, models_v2.Port) and port.tenant_id != context.project_id:
            raise exceptions.PortNotFound(port_id=id)
        return self._showing().shown(port)

    def _changed(self, id: str, change: changing.Change) -> dict[str, Any]:
        """The port after a change. One that is still BINDING when the Proton Server has waited long enough is taken back."""

        def do() -> Port:
            driver = self._arbiter.owner(id)
            port = driver.update(id, change.values)
            if change.binds and port.binding_state is BindingState.BINDING:
                driver.unbind(id)
                reason = f"no controller answered for host {port.host_id} in time"
                port = replace(port, binding_state=BindingState.FAILED, binding_reason=reason)
            return port

        port = self._asked(id, do)
        if change.binds and port.binding_state is BindingState.FAILED:
            LOG.warning("port %s is not bound on host %s: %s", id, port.host_id, port.binding_reason)
        return self._showing().shown(port)

    def _asked(self, id: str, ask: Any) -> Any:
        """What asking a driver comes to, in Neutron's errors."""
        try:
            return ask()
        except NotFound:
            raise exceptions.PortNotFound(port_id=id) from None
        except Refused as refusal:
            if refusal.status == 409:
                raise Elsewhere(id=id, reason=refusal.detail) from None
            raise _invalid(id, refusal) from None
        except DriverError as error:
            raise Unavailable(reason=f"port {id} is a port of Gluon's, which cannot be asked for it: {error}") from None


def _is_service(context: Any) -> bool:
    """Whether a service asks, for itself or for a user: Nova, which sends a token of its own beside the user's."""
    return _SERVICE in context.roles or _SERVICE in context.service_roles


def _matches(context: Any, shown: Mapping[str, Any]) -> None:
    """Raise 412 where another revision of the port is meant (If-Match): Neutron itself looks only at rows of its own."""
    wanted = context.get_transaction_constraint()
    if wanted is not None and wanted.resource_id == shown["id"] and wanted.if_revision_match != shown["revision_number"]:
        raise RevisionNumberConstraintFailed(wanted.if_revision_match, shown["revision_number"])


def _invalid(id: str, refusal: Invalid | Refused) -> exceptions.InvalidInput:
    """400, with all that is wrong."""
    each = [": ".join(filter(None, (fault.pointer.removeprefix("/"), fault.detail))) for fault in refusal.faults]
    return exceptions.InvalidInput(error_message=f"port {id} is a port of Gluon's: {'; '.join(each) or refusal.detail}")
