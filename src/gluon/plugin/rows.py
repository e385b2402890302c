# SPDX-License-Identifier: Apache-2.0
"""Says so where a part of Neutron looks for the row of a port that has none.

Tags, policies of quality of service and others do not ask the core plugin for a port but Neutron's database, and what they make
of nothing is an internal error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neutron.objects import ports
from neutron_lib import exceptions


def guard(is_gluon: Callable[[Any, str], bool]) -> None:
    """Answer 400 where the object of a port of Gluon's is asked for. What is found costs nothing more."""
    find = ports.Port.get_object.__func__

    def get_object(cls: Any, context: Any, *more: Any, **keys: Any) -> Any:
        found = find(cls, context, *more, **keys)
        id = keys.get("id")
        if found is None and isinstance(id, str) and is_gluon(context, id):
            why = f"port {id} is a port of Gluon's: Neutron keeps nothing about it, so it has no tags, policies or the like"
            raise exceptions.BadRequest(resource="port", msg=why)
        return found

    ports.Port.get_object = classmethod(get_object)
