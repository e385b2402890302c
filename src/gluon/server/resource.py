# SPDX-License-Identifier: Apache-2.0
"""One route and what its handlers must know of it: which object, in which document, below which parent.

A route of an older version is answered with that version's document, from records of the newest: a projection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gluon.errors import Missing
from gluon.model.schema import Object
from gluon.particle.wording import named
from gluon.server.exchange import Request
from gluon.server.view import View
from gluon.store.contract import Record, Store

#: What a route that is not nested demands of an object.
ANYTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Parent:
    """The object that a nested route goes through; ``key`` is the newest version's attribute of the child that refers to it."""

    object: Object
    document: View
    key: str

    async def require(self, store: Store, id: Any) -> None:
        """Raises Missing where there is no such parent."""
        if await store.get(self.object, id) is None:
            raise missing(self.object, id)


@dataclass(frozen=True, slots=True)
class Resource:
    """``object`` is the newest version's, ``document`` the route's version's; ``path`` is the own collection."""

    object: Object
    document: View
    path: str
    parent: Parent | None = None

    def identifier(self, request: Request) -> Any:
        """The identifier at the end of a member's path. Raises Missing where it can be none."""
        return self.document.parse_id(request.arguments[-1])

    def scope(self, request: Request) -> Mapping[str, Any]:
        """The attributes that the path fixes. Raises Missing where the parent's identifier can be none."""
        if self.parent is None:
            return ANYTHING
        return {self.parent.key: self.parent.document.parse_id(request.arguments[0])}


def within(record: Record, scope: Mapping[str, Any]) -> bool:
    """Whether an object is where the path looks for it."""
    return all(record[name] == value for name, value in scope.items())


def missing(obj: Object, id: Any) -> Missing:
    """The error for an object that is not there, or not for the one who asks."""
    return Missing(f"there is no {named(obj, id)}")
