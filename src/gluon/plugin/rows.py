# SPDX-License-Identifier: Apache-2.0
"""Says so where a part of Neutron looks for the row of a port that has none.

Tags, policies of quality of service and others do not ask the core plugin for a port but Neutron's database, and what they make
of nothing is an internal error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from neutron.objects import ports
from neutron_lib import exceptions

#: What says whether a port is Gluon's: the plugin that was made last, as long as there is one.
_asked: list[WeakMethod[Callable[[Any, str], bool]]] = []


def guard(is_gluon: Callable[[Any, str], bool]) -> None:
    """Answer 400 where the object of a port of Gluon's is asked for. What is found costs nothing more."""
    if not _asked:
        _wrap()
    _asked[:] = [WeakMethod(is_gluon)]


def _wrap() -> None:
    find = ports.Port.get_object.__func__

    def get_object(cls: Any, context: Any, *more: Any, **keys: Any) -> Any:
        found = find(cls, context, *more, **keys)
        id = keys.get("id")
        is_gluon = _asked[0]()
        if found is None and isinstance(id, str) and is_gluon is not None and is_gluon(context, id):
            why = f"port {id} is a port of Gluon's: Neutron keeps nothing about it, so it has no tags, policies or the like"
            raise exceptions.BadRequest(resource="port", msg=why)
        return found

    ports.Port.get_object = classmethod(get_object)
