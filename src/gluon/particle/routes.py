# SPDX-License-Identifier: Apache-2.0
"""The routes of a Proton version, as one table: which path and method mean which action on which object.

    Proton ─► (Route, …)        /proton/<proton>/v<version>/<plural>[/<id>]
                                /proton/<proton>/v<version>/<parents>/<parent id>/<children>[/<id>]

A child has the nested routes beside its own collection, one level deep. Pure: knows no HTTP server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import quote

from gluon.model.schema import Action, Object, Proton

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

ON_COLLECTION: Final[Mapping[Method, Action]] = MappingProxyType({"GET": "list", "POST": "create"})
ON_MEMBER: Final[Mapping[Method, Action]] = MappingProxyType(
    {"GET": "get", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
)


@dataclass(frozen=True, slots=True)
class Route:
    """One path. ``template`` holds a ``{name}`` for each parameter, in the order parent's identifier, own identifier.

    ``parent`` is the object whose identifier comes first, None where the path is not nested; ``member`` says whether the
    path ends in the object's own identifier.
    """

    template: str
    object: Object
    member: bool
    parent: Object | None = None

    @property
    def actions(self) -> Mapping[Method, Action]:
        """What each method does here."""
        return ON_MEMBER if self.member else ON_COLLECTION


def prefix(proton: Proton) -> str:
    """Where a version of a Proton begins: ``/proton/net-l3vpn/v1.0``."""
    return f"/proton/{proton.name}/v{proton.version}"


def collection(proton: Proton, obj: Object) -> str:
    """The path of an object's own collection."""
    return f"{prefix(proton)}/{obj.api.plural_name}"


def member(path: str, id: object) -> str:
    """The path of one object in the collection at ``path``, percent-encoded where its identifier needs it."""
    return f"{path}/{quote(str(id), safe='')}"


def routes(proton: Proton) -> tuple[Route, ...]:
    """Every route of this version, collections before members, in the order of the model."""
    return tuple(route for obj in proton.objects for route in _of(proton, obj))


def _of(proton: Proton, obj: Object) -> Iterator[Route]:
    own = collection(proton, obj)
    yield Route(own, obj, member=False)
    yield Route(f"{own}/{{id}}", obj, member=True)
    if obj.api.parent is not None:
        parent = proton.by_name[obj.api.parent]
        nested = f"{collection(proton, parent)}/{{{parent.api.name}_id}}/{obj.api.plural_name}"
        yield Route(nested, obj, member=False, parent=parent)
        yield Route(f"{nested}/{{id}}", obj, member=True, parent=parent)
