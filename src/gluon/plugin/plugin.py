# SPDX-License-Identifier: Apache-2.0
"""``core_plugin = gluon``: ML2 for the ports that are Neutron's, and drivers for those that are a Proton's.

Which a port is, is looked up in memory. ML2's own ports go their own way, and what befalls etcd or a Proton Server is nothing to
them; a port of Gluon's that cannot be asked for is 503, never not found. During a request to a Proton Server the plugin has no
transaction of Neutron's open; it is within one only where Neutron itself lists ports in one, and Gluon's may be among them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from neutron_lib import context as contexts
from neutron_lib import exceptions
from neutron_lib.db import api as db
from neutron_lib.db import utils
from oslo_db.exception import DBError
from sqlalchemy.exc import SQLAlchemyError

from gluon.backends.arbiter import Arbiter
from gluon.errors import Invalid
from gluon.model.schema import BindingState
from gluon.plugin import askers, changing, options, rows
from gluon.plugin.carrying import carry_out
from gluon.plugin.following import Following
from gluon.plugin.knowing import Knowing
from gluon.plugin.listing import ListedPorts
from gluon.plugin.networks import Networks
from gluon.plugin.notifying import GONE, Notifying, Transition
from gluon.plugin.refusals import Elsewhere, asked, hold_revision, invalid
from gluon.plugin.remembered import Remembered
from gluon.plugin.stock import stock

LOG = logging.getLogger(__name__)


@dataclass
class _Row:
    """A port as Neutron's notifier wants it: it reads attributes and items, and leaves the event that it makes of it."""

    id: str
    device_id: str
    device_owner: str
    _notify_event: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class GluonPlugin(ListedPorts):
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
        rows.guard(self._knowing.tenant)

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
            change = changing.change(port["port"], shown, by_service=askers.is_service(context))
        except Invalid as refusal:
            raise invalid(id, refusal) from None
        return self._changed(id, change, revision) if change else shown

    def delete_port(self, context: Any, id: str, l3_port_check: bool = True) -> None:
        """See Ml2Plugin."""
        own = partial(super().delete_port, context, id, l3_port_check)
        self._knowing.either(context, id, partial(self._delete, context, id), own)

    def _delete(self, context: Any, id: str) -> None:
        shown = self._show(context, id)
        revision = hold_revision(context, shown)
        if askers.is_service(context) and shown[changing.DEVICE]:
            # Nova deletes the ports that it has made. When it has much to do it forgets now and then that it has not made this
            # one; were that refused, nobody could delete the machine any more.
            asked(id, lambda: self._arbiter.owner(id).unbind(id, revision=revision))
        elif options.given().delete_port == "pass":
            asked(id, lambda: self._arbiter.owner(id).delete(id, revision=revision))
        else:
            raise Elsewhere(id=id, reason="it is deleted where it was made, in the API of its service (protonclient port-delete)")

    # What Nova waits for.

    def _tell_nova(self, transition: Transition) -> None:
        """Of ports that are Gluon's alone: Nova would take it for what befalls Neutron's own port of this id, and unplug that."""
        try:
            if self._knowing.taken(contexts.get_admin_context(), [transition.id]):
                return
        except (DBError, SQLAlchemyError) as error:  # oslo.db translates not all of them: not that the pool is used up
            LOG.warning("whether port %s is one of Neutron's own cannot be asked: %s", transition.id, error)
            if transition.now == GONE:
                return  # Nova finds out when it looks after its machines
        row = _Row(transition.id, transition.device_id, transition.device_owner)
        if transition.now == GONE:
            self.nova_notifier.send_network_change("delete_port", {}, {"port": row})
            return
        self.nova_notifier.record_port_status_changed(row, transition.now, transition.before, None)
        self.nova_notifier.send_port_status(None, None, row)
        self.nova_notifier.send_network_change("update_port", {}, {"port": row})

    # What all of it needs.

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
        if not askers.may_see(context, port.tenant_id):
            raise exceptions.PortNotFound(port_id=id)
        return self._showing().shown(port)

    def _changed(self, id: str, change: changing.Change, revision: int | None) -> dict[str, Any]:
        """The port after a change, of this revision alone where one is meant."""
        port = asked(id, lambda: carry_out(self._arbiter.owner(id), id, change, revision))
        if isinstance(change.binding, changing.Bind) and port.binding_state is BindingState.FAILED:
            LOG.warning("port %s is not bound on host %s: %s", id, port.host_id, port.binding_reason)
        return self._showing().shown(port)
