# SPDX-License-Identifier: Apache-2.0
"""ML2 whose lists of networks and of subnets show a tenant what stands for Gluon only where the tenant asks for that."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from neutron.db import models_v2
from neutron_lib.db import utils

from gluon.plugin import hiding
from gluon.plugin.scheduling import Unscheduled


class Unlisted(Unscheduled):
    """The lists of networks and of subnets."""

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
