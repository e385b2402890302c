# SPDX-License-Identifier: Apache-2.0
"""The bindings of a port as Neutron's API has them: a port of Gluon's has one where it is on a host, and never a second."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any, NoReturn

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

        def ours() -> list[dict[str, Any]]:
            found = showing.binding(self._show(context, port_id))
            fits = found is not None and all(found.get(name) in values for name, values in (filters or {}).items())
            return [utils.resource_fields(found, fields)] if fits else []

        own = partial(super().get_port_bindings, context, port_id, filters, fields, *more, **named)
        return self._knowing.either(context, port_id, ours, own)

    def get_port_binding(self, context: Any, host: str, port_id: str, fields: Any = None) -> dict[str, Any]:
        """See Ml2Plugin."""

        def ours() -> dict[str, Any]:
            found = showing.binding(self._show(context, port_id))
            if found is None or found["host"] != host:
                raise exceptions.PortBindingNotFound(port_id=port_id, host=host)
            return utils.resource_fields(found, fields)

        return self._knowing.either(context, port_id, ours, partial(super().get_port_binding, context, host, port_id, fields))

    def create_port_binding(self, context: Any, port_id: str, binding: Any) -> Any:
        """See Ml2Plugin."""
        own = partial(super().create_port_binding, context, port_id, binding)
        return self._knowing.either(context, port_id, partial(_refuse_second, port_id), own)

    def update_port_binding(self, context: Any, host: str, port_id: str, binding: Any) -> Any:
        """See Ml2Plugin."""
        own = partial(super().update_port_binding, context, host, port_id, binding)
        return self._knowing.either(context, port_id, partial(_refuse_second, port_id), own)

    def delete_port_binding(self, context: Any, host: str, port_id: str) -> None:
        """See Ml2Plugin. Of a host where the port is not (any more) there is nothing to delete."""

        def ours() -> None:
            if self._show(context, port_id)[changing.HOST] == host:
                _refuse_second(port_id)

        self._knowing.either(context, port_id, ours, partial(super().delete_port_binding, context, host, port_id))

    def activate(self, context: Any, host: str, port_id: Any) -> Any:
        """See Ml2Plugin."""
        id = port_id["port_id"] if isinstance(port_id, dict) else port_id
        return self._knowing.either(context, id, partial(_refuse_second, id), partial(super().activate, context, host, port_id))


def _refuse_second(id: str) -> NoReturn:
    why = f"port {id} is a port of Gluon's and on one host at a time: it cannot be migrated live, only cold"
    raise exceptions.BadRequest(resource="port binding", msg=why)
