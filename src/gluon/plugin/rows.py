# SPDX-License-Identifier: Apache-2.0
"""Says so where a part of Neutron looks for the row of a port that has none.

Tags, policies of quality of service and others do not ask the core plugin for a port but Neutron's database, and what they make
of nothing is an internal error. They look by one method of one class, ``Port.get_object``, by its name: there is nothing to
register with, no driver and no call-back, so the method itself is wrapped, once in a process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from neutron.objects import ports
from neutron_lib import exceptions

from gluon.plugin import askers

#: What says whose a port of Gluon's is, None where it is none. The plugin's that was made last, as long as there is one.
_tenant: list[WeakMethod[Callable[[Any, str], str | None]]] = []


def guard(tenant: Callable[[Any, str], str | None]) -> None:
    """Answer 400 where the object of a port of Gluon's is asked for, 404 to those who may not see it; what is found costs nothing
    more. ``tenant``: a bound method, of which nothing is held."""
    if not _tenant:
        _wrap()
    _tenant[:] = [WeakMethod(tenant)]


def _wrap() -> None:
    find = ports.Port.get_object.__func__

    def get_object(cls: Any, context: Any, *more: Any, **keys: Any) -> Any:
        found = find(cls, context, *more, **keys)
        if found is None:
            _refuse(context, keys.get("id"))
        return found

    ports.Port.get_object = classmethod(get_object)


def _refuse(context: Any, id: Any) -> None:
    """Raise where this is a port of Gluon's."""
    tenant_of = _tenant[0]()
    tenant = tenant_of(context, id) if tenant_of is not None and isinstance(id, str) else None
    if tenant is None:
        return
    if not askers.may_see(askers.behind(context), tenant):
        raise exceptions.PortNotFound(port_id=id)
    why = f"port {id} is a port of Gluon's: Neutron keeps nothing about it, so it has no tags, policies or the like"
    raise exceptions.BadRequest(resource="port", msg=why)
