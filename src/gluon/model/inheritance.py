# SPDX-License-Identifier: Apache-2.0
"""What ``extends`` makes of the declared objects: each with all that it inherits, and the role that its bases give.

    {name: Declaration} ─► {name: Flat}

An object may repeat an inherited attribute to say more about it: its keys come over the inherited ones. Where it changes the
type, what was said about the old type is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gluon.model import grammar, rules
from gluon.model.declarations import Declaration, Declared
from gluon.model.faults import Faults, nearest
from gluon.model.grammar import Fields
from gluon.model.nodes import Entry
from gluon.model.schema import ROLE_OF_BASE, Place, Role

#: The keys that say something about a type, but for its name and its description.
_OF_TYPE: Final = grammar.TYPE.keys() - {"type", "description"} | {"default", "generate", "allocate"}


#: Keys that say the same thing, so that one of them comes over all that a base says: of what is taken where nothing is
#: given, of what a text looks like.
_SAME: Final = (frozenset(grammar.FILLERS), frozenset({"format", "validate"}))


@dataclass(frozen=True, slots=True, eq=False)
class Flat:
    """An object with all that it inherits. ``lineage`` begins with the object itself and ends with its last base."""

    declaration: Declaration
    lineage: tuple[Declaration, ...]
    role: Role
    attributes: Mapping[str, Declared]
    policies: Mapping[str, Entry]
    identifier: str | None
    composite: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def place(self) -> Place:
        return self.declaration.place


def flatten(objects: Mapping[str, Declaration], faults: Faults) -> dict[str, Flat]:
    """All objects that can be flattened, base objects among them; notes a base that is missing, an API object or a circle.

    What is left out has such a base, and so nobody can tell what it is.
    """
    return {name: _flat(lineage, faults) for name in objects if (lineage := _lineage(name, objects, faults))}


def _lineage(name: str, objects: Mapping[str, Declaration], faults: Faults) -> tuple[Declaration, ...] | None:
    lineage = [objects[name]]
    seen = {name}
    while (base := lineage[-1].fields.text("extends")) is not None:
        place = lineage[-1].fields.at("extends")
        if base in seen:
            if base == name:
                faults.add(place, f"'{lineage[-1].name}' extends '{base}' in a circle")
            return None
        if base not in objects:
            bases = [other for other, declaration in objects.items() if declaration.api is None]
            faults.add(place, f"extends unknown object '{base}'", nearest(base, bases))
            return None
        if objects[base].api is not None:
            faults.add(place, f"extends '{base}', which has an api: only base objects can be extended")
            return None
        seen.add(base)
        lineage.append(objects[base])
    return tuple(lineage)


def _flat(lineage: tuple[Declaration, ...], faults: Faults) -> Flat:
    attributes: dict[str, Declared] = {}
    policies: dict[str, Entry] = {}
    classic = False
    identifier: str | None = None
    composite: list[str] = []
    for declaration in reversed(lineage):
        for name, said in declaration.attributes.items():
            attributes[name] = _over(attributes[name], said) if name in attributes else said
        classic = classic or rules.GET_ONE in declaration.policies
        policies.update(rules.by_action(declaration.policies.entries, faults, classic=classic))
        primaries = [a for a in declaration.attributes.values() if a.fields.flag("primary")]
        if identifier is None:
            identifier = _identifier(primaries, faults)
        composite += [a.name for a in primaries if a.name != identifier and a.name not in composite]
    if composite and identifier:
        composite.insert(0, identifier)
    own = lineage[0]
    return Flat(own, lineage, _role(lineage), attributes, policies, identifier, tuple(composite))


def _over(base: Declared, own: Declared) -> Declared:
    gone = {key for same in _SAME for key in same if any(other in own.fields for other in same)}
    if "type" in own.fields and own.fields.text("type") != base.fields.text("type"):
        gone |= _OF_TYPE
    kept = {name: entry for name, entry in base.fields.entries.items() if name not in gone}
    return Declared(own.name, own.place, Fields(own.fields.place, {**kept, **own.fields.entries}, own.fields.wrong))


def _identifier(primaries: Sequence[Declared], faults: Faults) -> str | None:
    for second in primaries[1:]:
        faults.add(
            second.fields.at("primary"), f"a second identifier: '{primaries[0].name}' is primary already; say unique instead"
        )
    return primaries[0].name if primaries else None


def _role(lineage: Sequence[Declaration]) -> Role:
    return next((ROLE_OF_BASE[d.name] for d in lineage if d.name in ROLE_OF_BASE), Role.PLAIN)
