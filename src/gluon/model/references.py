# SPDX-License-Identifier: Apache-2.0
"""What a reference may point to, and the type of the identifier that it then holds.

"VpnInstance"  (an API object)   ─► ("VpnInstance",)
"BaseService"  (a base object)   ─► every API object that extends it, sorted
port_id, interface_id, service_id of the roles, also where they are typed uuid or string ─► whatever object holds the role
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gluon.model.faults import Faults
from gluon.model.grammar import Fields
from gluon.model.inheritance import Flat
from gluon.model.schema import ROLE_OF_BASE, Place, Role
from gluon.model.types import DEFAULT_LENGTH, Enum, Integer, Reference, String, Type, Uuid

Key = Uuid | String | Integer | Enum

#: The pointers that the roles have, and the role they point to.
POINTERS: Final[Mapping[tuple[Role, str], Role]] = MappingProxyType(
    {
        (Role.INTERFACE, "port_id"): Role.PORT,
        (Role.SERVICE_BINDING, "interface_id"): Role.INTERFACE,
        (Role.SERVICE_BINDING, "service_id"): Role.SERVICE,
    }
)
#: How the classic language types them.
UNTYPED: Final = ("uuid", "string")
#: The longest text that may identify an object or be unique: what every database can index.
MAX_KEY_LENGTH: Final = DEFAULT_LENGTH
#: How many identifiers may refer to one another in a row.
MAX_CHAIN: Final = 16


@dataclass(slots=True)
class References:
    """Resolves names of objects. ``typed`` builds the type of an object's identifier; it is given once everything is known.

    ``lost`` are objects that are declared, but of which nobody can tell what they are (their ``extends`` is wrong, and noted).
    What refers to one of them is right for all one knows.
    """

    flats: Mapping[str, Flat]
    lost: Set[str]
    faults: Faults
    typed: Callable[[Flat, str], Type | None]
    keys: dict[str, Key | None] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def known(self, name: str) -> bool:
        """Whether there is an object of that name, of the API or base."""
        return name in self.flats or name in self.lost

    def holding(self, role: Role) -> tuple[str, ...]:
        """The API objects of a role, sorted."""
        return tuple(sorted(f.name for f in self.flats.values() if f.role is role and f.declaration.api is not None))

    def pointer(self, flat: Flat, name: str, fields: Fields) -> tuple[str, ...] | None:
        """What an untyped pointer of a role refers to; None for every other attribute."""
        role = POINTERS.get((flat.role, name))
        return self.holding(role) if role and fields.text("type") in UNTYPED else None

    def without_holder(self, flat: Flat, name: str, fields: Fields) -> str | None:
        """The base object that a role's pointer needs and that no object of the API extends; None where all is well."""
        role = POINTERS.get((flat.role, name))
        if role is None or self.holding(role):
            return None
        base = next(base for base, gives in ROLE_OF_BASE.items() if gives is role)
        return base if fields.text("type") in (*UNTYPED, base) else None

    def targets(self, name: str) -> tuple[str, ...]:
        """The API objects that a reference to ``name`` may point to."""
        if name in self.lost:
            return ()
        if self.flats[name].declaration.api is not None:
            return (name,)
        extending = (f for f in self.flats.values() if f.declaration.api is not None)
        return tuple(sorted(f.name for f in extending if name in (d.name for d in f.lineage)))

    def reference(self, targets: tuple[str, ...], place: Place) -> Reference | None:
        """The reference to any of ``targets``; notes where their identifiers are not of one type."""
        found = [(target, key) for target in targets if (key := self.key(target, place)) is not None]
        if not found or len(found) < len(targets):
            return None
        first, key = found[0]
        for other, its in found[1:]:
            if its != key:
                self.faults.add(place, f"refers to '{first}' and to '{other}', whose identifiers are of different types")
                return None
        return Reference(targets, key)

    def key(self, name: str, place: Place) -> Key | None:
        """The type of an object's identifier, through references; None where it cannot be told (then that is noted)."""
        if name in self.keys:
            return self.keys[name]
        if name in self.open or len(self.open) >= MAX_CHAIN:
            how = "to itself" if name in self.open else f"through more than {MAX_CHAIN} objects"
            self.faults.add(place, f"the identifier of '{self.open[0]}' refers {how}: {' → '.join([*self.open, name])}")
            return None
        flat = self.flats[name]
        if flat.identifier is None:
            self.keys[name] = Uuid()
            return self.keys[name]
        self.open.append(name)
        type = self.typed(flat, flat.identifier)
        self.open.pop()
        self.keys[name] = self._key(flat, type)
        return self.keys[name]

    def _key(self, flat: Flat, type: Type | None) -> Key | None:
        if type is None:
            return None
        if isinstance(type, Reference):
            return type.key
        fields = flat.attributes[flat.identifier or ""].fields
        if isinstance(type, String) and type.length > MAX_KEY_LENGTH:
            self.faults.add(fields.at("length"), f"an identifier must be at most {MAX_KEY_LENGTH} characters long")
        elif isinstance(type, Uuid | String | Integer | Enum):
            return type
        else:
            self.faults.add(
                fields.at("type"), f"'{fields.text('type')}' cannot identify an object: use uuid, string, integer or enum"
            )
        return None
