# SPDX-License-Identifier: Apache-2.0
"""``core_plugin = gluon``: ML2 for the ports that are Neutron's, and drivers for those that are a Proton's.

Which a port is, is looked up in memory. ML2's own ports go their own way, and what befalls etcd or a Proton Server is nothing to
them; a port of Gluon's that cannot be asked for is 503, never not found. No transaction of Neutron's is open during a request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from neutron.db import models_v2
from neutron_lib import context as contexts
from neutron_lib import exceptions
from neutron_lib.db import api as db
from neutron_lib.db import resource_extend, utils

from gluon.backends.arbiter import Arbiter
from gluon.backends.errors import DriverError
from gluon.backends.ports import Port
from gluon.errors import Invalid
from gluon.model.schema import BindingState
from gluon.plugin import changing, options, paging, rows
from gluon.plugin.bindings import PortBindings
from gluon.plugin.following import Following
from gluon.plugin.knowing import Knowing
from gluon.plugin.networks import Networks
from gluon.plugin.notifying import Notifying, Transition
from gluon.plugin.refusals import Elsewhere, Unavailable, asked, hold_revision, invalid
from gluon.plugin.remembered import Remembered
from gluon.plugin.selecting import select
from gluon.plugin.showing import Showing, StandIn
from gluon.plugin.sources import GluonPorts, OwnPorts
from gluon.plugin.stock import stock

LOG = logging.getLogger(__name__)

#: While the network that stands for Gluon is missing.
_NOWHERE: Final = StandIn("", ())
#: The role in Keystone by which services know each other.
_SERVICE: Final = "service"


class _Row(dict[str, Any]):
    """A port as Neutron's notifier wants it: it reads attributes and items, and sets one."""

    __getattr__ = dict.get
    __setattr__ = dict.__setitem__


class GluonPlugin(PortBindings):
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
        self._knowing = Knowing(Following(options.etcd(), options.given().name, notifying))
        self._arbiter = Arbiter(options.servers(), self._knowing)
        self._networks = Networks(self)
        self._stock = Remembered(self._look_for_stock, 0.0, stays=True)  # which keys ports have
        rows.guard(self._knowing.is_gluon)

    # One port.

    def get_port(self, context: Any, id: str, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """See Ml2Plugin."""
        own = partial(super().get_port, context, id, fields)
        return self._knowing.either(context, id, lambda: utils.resource_fields(self._show(context, id), fields), own)

    def update_port(self, context: Any, id: str, port: Mapping[str, Any]) -> dict[str, Any]:
        """See Ml2Plugin. A port of Gluon's is bound, unbound or changed by its Proton."""
        own = partial(super().update_port, context, id, port)
        return self._knowing.either(context, id, partial(self._update, context, id, port), own)

    def _update(self, context: Any, id: str, port: Mapping[str, Any]) -> dict[str, Any]:
        shown = self._show(context, id)
        revision = hold_revision(context, shown)
        try:
            change = changing.change(port["port"], shown)
        except Invalid as refusal:
            raise invalid(id, refusal) from None
        if not change.values:
            return shown
        return self._changed(id, change, revision)

    def delete_port(self, context: Any, id: str, l3_port_check: bool = True) -> None:
        """See Ml2Plugin."""
        own = partial(super().delete_port, context, id, l3_port_check)
        self._knowing.either(context, id, partial(self._delete, context, id), own)

    def _delete(self, context: Any, id: str) -> None:
        shown = self._show(context, id)
        revision = hold_revision(context, shown)
        if _is_service(context) and shown[changing.DEVICE]:
            # Nova deletes the ports that it has made. When it has much to do it forgets now and then that it has not made this
            # one; were that refused, nobody could delete the machine any more.
            asked(id, lambda: self._arbiter.owner(id).unbind(id, revision=revision))
        elif options.given().delete_port == "pass":
            asked(id, lambda: self._arbiter.owner(id).delete(id, revision=revision))
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
        if ours is None and not (marker and self._knowing.is_gluon(context, marker)):
            own: list[dict[str, Any]] = super().get_ports(context, filters, fields, sorts, limit, marker, page_reverse)
            if not own and asks_for_some:
                self._knowing.must()
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

    # What Nova waits for.

    def _tell_nova(self, transition: Transition) -> None:
        row = _Row(id=transition.id, device_id=transition.device_id, device_owner=transition.device_owner)
        self.nova_notifier.record_port_status_changed(row, transition.now, transition.before, None)
        self.nova_notifier.send_port_status(None, None, row)
        self.nova_notifier.send_network_change("update_port", {}, {"port": row})

    # What all of it needs.

    def _ours(self, context: Any, filters: Mapping[str, Any] | None) -> GluonPorts | None:
        """The ports of Gluon's that a list may have; None where none can be in it."""
        catalogue = self._knowing.catalogue()
        if catalogue is None or not catalogue.services:
            return None
        tenant = context.project_id if utils.model_query_scope_is_project(context, models_v2.Port) else None
        selection = select(filters, self._networks.known() or _NOWHERE, tenant)
        if selection is None:
            return None
        ours = GluonPorts(self._arbiter, catalogue, self._showing, selection, partial(self._knowing.taken, context))
        return ours if ours.protons else None

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
        port = asked(id, lambda: self._arbiter.port(id))
        if utils.model_query_scope_is_project(context, models_v2.Port) and port.tenant_id != context.project_id:
            raise exceptions.PortNotFound(port_id=id)
        return self._showing().shown(port)

    def _changed(self, id: str, change: changing.Change, revision: int | None) -> dict[str, Any]:
        """The port after a change, of this revision alone where one is meant.

        A bind that is still BINDING when the Proton Server has waited long enough is taken back.
        """

        def do() -> Port:
            driver = self._arbiter.owner(id)
            port = driver.update(id, change.values, revision=revision)
            if change.binds and port.binding_state is BindingState.BINDING:
                driver.unbind(id)
                reason = f"no controller answered for host {port.host_id} in time"
                port = replace(port, binding_state=BindingState.FAILED, binding_reason=reason)
            return port

        port = asked(id, do)
        if change.binds and port.binding_state is BindingState.FAILED:
            LOG.warning("port %s is not bound on host %s: %s", id, port.host_id, port.binding_reason)
        return self._showing().shown(port)


def _is_service(context: Any) -> bool:
    """Whether a service asks, for itself or for a user: Nova, which sends a token of its own beside the user's."""
    return _SERVICE in context.roles or _SERVICE in context.service_roles
