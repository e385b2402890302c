# SPDX-License-Identifier: Apache-2.0
"""ML2 with lists of ports that have Gluon's, too, where these can be among them.

filters ─► select ─► none of Gluon's fits                ML2's list, and nothing else is asked
                └──► catalogue ─► no Proton has any      the same
                             └──► both, in one order     sources, paging
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from neutron_lib import exceptions
from neutron_lib.db import resource_extend, utils

from gluon.backends.arbiter import Arbiter
from gluon.backends.catalogue import Catalogue
from gluon.backends.errors import DriverError
from gluon.plugin import askers, paging
from gluon.plugin.bindings import PortBindings
from gluon.plugin.refusals import of_list
from gluon.plugin.remembered import Remembered
from gluon.plugin.selecting import Selection, select
from gluon.plugin.showing import Showing, StandIn
from gluon.plugin.sources import GluonPorts, OwnPorts
from gluon.plugin.stock import stock

LOG = logging.getLogger(__name__)

#: While the network that stands for Gluon is missing.
_NOWHERE: Final = StandIn("", ())


class ListedPorts(PortBindings):
    """The calls of ML2 about many ports. Who inherits sets what has the ports, and which keys they have."""

    _arbiter: Arbiter
    _stock: Remembered[Mapping[str, Any]]

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

        Where it is not known which ports are Gluon's, lists have ML2's alone; but where some would be missed, it is 503.
        """
        wanted = dict(filters or {})  # ML2 takes keys out of the filters
        selection = self._selection(context, filters)
        catalogue = self._knowing.catalogue() if selection is not None else None
        ours = self._ours(context, selection, catalogue)
        if ours is None and not (marker and self._knowing.is_gluon(context, marker)):
            try:
                own: list[dict[str, Any]] = super().get_ports(context, filters, fields, sorts, limit, marker, page_reverse)
            except exceptions.PortNotFound:  # the marker
                self._knowing.must()
                raise
            if selection is not None and catalogue is None:
                self._knowing.must_miss_none(context, wanted, own)
            return own
        both: list[paging.Source] = [OwnPorts(self, context, wanted), *([ours] if ours is not None else [])]
        try:
            found = paging.page(both, sorts or (), limit, marker, reverse=page_reverse)
        except paging.MarkerGone:
            raise exceptions.PortNotFound(port_id=marker) from None
        except DriverError as error:
            raise of_list(error, "listed") from None
        return [utils.resource_fields(port, fields) for port in found]

    def get_ports_count(self, context: Any, filters: Mapping[str, Any] | None = None) -> int:
        """See Ml2Plugin."""
        ours = self._ours(context, self._selection(context, filters), self._knowing.catalogue())
        own: int = super().get_ports_count(context, filters)
        try:
            return own + (ours.count() if ours is not None else 0)
        except DriverError as error:
            raise of_list(error, "counted") from None

    def made_ports(self, query: Any) -> list[dict[str, Any]]:
        """The ports of a query as ML2 shows them."""
        items = [self._make_port_dict(row, None, bulk=True) for row in query]
        resource_extend.apply_funcs("ports_bulk", items, None)
        return items

    def _selection(self, context: Any, filters: Mapping[str, Any] | None) -> Selection | None:
        """What a list wants of Gluon's ports; None where none of them can be in it.

        Where Neutron itself wants all that there are, it compares them with what it has of them: OVN's driver does, when Neutron
        starts. It has nothing of Gluon's. What comes from outside has filters, if empty ones.
        """
        if filters is None and askers.is_neutron(context):
            return None
        tenant = None if askers.sees_all(context) else context.project_id or ""
        if tenant == "":
            return None
        return select(filters, self._networks.known() or _NOWHERE, tenant, self._alike)

    def _ours(self, context: Any, selection: Selection | None, catalogue: Catalogue | None) -> GluonPorts | None:
        """The ports of Gluon's that a list may have; None where none can be in it, for all that is known."""
        if selection is None or catalogue is None or not catalogue.services:
            return None
        ours = GluonPorts(self._arbiter, catalogue, self._showing, selection, partial(self._knowing.taken, context))
        return ours if ours.protons else None

    def _alike(self) -> Mapping[str, Any]:
        """Every key of a port in this Neutron, with what a port of Gluon's is shown with where it has nothing of its own."""
        return self._stock.known() or stock()

    def _showing(self) -> Showing:
        return Showing(self._networks.stand_in(), self._alike())
