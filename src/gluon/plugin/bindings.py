# SPDX-License-Identifier: Apache-2.0
"""The bindings of a port as Neutron's API has them: a port of Gluon's has one where it is on a host, and never a second."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from neutron_lib import exceptions
from neutron_lib.db import utils

from gluon.plugin import changing, showing
from gluon.plugin.guarding import GuardedNetworks


class PortBindings(GuardedNetworks):
    """The calls of ML2 about them."""

    @abstractmethod
    def _show(self, context: Any, id: str) -> dict[str, Any]:
        """The port of Gluon's, if the asker may see it."""

    def get_port_bindings(
        self, context: Any, port_id: str, filters: Any = None, fields: Any = None, *more: Any, **named: Any
    ) -> list[dict[str, Any]]:
        """See Ml2Plugin. A port of Gluon's has one where it is on a host, else none."""
        if not self._knowing.is_gluon(context, port_id):
            return super().get_port_bindings(context, port_id, filters, fields, *more, **named)
        found = showing.binding(self._show(context, port_id))
        fits = found is not None and all(found.get(name) in values for name, values in (filters or {}).items())
        return [utils.resource_fields(found, fields)] if fits else []

    def get_port_binding(self, context: Any, host: str, port_id: str, fields: Any = None) -> dict[str, Any]:
        """See Ml2Plugin."""
        if not self._knowing.is_gluon(context, port_id):
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
        if not self._knowing.is_gluon(context, port_id):
            super().delete_port_binding(context, host, port_id)
        elif self._show(context, port_id)[changing.HOST] == host:
            self._has_one_binding(context, port_id)

    def activate(self, context: Any, host: str, port_id: Any) -> Any:
        """See Ml2Plugin."""
        self._has_one_binding(context, port_id["port_id"] if isinstance(port_id, dict) else port_id)
        return super().activate(context, host, port_id)

    def _has_one_binding(self, context: Any, id: str) -> None:
        if self._knowing.is_gluon(context, id):
            why = f"port {id} is a port of Gluon's and on one host at a time: it cannot be migrated live, only cold"
            raise exceptions.BadRequest(resource="port binding", msg=why)
